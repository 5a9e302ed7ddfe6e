"""Replies on the wire: ours, and the peer's."""

import pytest

from posthouse.mail.reply import Reply, reply
from posthouse.mail.status import Status
from posthouse.smtp.reply import ProtocolError, ReplyReader, format_reply, with_status


@pytest.mark.parametrize(
    ("answer", "wire"),
    [
        pytest.param(reply(250, "2.1.0", "ok"), b"250 2.1.0 ok\r\n", id="one line"),
        pytest.param(reply(354, "", "go on"), b"354 go on\r\n", id="no status"),
        pytest.param(reply(250, "2.0.0", "a", "b"), b"250-2.0.0 a\r\n250 2.0.0 b\r\n", id="status on each line"),
        pytest.param(reply(550, "5.1.1", "a\r\n250 ok\x00é"), b"550 5.1.1 a??250 ok??\r\n", id="nothing unprintable"),
    ],
)
def test_a_reply_is_written(answer, wire):
    assert format_reply(answer) == wire


@pytest.mark.parametrize(("octets", "written"), [(499, 511), (500, 512), (501, 512)])
def test_a_reply_line_has_at_most_512_octets(octets, written):
    assert len(format_reply(reply(250, "2.0.0", "x" * octets))) == written


def read(wire, pieces):
    reader = ReplyReader()
    for at in range(0, len(wire), pieces):
        reader.receive(wire[at : at + pieces])
    return list(iter(reader.next_reply, None))


@pytest.mark.parametrize("pieces", [1, 2, 10**6])
@pytest.mark.parametrize(
    ("wire", "replies"),
    [
        pytest.param(b"250 ok\r\n", [Reply(250, ("ok",))], id="one"),
        pytest.param(b"250\r\n", [Reply(250, ("",))], id="no text"),
        pytest.param(b"250-a\r\n250-\r\n250 b\r\n", [Reply(250, ("a", "", "b"))], id="multiline"),
        pytest.param(b"250 a\r\n550 b\r\n250-c", [Reply(250, ("a",)), Reply(550, ("b",))], id="two and a half"),
        pytest.param(b"250 a\n", [Reply(250, ("a",))], id="bare LF"),
        pytest.param(b"250 a\x1b[31m\r\n", [Reply(250, ("a?[31m",))], id="control character"),
        pytest.param("250 ä\r\n".encode(), [Reply(250, ("ä",))], id="UTF-8"),
        pytest.param(b"250 \xff\r\n", [Reply(250, ("\ufffd",))], id="not UTF-8"),
        pytest.param(b"250 " + b"x" * 4092 + b"\r\n", [Reply(250, ("x" * 4092,))], id="longest line"),
        pytest.param(b"250-a\r\n" * 199 + b"250 a\r\n", [Reply(250, ("a",) * 200)], id="most lines"),
    ],
)
def test_a_reply_is_read(wire, replies, pieces):
    assert read(wire, pieces) == replies


@pytest.mark.parametrize("pieces", [1, 10**6])
@pytest.mark.parametrize(
    "wire",
    [
        b"\r\n",
        b"hello\r\n",
        b"25 ok\r\n",
        b"2500 ok\r\n",
        b"150 ok\r\n",
        b"660 ok\r\n",
        b"\xb2\xb2\xb2 ok\r\n",
        b"250-a\r\n251 b\r\n",
        b"250 " + b"x" * 4093 + b"\r\n",
        b"x" * 5000,
        b"250-a\r\n" * 201,
    ],
    ids=lambda wire: repr(wire[:20]),
)
def test_nonsense_is_a_protocol_error(wire, pieces):
    with pytest.raises(ProtocolError):
        read(wire, pieces)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(Reply(550, ("5.1.1 no",)), Reply(550, ("no",), Status(5, 1, 1)), id="taken out"),
        pytest.param(Reply(550, ("5.1.1 a", "5.1.1 b")), Reply(550, ("a", "b"), Status(5, 1, 1)), id="of each line"),
        pytest.param(Reply(550, ("5.1.1",)), Reply(550, ("",), Status(5, 1, 1)), id="alone"),
        pytest.param(Reply(450, ("5.1.1 no",)), Reply(450, ("5.1.1 no",)), id="contradicts the code"),
        pytest.param(Reply(550, ("5.1.1no",)), Reply(550, ("5.1.1no",)), id="no status"),
    ],
)
def test_the_status_is_taken_out_of_the_text(given, expected):
    assert with_status(given) == expected
