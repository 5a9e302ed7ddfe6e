"""Message text on the wire: the final dot, dot-stuffing, line ends.  RFC 5321 sections 4.5.2 and 2.3.8.

One rule: only CRLF "." CRLF ends a text.  A bare CR or LF never does, in any
mixture; a text that has one is read to its real end and refused, so that no two
hosts can disagree on where a message stops (SMTP smuggling).

No line objects: a chunk is searched, counted and replaced as a whole.
"""

import enum
import re
from io import IncrementalNewlineDecoder

_DOT = b"\r\n."
_END = b"\r\n.\r\n"
_CLEAN = (None, "\r\n")  # what IncrementalNewlineDecoder says of a text with no other line ends
_LINE_END = re.compile(rb"\r\n|\r|\n")


class Flaw(enum.IntEnum):
    """What is wrong with a text.  The smallest is the one that is answered."""

    BARE_LINE_END = 1
    TOO_LARGE = 2
    LINE_TOO_LONG = 3


class TextDecoder:
    """Takes the text off the wire: finds its end, removes the stuffed dots, judges it.

    After a flaw no more text comes out, but the end is still found.  Memory: the
    chunk itself, and four octets between chunks.
    """

    def __init__(self, most_octets: int, most_line_octets: int) -> None:
        self._most_octets = most_octets
        self._most_line_octets = most_line_octets
        # The line end of the DATA command stands before the text, so that a dot on the first
        # line is no special case; it is not part of the text.
        self._held = b"\r\n"
        self._before_text = True
        self._line_octets = 0  # of the line that the last chunk left unfinished
        self.octets = 0
        self.flaw: Flaw | None = None

    def decode(self, wire: bytes) -> tuple[bytes, bytes | None]:
        """Return the text of this chunk, and what follows the final dot; None while it has not come."""
        wire = self._held + wire
        # One search for both: the first line that begins with a dot is nearly always the end.
        dot = wire.find(_DOT)
        end = wire.find(_END, dot) if dot >= 0 else -1
        stuffed = dot != end
        if end >= 0:
            return self._judge(wire[: end + 2], stuffed=stuffed), wire[end + len(_END) :]
        kept = len(wire) - _undecided(wire)
        self._held = wire[kept:]
        return self._judge(wire[:kept], stuffed=stuffed), None

    def _judge(self, text: bytes, *, stuffed: bool) -> bytes:
        """Unstuff a piece that neither begins nor ends within a CRLF, and check it."""
        if _has_bare_line_end(text):
            self._mark(Flaw.BARE_LINE_END)
        if stuffed:
            text = text.replace(_DOT, b"\r\n")
        if self._before_text and text:
            text = text[2:]
            self._before_text = False
        self.octets += len(text)
        if self.octets > self._most_octets:
            self._mark(Flaw.TOO_LARGE)
        self._measure_lines(text)
        return b"" if self.flaw else text

    def _measure_lines(self, text: bytes) -> None:
        most = self._most_line_octets
        start = -self._line_octets  # where the unfinished line would begin in this chunk
        while len(text) - start > most:
            # The last line end within reach: lines before it cannot be too long.
            found = text.rfind(b"\r\n", max(start, 0), start + most)
            if found < 0:
                self._mark(Flaw.LINE_TOO_LONG)
                break
            start = found + 2
        last = text.rfind(b"\r\n", max(start, 0))
        # Beyond the limit the length no longer matters, but must not grow without bound.
        self._line_octets = min(len(text) - (last + 2 if last >= 0 else start), most + 1)

    def _mark(self, flaw: Flaw) -> None:
        if self.flaw is None or flaw < self.flaw:
            self.flaw = flaw


def _has_bare_line_end(text: bytes) -> bool:
    # The one search of the standard library that sees all kinds of line ends in one pass (Latin-1: an octet is a
    # character, whatever it means).  Taking the CRLFs out and looking for the rest takes more than twice as long.
    seen = IncrementalNewlineDecoder(None, translate=False)
    seen.decode(text.decode("latin-1"), final=True)
    return seen.newlines not in _CLEAN


def _undecided(wire: bytes) -> int:
    """Return how many octets at the end may be the beginning of the end, or half a line end."""
    for length in (4, 3, 2, 1):
        if wire.endswith(_END[:length]):
            return length
    return 0


class TextEncoder:
    """Puts a text on the wire: stuffs dots, ends it.

    A bare CR or LF, which the spool should not hold, leaves as CRLF: passed on as it is, it
    could end the text for a lax peer.
    """

    def __init__(self) -> None:
        self._held = b""  # a CR whose LF may come with the next chunk
        self._at_line_start = True

    def encode(self, chunk: bytes) -> bytes:
        """Return the chunk for the wire."""
        text = self._held + chunk if self._held else chunk
        if text.endswith(b"\r"):
            self._held = b"\r"
            text = text[:-1]
        else:
            self._held = b""
        return self._stuff(text) if text else b""

    def end(self) -> bytes:
        """Return what ends the text: the CRLF that it may lack, and the final dot."""
        rest = self._stuff(b"\r\n") if self._held else b""
        return rest + (b".\r\n" if self._at_line_start else _END)

    def _stuff(self, text: bytes) -> bytes:
        if _has_bare_line_end(text):
            text = _LINE_END.sub(b"\r\n", text)
        stuffed = text.replace(b"\r\n.", b"\r\n..")
        if self._at_line_start and stuffed.startswith(b"."):
            stuffed = b"." + stuffed
        self._at_line_start = text.endswith(b"\r\n")
        return stuffed
