"""Headers: found, cut, never rebuilt."""

import pytest

from posthouse.mail import header

TEXT = (
    b"Received: one\r\n two\r\n\tthree\r\n"
    b"Subject : folded\r\n   here\r\n"
    b"this line is broken\r\n"
    b"BCC: hidden@example.org,\r\n other@example.org\r\n"
    b"X-Empty:\r\n"
    b"bcc:again\r\n"
    b"\r\n"
    b"Bcc: in the body\r\n"
)
HEADER, BODY = header.split(TEXT)


def test_the_header_ends_with_its_empty_line_and_body_is_the_rest():
    assert HEADER + BODY == TEXT
    assert BODY == b"Bcc: in the body\r\n"


@pytest.mark.parametrize(
    ("text", "end"),
    [
        pytest.param(b"", -1, id="nothing"),
        pytest.param(b"\r\nbody", 2, id="no fields"),
        pytest.param(b"A: b\r\n", -1, id="not yet"),
        pytest.param(b"A: b\r\n\r", -1, id="half of the empty line"),
        pytest.param(b"A: b\r\n\r\n", 8, id="just ended"),
        pytest.param(b"A: b\r\n\r\n\r\n\r\n", 8, id="the first empty line counts"),
        pytest.param(b"A: b\n\nx", -1, id="LF alone ends nothing"),
    ],
)
def test_where_the_header_ends(text, end):
    assert header.header_end(text) == end
    for searched in range(len(text)):
        if end < 0 or searched < end:
            assert header.header_end(text, searched) == end


def test_fields_with_name_value_and_place():
    found = list(header.fields(HEADER))

    assert [(field.name, field.text) for field in found] == [
        (b"Received", b"one two\tthree"),
        (b"Subject", b"folded   here"),
        (b"BCC", b"hidden@example.org, other@example.org"),
        (b"X-Empty", b""),
        (b"bcc", b"again"),
    ]
    assert HEADER[found[1].start : found[1].end] == b"Subject : folded\r\n   here\r\n"


def test_fields_are_bounded():
    assert len(list(header.fields(b"A: b\r\n" * 100, most=7))) == 7


def test_removing_a_field_cuts_it_and_nothing_else():
    assert header.remove(HEADER, [b"Bcc"]) == (
        b"Received: one\r\n two\r\n\tthree\r\nSubject : folded\r\n   here\r\nthis line is broken\r\nX-Empty:\r\n\r\n"
    )
    assert header.remove(HEADER, [b"Nothing"]) is HEADER


def test_removing_a_last_field_without_line_end():
    assert header.remove(b"A: b\r\nBcc: c", [b"bcc"]) == b"A: b\r\n"


def test_missing_fields_are_told_as_they_were_asked_for():
    assert header.missing(HEADER, (b"SUBJECT", b"Date", b"x-empty", b"From")) == (b"Date", b"From")


@pytest.mark.parametrize(
    ("text", "end"),
    [
        pytest.param(b"A: b\r\n c\r\n\r\nx", 10, id="empty line"),
        pytest.param(b"A: b\r\nbody\r\n", 6, id="body without an empty line"),
        pytest.param(b"body\r\n", 0, id="no header"),
        pytest.param(b" indented\r\n", 0, id="continuation of nothing"),
        pytest.param(b"A: b\r\n", 6, id="nothing but fields"),
        pytest.param(b"", 0, id="nothing"),
    ],
)
def test_where_the_fields_end(text, end):
    assert header.end_of_fields(text) == end


def test_unfolding_takes_away_only_the_line_ends():
    assert header.unfold(b" a\r\n  b\n\tc") == b" a  b\tc"
