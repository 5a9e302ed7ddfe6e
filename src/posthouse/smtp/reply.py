"""Replies on the wire: written by the server, read by the client.

One rule: nothing but printable ASCII and spaces leaves in a reply, and no line
is longer than RFC 5321 section 4.5.3.1.5 allows.  Read replies are decoded with
control characters replaced, so that they can go into a log or a report.
"""

import re
from collections import deque
from functools import lru_cache

from posthouse.mail.errors import PosthouseError
from posthouse.mail.reply import Reply
from posthouse.mail.status import Status

_MAX_LINE_OCTETS = 512  # RFC 5321 section 4.5.3.1.5, CRLF included
_UNPRINTABLE = re.compile(r"[^ -~]")

# What a peer may send: long-winded servers exist, endless ones must not fill memory.
_MAX_READ_LINE_OCTETS = 4096
_MAX_READ_LINES = 200
_MAX_READ_REPLIES = 10_000  # unread replies at once: more than one transaction's recipients can cause

_MOST_REMEMBERED = 80  # characters of a reply that is likely to come again

_REPLY_LINE = re.compile(rb"([2-5][0-5][0-9])(?:([ -])(.*))?", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class ProtocolError(PosthouseError):
    """The peer does not speak SMTP.  The channel closes the connection and defers."""


@lru_cache(maxsize=64)  # nearly all replies are one of a few dozen; each message has one of its own besides
def format_reply(answer: Reply) -> bytes:
    """Return the reply as the wire wants it: CRLF, every line with its code and enhanced status."""
    status = f"{answer.status} " if answer.status else ""
    room = _MAX_LINE_OCTETS - len("250 ") - len(status) - len("\r\n")
    if len(answer.lines) == 1:  # nearly every reply
        return f"{answer.code} {status}{_printable(answer.lines[0])[:room]}\r\n".encode("ascii")
    *first, last = [f"{status}{_printable(line)[:room]}\r\n" for line in answer.lines]
    return "".join([*(f"{answer.code}-{line}" for line in first), f"{answer.code} {last}"]).encode("ascii")


def _printable(line: str) -> str:
    if line.isascii() and line.isprintable():
        return line
    return _UNPRINTABLE.sub("?", line)


def with_status(answer: Reply) -> Reply:
    """Take the enhanced status out of a reply's text, where it has a valid one that agrees with the code."""
    # Remembering long replies would let a peer fill the memory.
    is_short = len(answer.lines) == 1 and len(answer.lines[0]) <= _MOST_REMEMBERED
    return _take_status_again(answer) if is_short else _take_status(answer)


def _take_status(answer: Reply) -> Reply:
    status = Status.leading(answer.lines[0])
    if status is None or status.class_ != answer.code // 100:
        return answer
    prefix = str(status)
    lines = tuple(line[len(prefix) :].lstrip() if line.startswith(prefix) else line for line in answer.lines)
    return Reply(answer.code, lines, status)


_take_status_again = lru_cache(maxsize=128)(_take_status)  # peers say the same to every message


class ReplyReader:
    """An incremental parser of a peer's replies, with bounds on line, lines and unread replies.

    A lone LF ends a line too: broken servers send it, and no text can be smuggled in a reply.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._lines: list[str] = []
        self._code = b""
        self._replies: deque[Reply] = deque()

    def receive(self, wire: bytes) -> None:
        """Take what came.  Raises ProtocolError."""
        *lines, self._rest = (self._rest + wire).split(b"\n")
        for line in lines:
            self._take_line(line.removesuffix(b"\r"))
        if len(self._rest.removesuffix(b"\r")) > _MAX_READ_LINE_OCTETS:
            raise ProtocolError("the peer sent an overlong reply line")

    def next_reply(self) -> Reply | None:
        """Return the next whole reply, or None."""
        return self._replies.popleft() if self._replies else None

    @property
    def is_empty(self) -> bool:
        """Is nothing unread, not even a part of a reply?"""
        return not (self._replies or self._lines or self._rest)

    def _take_line(self, line: bytes) -> None:
        match = _REPLY_LINE.fullmatch(line) if len(line) <= _MAX_READ_LINE_OCTETS else None
        if match is None:
            raise ProtocolError(f"the peer sent {_decode(line[:80])!r} where a reply was due")
        code, separator, text = match.groups()
        if self._lines and code != self._code:
            raise ProtocolError("the peer changed the code in the middle of a reply")
        self._code = code
        self._lines.append(_decode(text or b""))
        if len(self._lines) > _MAX_READ_LINES or len(self._replies) > _MAX_READ_REPLIES:
            raise ProtocolError("the peer sent an endless reply")
        if separator != b"-":
            self._replies.append(Reply(int(code), tuple(self._lines)))
            self._lines = []


def _decode(text: bytes) -> str:
    return _CONTROL.sub("?", text.decode("utf-8", "replace"))
