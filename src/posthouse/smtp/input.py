"""What the client has sent and the session has not yet used.

One rule: a command ends at CRLF and nowhere else.  A line with a bare CR or LF
in it, or one beyond the limit, is one bad command, skipped to its CRLF; it is
reported as soon as it is certain, wherever the network has cut it.
"""

import enum


class LineFlaw(enum.Enum):
    """Why a command line cannot be read."""

    TOO_LONG = enum.auto()
    BARE_LINE_END = enum.auto()


class Input:
    """A buffer of octets with bounded lines.  Octets beyond a line's limit are not kept."""

    def __init__(self, most_line_octets: int) -> None:
        self._most_line_octets = most_line_octets
        self._buffer = b""
        self._at = 0  # everything before it is used
        self._later: list[bytes] = []  # arrived since the buffer was last looked at
        self._skipping = False  # up to the CRLF of a line that was reported as bad
        self._octets = 0

    @property
    def octets(self) -> int:
        """How many octets are kept."""
        return self._octets

    def receive(self, wire: bytes) -> None:
        """Append; costs nothing but the list entry, so that tiny packets are not copied over and over."""
        if self._octets:
            self._later.append(wire)
            self._octets += len(wire)
        else:  # all that came before is used: nearly always so
            self._buffer = wire
            self._at = 0
            self._octets = len(wire)

    def next_line(self) -> bytes | LineFlaw | None:
        """Return the next command line without its CRLF, what is wrong with it, or None when it is not all there."""
        if not self._octets:
            return None
        if self._later:
            self._gather()
        if self._skipping and not self._skip():
            return None
        buffer, at = self._buffer, self._at
        end = buffer.find(b"\n", at)
        if end < 0:
            return self._unfinished()
        clean = end > at and buffer[end - 1] == 13
        line_end = end - 1 if clean else end
        self._use(end + 1)
        if line_end - at + 2 > self._most_line_octets:
            self._skipping = not clean
            return LineFlaw.TOO_LONG
        if not clean:
            self._skipping = True
            return LineFlaw.BARE_LINE_END
        line = buffer[at:line_end]
        return LineFlaw.BARE_LINE_END if b"\r" in line else line

    def take_all(self) -> bytes:
        """Return everything that is kept."""
        if self._later:
            self._gather()
        taken = self._buffer[self._at :] if self._at else self._buffer
        self.clear()
        return taken

    def put_back(self, rest: bytes) -> None:
        """Keep what take_all() gave and nobody used."""
        self._buffer = rest
        self._at = 0
        self._octets = len(rest)

    def clear(self) -> None:
        """Forget everything."""
        self._buffer = b""
        self._at = 0
        self._later.clear()
        self._octets = 0

    def _gather(self) -> None:
        if self._at < len(self._buffer):
            self._later.insert(0, self._buffer[self._at :])
        self._buffer = self._later[0] if len(self._later) == 1 else b"".join(self._later)
        self._at = 0
        self._later.clear()

    def _use(self, at: int) -> None:
        self._octets -= at - self._at
        self._at = at

    def _unfinished(self) -> LineFlaw | None:
        kept = self._octets - self._buffer.endswith(b"\r")
        if kept + 2 <= self._most_line_octets:
            return None
        self._skipping = True
        return LineFlaw.TOO_LONG

    def _skip(self) -> bool:
        end = self._buffer.find(b"\r\n", self._at)
        if end >= 0:
            self._use(end + 2)
            self._skipping = False
            return True
        # The CR may be half of the CRLF that ends the line.
        self.put_back(b"\r" if self._buffer.endswith(b"\r") else b"")
        return False
