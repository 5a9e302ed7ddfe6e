"""A message on standard input: Unix lines in, CRLF out, bounded."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthouse.cli.classic.message_input import MessageInput
from posthouse.mail.errors import MalformedError
from posthouse.mail.limits import Limits


def read(text, limits=None, **options):
    message = MessageInput(io.BytesIO(text), limits or Limits(), **options)
    return message.read_header(), b"".join(message.body_chunks())


@pytest.mark.parametrize(
    ("text", "header", "body"),
    [
        pytest.param(b"A: b\n\nhello\n", b"A: b\r\n", b"hello\r\n", id="Unix lines"),
        pytest.param(b"A: b\r\n\r\nhello\r\n", b"A: b\r\n", b"hello\r\n", id="CRLF lines"),
        pytest.param(b"A: b\r\r\n\r\r\nhello\r\r\n", b"A: b\r\n", b"hello\r\n", id="CR doubled by somebody"),
        pytest.param(b"A: b\n c\n\nx", b"A: b\r\n c\r\n", b"x\r\n", id="folded field, no last line end"),
        pytest.param(b"", b"", b"", id="nothing"),
        pytest.param(b"just text\nmore: text\n", b"", b"just text\r\nmore: text\r\n", id="no header at all"),
        pytest.param(b"A: b\nno field\nx\n", b"A: b\r\n", b"no field\r\nx\r\n", id="body without an empty line"),
        pytest.param(b"\nbody\n", b"", b"body\r\n", id="empty header"),
        pytest.param(b"From joe Sun Nov 22\nA: b\n\nx\n", b"A: b\r\n", b"x\r\n", id="mbox From line"),
        pytest.param(b"A: b\n\nFrom joe\n", b"A: b\r\n", b"From joe\r\n", id="From in the body stays"),
        pytest.param(b"A: b\n\nx\n.\ny\n", b"A: b\r\n", b"x\r\n", id="a lone dot ends it"),
        pytest.param(b"A: b\n\nx\n.", b"A: b\r\n", b"x\r\n", id="a lone dot at the end"),
        pytest.param(b"A: b\n\n..\n.x\n", b"A: b\r\n", b"..\r\n.x\r\n", id="other dots stay"),
        pytest.param(b"A: b\n\n10%\r20%\rdone\n", b"A: b\r\n", b"10%\r\n20%\r\ndone\r\n", id="progress with lone CR"),
        pytest.param(b"A: b\rBcc: x\n\n", b"A: b Bcc: x\r\n", b"", id="lone CR makes no field"),
        pytest.param(b"A: b\n\n\xff\x00\n", b"A: b\r\n", b"\xff\x00\r\n", id="any octets"),
    ],
)
def test_message_becomes_crlf(text, header, body):
    assert read(text) == (header, body)


def test_dot_is_text_with_ignore_dots():
    assert read(b"A: b\n\nx\n.\ny\n", ignore_dots=True)[1] == b"x\r\n.\r\ny\r\n"


@pytest.mark.parametrize(("extra", "fits"), [(-1, True), (0, True), (1, False)])
def test_text_is_bounded(extra, fits):
    limits = Limits(text_octets=64 * 1024)
    head = b"A: b\r\n\r\n"
    text = head + b"x" * (limits.text_octets - len(head) - 2 + extra) + b"\r\n"

    if fits:
        assert len(b"".join(read(text, limits))) <= limits.text_octets
    else:
        with pytest.raises(MalformedError, match="larger than 65536 octets"):
            read(text, limits)


def test_header_is_bounded():
    with pytest.raises(MalformedError, match="header is larger"):
        read(b"A: b\n" * 100, Limits(header_octets=400))


@pytest.mark.parametrize("length", [65535, 65536, 65537, 131072, 200000])
def test_long_lines_pass_unchanged(length):
    assert read(b"\n" + b"x" * length + b"\ny\n")[1] == b"x" * length + b"\r\ny\r\n"


@pytest.mark.parametrize("before", [65534, 65535, 65536])
def test_crlf_across_a_chunk_is_one_line_end(before):
    assert read(b"\n" + b"x" * before + b"\r\ny\n")[1] == b"x" * before + b"\r\ny\r\n"


@given(st.binary(max_size=300), st.booleans())
def test_any_octets_give_clean_lines(text, ignore_dots):
    """Any octets give header and body in which CR and LF only ever come as CRLF, each ending in one."""
    for part in read(text, ignore_dots=ignore_dots):
        assert b"\r" not in part.replace(b"\r\n", b"")
        assert b"\n" not in part.replace(b"\r\n", b"")
        assert not part or part.endswith(b"\r\n")
