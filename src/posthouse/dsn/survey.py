"""Look through a message that is to come back whole, piece by piece, before a word of its report is written.

The rule: nothing of it is kept but the line that is not yet over.
"""

import re

from posthouse.dsn.report import Whole

MOST_LINE = 998  # RFC 5322 section 2.1.1
# Only where a line begins: tried at each octet, lines just short of it would be read a thousand times.
LONG_LINE = re.compile(rb"(?<![^\r\n])[^\r\n]{%d,}" % (MOST_LINE + 1))
_LONGEST_BOUNDARY = 70  # RFC 2046 section 5.1.1


class Survey:
    """Looks at one message.  ``token`` is the one of its report."""

    def __init__(self, token: str) -> None:
        self._boundary = re.compile(boundary(token, 0)[:-1].encode() + rb"([0-9]{0,9})")
        self._is_ascii = True
        self._has_long_line = False
        self._boundaries = 0
        self._line = b""  # the one that is not yet over; of a long one its end

    def look(self, piece: bytes) -> None:
        """Look at the next piece."""
        text = self._line + piece
        self._is_ascii = self._is_ascii and piece.isascii()
        self._has_long_line = self._has_long_line or LONG_LINE.search(text) is not None
        numbers = [int(found or 0) for found in self._boundary.findall(text)]
        self._boundaries = max([self._boundaries, *(number + 1 for number in numbers)])
        line = text[max(text.rfind(b"\r"), text.rfind(b"\n")) + 1 :]
        self._line = line if len(line) <= MOST_LINE else line[-_LONGEST_BOUNDARY:]

    @property
    def seen(self) -> Whole:
        """What the pieces have shown."""
        return Whole(self._is_ascii, self._has_long_line, self._boundaries)


def boundary(token: str, number: int) -> str:
    """Return a boundary; the "=_" keeps clear of quoted-printable and base64."""
    return f"=_{token}_{number}"
