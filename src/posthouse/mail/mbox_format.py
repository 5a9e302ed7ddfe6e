"""The mbox format, as far as writing it goes: separator lines and their quoting (mboxrd).

A line of the text that begins with ``From ``, after any number of ``>``, gets
one more ``>``; reading takes one away, so that nothing is lost.
"""

import re
from datetime import datetime

from posthouse.mail.address import Path
from posthouse.mail.dates import format_asctime

_FROM_LINE = re.compile(rb"^(>*From )", re.MULTILINE)
_MAYBE_FROM_LINE = re.compile(rb">*(?:F(?:r(?:o(?:m)?)?)?)?")


def from_line(reverse_path: Path, now: datetime) -> bytes:
    """Return the separator before a message: ``From sender asctime``."""
    sender = "".join(str(reverse_path).split()) or "MAILER-DAEMON"  # a blank would end the sender for readers
    return f"From {sender} {format_asctime(now)}\n".encode()


class FromQuoter:
    """Quotes one text (LF line ends) as it streams by, and ends it with an empty line."""

    def __init__(self) -> None:
        self._held = b""  # the beginning of a line that may yet become a From line
        self._in_line = False  # what was given out last did not end a line
        self._last = b"\n"

    def feed(self, chunk: bytes) -> bytes:
        """Return what is certain after this chunk."""
        text = self._held + chunk
        begins = text.rfind(b"\n") + 1  # of the last, unfinished line
        self._held = b""
        if (begins or not self._in_line) and _MAYBE_FROM_LINE.fullmatch(text, begins):
            text, self._held = text[:begins], text[begins:]
        return self._give(text)

    def finish(self) -> bytes:
        """Return what was held back, the last line end if it is missing, and the empty line."""
        rest = self._give(self._held)
        self._held = b""
        return rest + (b"\n" if self._last == b"\n" else b"\n\n")

    def _give(self, text: bytes) -> bytes:
        if not text:
            return b""
        if self._in_line:
            first, newline, others = text.partition(b"\n")
            quoted = first + newline + _FROM_LINE.sub(rb">\1", others)
        else:
            quoted = _FROM_LINE.sub(rb">\1", text)
        self._last = text[-1:]
        self._in_line = self._last != b"\n"
        return quoted
