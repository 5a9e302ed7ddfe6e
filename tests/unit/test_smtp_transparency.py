"""Text on the wire: its end, its dots, its line ends, its bounds."""

import pytest

from posthouse.smtp.transparency import Flaw, TextDecoder, TextEncoder

MUCH = 10**6


def decode(wire, pieces, decoder=None):
    """Return text, rest and flaw; ``pieces`` says how large a piece the network delivers."""
    decoder = decoder or TextDecoder(MUCH, MUCH)
    text = b""
    for at in range(0, len(wire), pieces):
        chunk, rest = decoder.decode(wire[at : at + pieces])
        text += chunk
        if rest is not None:
            return text, rest + wire[at + pieces :], decoder.flaw
    return text, None, decoder.flaw


PIECES = pytest.mark.parametrize("pieces", [1, 2, 3, MUCH], ids=["byte by byte", "by twos", "by threes", "whole"])


@PIECES
@pytest.mark.parametrize(
    ("wire", "text"),
    [
        pytest.param(b".\r\n", b"", id="empty text"),
        pytest.param(b"a\r\n.\r\n", b"a\r\n", id="one line"),
        pytest.param(b"\r\n.\r\n", b"\r\n", id="an empty line"),
        pytest.param(b"..\r\n.\r\n", b".\r\n", id="stuffed dot on the first line"),
        pytest.param(b"a\r\n..\r\n...\r\n.\r\n", b"a\r\n.\r\n..\r\n", id="stuffed dots"),
        pytest.param(b".a\r\n.\r\n", b"a\r\n", id="dot that was not stuffed"),
        pytest.param(b"a.\r\n.\r\n", b"a.\r\n", id="dot at the end of a line"),
        pytest.param(b"\x00\xff\r\n.\r\n", b"\x00\xff\r\n", id="any octets"),
    ],
)
def test_text_is_read_to_its_final_dot(wire, text, pieces):
    assert decode(wire + b"QUIT\r\n.\r\n", pieces) == (text, b"QUIT\r\n.\r\n", None)


@PIECES
@pytest.mark.parametrize(
    "ending",
    [
        b"\n.\n",
        b"\n.\r\n",
        b"\r\n.\n",
        b"\r.\r",
        b"\r.\r\n",
        b"\r\n.\r",
        b"\r.\n",
        b"\n.\r",
        b"\r\r\n.\n",
        b"\r\n.\r\r\n",
        b"\r\n.\x00\r\n\n",
        b"\n\r\n.\n\r",
        b"\n\n.\n\n",
    ],
    ids=repr,
)
def test_no_other_ending_ends_a_text(ending, pieces):
    wire = b"text" + ending + b"MAIL FROM:<a@b.example>\r\nmore"

    assert decode(wire, pieces)[1] is None

    _, rest, flaw = decode(wire + b"\r\n.\r\nNOOP\r\n", pieces)
    assert (rest, flaw) == (b"NOOP\r\n", Flaw.BARE_LINE_END)


@PIECES
@pytest.mark.parametrize("wire", [b"\n.\r\n", b"\r.\r\n", b"\r\r\n.\r\n", b"a\rb\r\n.\r\n", b"a\nb\r\n.\r\n"], ids=repr)
def test_a_bare_line_end_is_a_flaw_wherever_it_stands(wire, pieces):
    _, rest, flaw = decode(wire + b"\r\n.\r\n", pieces)

    assert flaw is Flaw.BARE_LINE_END
    assert rest is not None


@PIECES
@pytest.mark.parametrize(("octets", "flaw"), [(9, None), (10, None), (11, Flaw.TOO_LARGE)])
def test_text_has_a_size_limit(octets, flaw, pieces):
    wire = b"x" * (octets - 2) + b"\r\n.\r\nrest"

    text, rest, found = decode(wire, pieces, TextDecoder(10, MUCH))

    assert (rest, found) == (b"rest", flaw)
    if flaw is None:
        assert len(text) == octets


@PIECES
@pytest.mark.parametrize(
    ("octets", "flaw"), [(9, None), (10, None), (11, Flaw.LINE_TOO_LONG), (30, Flaw.LINE_TOO_LONG)]
)
@pytest.mark.parametrize("before", [b"", b"\r\n", b"abcdefgh\r\nab\r\n"])
@pytest.mark.parametrize("after", [b"", b"x\r\n"])
def test_a_text_line_has_a_limit_with_its_crlf(octets, flaw, before, after, pieces):
    wire = before + b"x" * (octets - 2) + b"\r\n" + after + b".\r\nrest"

    _, rest, found = decode(wire, pieces, TextDecoder(MUCH, 10))

    assert (rest, found) == (b"rest", flaw)


@PIECES
def test_a_stuffed_dot_does_not_count(pieces):
    text, _, flaw = decode(b"." + b"." * 8 + b"\r\n.\r\n", pieces, TextDecoder(10, 10))

    assert (text, flaw) == (b"." * 8 + b"\r\n", None)


def test_a_flawed_text_yields_nothing_more():
    decoder = TextDecoder(MUCH, MUCH)

    assert decoder.decode(b"good\r\n")[0] == b"good"
    assert decoder.decode(b"bare\nlf\r\n")[0] == b""
    assert decoder.decode(b"good\r\n.\r\n") == (b"", b"")


def encode(text, pieces):
    encoder = TextEncoder()
    wire = b"".join(encoder.encode(text[at : at + pieces]) for at in range(0, len(text), pieces))
    return wire + encoder.end()


@PIECES
@pytest.mark.parametrize(
    ("text", "wire"),
    [
        pytest.param(b"", b".\r\n", id="empty"),
        pytest.param(b"a\r\n", b"a\r\n.\r\n", id="one line"),
        pytest.param(b"a", b"a\r\n.\r\n", id="final CRLF added"),
        pytest.param(b".\r\n", b"..\r\n.\r\n", id="first line"),
        pytest.param(b"a\r\n.\r\n..b\r\n", b"a\r\n..\r\n...b\r\n.\r\n", id="dots"),
        pytest.param(b"a.\r\n", b"a.\r\n.\r\n", id="dot at the end of a line"),
        pytest.param(b"a\r\n.", b"a\r\n..\r\n.\r\n", id="final dot without CRLF"),
        pytest.param(b"a\r", b"a\r\n.\r\n", id="final CR"),
        pytest.param(b"a\n.\nb\r.\rc", b"a\r\n..\r\nb\r\n..\r\nc\r\n.\r\n", id="no bare line end leaves"),
    ],
)
def test_text_is_stuffed(text, wire, pieces):
    assert encode(text, pieces) == wire
