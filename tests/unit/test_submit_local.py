"""What a local submission gets, and what it keeps."""

from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.header import decode_header, make_header

import pytest

from posthouse.mail.address import Address
from posthouse.submit.local import LineEnds, Origination, complete_text, has_whole_header

AT = datetime(2026, 11, 22, 7, 5, 9, tzinfo=UTC)


def completed(text, name="", author="ann@example.org"):
    """Return the text completed, as another program reads it."""
    local_part, _, domain = author.partition("@")
    octets = complete_text(text, Origination(Address(local_part, domain), name, AT, "id@example.org"))
    return octets, message_from_bytes(octets, policy=policy.SMTP)


def test_what_is_there_stays_as_it_is():
    text = b"DATE: x\r\nfrom :  y\r\n z\r\nMessage-id:q\r\nSubject:  odd   \r\n\r\nbody"

    assert completed(text)[0] == text


@pytest.mark.parametrize(
    ("text", "body"),
    [
        pytest.param(b"Subject: x\r\n\r\nbody\r\n", b"body\r\n", id="whole"),
        pytest.param(b"Subject: x\r\nbody: no\r\nbody\r\n", b"body\r\n", id="header runs into the body"),
        pytest.param(b"body\r\n", b"body\r\n", id="no header"),
        pytest.param(b"\r\nbody\r\n", b"body\r\n", id="empty header"),
        pytest.param(b"Subject: x\r\n", b"", id="no body"),
        pytest.param(b"Subject: x", b"", id="not even a line end"),
        pytest.param(b"", b"", id="nothing at all"),
        pytest.param(b"From joe Mon Jan  1\r\nSubject: x\r\n\r\nbody\r\n", b"body\r\n", id="mailbox line"),
    ],
)
def test_the_header_is_complete_and_parted_from_the_body(text, body):
    octets, message = completed(text)

    assert message["Date"] == "Sun, 22 Nov 2026 07:05:09 +0000"
    assert message["From"] == "ann@example.org"
    assert message["Message-ID"] == "<id@example.org>"
    assert octets.partition(b"\r\n\r\n")[2] == body


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        pytest.param("Ann Other", "Ann Other", id="plain"),
        pytest.param("Other, Ann", "Other, Ann", id="comma"),
        pytest.param('Ann "A" \\ O.', 'Ann "A" \\ O.', id="quotes and backslash"),
        pytest.param("Ann\r\nBcc: evil@example.org", "Ann Bcc: evil@example.org", id="injection"),
        pytest.param("\u00c4nne \u00d6ther", "\u00c4nne \u00d6ther", id="beyond ASCII"),
    ],
)
def test_the_full_name_is_readable_for_others_and_injects_nothing(name, shown):
    octets, message = completed(b"\r\n", name)

    (author,) = message["From"].addresses
    assert (author.display_name, author.addr_spec) == (shown, "ann@example.org")
    assert message["Bcc"] is None
    assert all(len(line) <= 78 for line in octets.split(b"\r\n"))


def test_a_long_name_beyond_ascii_is_several_encoded_words():
    octets, _ = completed(b"\r\n", "\u00fc" * 60)

    # RFC 2047 section 6.2: the blanks between encoded-words are not shown.
    read = str(make_header(decode_header(message_from_bytes(octets)["From"])))
    assert read.split() == ["\u00fc" * 60, "<ann@example.org>"]


def test_bcc_goes_resent_too():
    assert b"cc" not in completed(b"Bcc: a,\r\n b\r\nResent-BCC: c\r\nX: y\r\n\r\n")[0].lower()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(b"Subj", False, id="half a line"),
        pytest.param(b"Subject: x\r\n", False, id="more may come"),
        pytest.param(b"Subject: x\r\n\r\n", True, id="empty line"),
        pytest.param(b"Subject: x\r\nbody\r\n", True, id="body"),
        pytest.param(b"Subject: x\r\nbod", False, id="half a line of what may be a field"),
    ],
)
def test_only_whole_lines_are_judged(text, expected):
    assert has_whole_header(text) == expected
    if expected:
        # However it is cut: the first answer that is yes comes for the same text.
        judged = [has_whole_header(text[:size], max(0, size - 1)) for size in range(1, len(text) + 1)]
        assert judged.index(True) == next(n for n in range(len(text)) if has_whole_header(text[: n + 1]))


@pytest.mark.parametrize("size", [1, 2, 3, 100])
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(b"a\nb\n", b"a\r\nb\r\n", id="LF"),
        pytest.param(b"a\r\nb\r\n", b"a\r\nb\r\n", id="CRLF"),
        pytest.param(b"a\rb\r", b"a\r\nb\r\n", id="CR"),
        pytest.param(b"a\r\r\n\nb", b"a\r\n\r\n\r\nb\r\n", id="all of them"),
        pytest.param(b"", b"", id="nothing"),
    ],
)
def test_line_ends_become_crlf_however_the_text_is_cut(text, size, expected):
    ends = LineEnds()
    chunks = [ends.convert(text[at : at + size]) for at in range(0, len(text), size)]

    assert b"".join([*chunks, ends.finish()]) == expected
