"""Text in the form of a mailer: dots, From lines, seven bits, long lines, line ends."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthouse.mailers.text import TextForm, TextWriter, form_of
from posthouse.site.cf.declared import MailerDeclaration


def written(form: TextForm, *chunks: bytes) -> bytes:
    writer = TextWriter(form)
    return b"".join([*(writer.feed(chunk) for chunk in chunks), writer.finish()])


@pytest.mark.parametrize(
    ("form", "body", "expected"),
    [
        (TextForm(), b"a\r\n\r\nb\r\n", b"a\n\nb\n"),
        (TextForm(), b"no end", b"no end\n"),
        (TextForm(end_of_line=b"\r\n"), b"a\r\nb", b"a\r\nb\r\n"),
        (TextForm(escapes_from=True), b"From me\r\n>From you\r\nfrom us\r\n", b">From me\n>From you\nfrom us\n"),
        (TextForm(doubles_dots=True), b".\r\n..x\r\ny.\r\n", b"..\n...x\ny.\n"),
        (TextForm(seven_bits=True), b"na\xefve\r\n", b"naove\n"),
        (TextForm(drops_nul=True), b"a\0b\r\n", b"ab\n"),
        (TextForm(blank_at_end=True), b"a\r\n", b"a\n\n"),
        (TextForm(longest_line=10), b"123456789\r\n", b"123456789\n"),
        (TextForm(longest_line=10), b"1234567890\r\n", b"123456789!\n 0\n"),
        (TextForm(longest_line=10), b"123456789abcdefghij\r\n", b"123456789!\n abcdefgh!\n ij\n"),
    ],
)
def test_a_body_is_written_as_the_flags_say(form, body, expected):
    assert written(form, body) == expected


def test_a_header_line_may_be_one_longer_than_a_line_of_the_body():
    writer = TextWriter(TextForm(longest_line=10))

    assert writer.header(("X: 1234567", "Y: 12345678")) == b"X: 1234567\nY: 123456!\n 78\n\n"


def test_a_continuation_that_would_be_a_field_of_its_own_gets_a_blank():
    assert TextWriter(TextForm()).header(("Subject: a\nBcc: b",)) == b"Subject: a\n Bcc: b\n\n"


def test_an_endless_line_is_never_held_whole():
    writer = TextWriter(TextForm())
    octets = sum(len(writer.feed(b"x" * 65_536)) for _ in range(50))

    assert octets > 48 * 65_536
    assert written(TextForm(longest_line=990), b"x" * 5000).count(b"!\n ") == 5


def test_a_mailer_that_speaks_smtp_gets_crlf_and_no_dots_of_ours():
    mailer = MailerDeclaration("esmtp", 3, "/bin/x", ("x",), "LX", end_of_line="\n")

    assert form_of(mailer, is_smtp=True) == TextForm(end_of_line=b"\r\n", longest_line=990)


@given(
    st.binary(max_size=300),
    st.lists(st.integers(0, 300), max_size=5),
    st.booleans(),
    st.booleans(),
    st.sampled_from([0, 5, 20]),
)
def test_however_a_body_is_cut_it_is_written_alike(body, cuts, escapes, dots, longest):
    form = TextForm(longest_line=longest, escapes_from=escapes, doubles_dots=dots)
    body = body.replace(b"\r", b"").replace(b"\n", b"\r\n")
    places = [0, *sorted(cut for cut in cuts if cut < len(body)), len(body)]
    pieces = [body[start:end] for start, end in pairwise(places)]

    assert written(form, *pieces) == written(form, body)
