"""A message on standard input, as sendmail reads it: Unix lines in, CRLF out.

The header comes whole (it is bounded), the body as a stream: the text is never held
whole in memory.  The message's size is bounded; reading stops at once when it is exceeded.
"""

import re
from collections.abc import Iterator
from typing import Protocol

from posthouse.mail.errors import MalformedError
from posthouse.mail.limits import Limits

_FIELD = re.compile(rb"[!-9;-~]+[ \t]*:")
_CHUNK = 64 * 1024


class Lines(Protocol):
    """Where a message is read from."""

    def readline(self, most: int, /) -> bytes:
        """Return a line, or as much of it as is wanted; nothing at the end."""


class MessageInput:
    """One message from a stream of bytes."""

    def __init__(self, stream: Lines, limits: Limits, *, ignore_dots: bool = False) -> None:
        self._stream = stream
        self._limits = limits
        self._ignore_dots = ignore_dots
        self._octets = 0
        self._at_line_start = True
        self._ended = False
        self._first_of_body = b""

    def read_header(self) -> bytes:
        """Return the header with CRLF line ends, without the empty line.

        Raises MalformedError when it is too large.  A leading mbox ``From `` line is
        skipped.  The first line that is not a header field ends the header even without an empty line.
        """
        lines: list[bytes] = []
        size = 0
        for line in self._lines():
            if not lines and size == 0 and line.startswith((b"From ", b">From ")):
                continue
            if line == b"\r\n":
                break
            if not (_FIELD.match(line) or (lines and line[:1] in b" \t")):
                self._first_of_body = line
                break
            # A lone CR is no line end in a header: it must not become one, or it would make a field.
            lines.append(line[:-2].replace(b"\r", b" ") + b"\r\n")
            size += len(line)
            if size > self._limits.header_octets:
                raise MalformedError(f"the header is larger than {self._limits.header_octets} octets")
        return b"".join(lines)

    def body_chunks(self) -> Iterator[bytes]:
        """Stream the body; call after ``read_header``.  Raises MalformedError when the text is too large."""
        pieces: list[bytes] = []
        size = 0
        if self._first_of_body:
            pieces.append(_body_line(self._first_of_body))
        for line in self._lines():
            pieces.append(_body_line(line))
            size += len(line)
            if size >= _CHUNK:
                yield b"".join(pieces)
                pieces.clear()
                size = 0
        if pieces:
            yield b"".join(pieces)

    def _lines(self) -> Iterator[bytes]:
        """Yield lines that end in CRLF; a line longer than a chunk comes in pieces."""
        while not self._ended:
            line = self._stream.readline(_CHUNK)
            lone_dot = self._at_line_start and not self._ignore_dots and line in {b".\n", b".\r\n", b"."}
            if not line or lone_dot:
                self._ended = True
            else:
                yield self._counted(line)

    def _counted(self, line: bytes) -> bytes:
        if len(line) == _CHUNK and line.endswith(b"\r"):
            # The last CR of a piece may belong to the line end that follows: read on.
            line += self._stream.readline(_CHUNK)
        if line[-1:] in b"\r\n" or len(line) < _CHUNK:  # the end of the input ends the last line, too
            line = line.rstrip(b"\n").rstrip(b"\r") + b"\r\n"
        self._at_line_start = line.endswith(b"\n")
        return self._add(line)

    def _add(self, line: bytes) -> bytes:
        self._octets += len(line)
        if self._octets > self._limits.text_octets:
            raise MalformedError(f"the message is larger than {self._limits.text_octets} octets")
        return line


def _body_line(line: bytes) -> bytes:
    # CR alone is not allowed in mail (RFC 5321 section 2.3.8); programs that print progress make
    # them, and their report should arrive: each becomes a line end.
    if line.endswith(b"\r\n"):
        return line if line.find(b"\r", 0, -2) < 0 else line[:-2].replace(b"\r", b"\r\n") + b"\r\n"
    return line.replace(b"\r", b"\r\n")
