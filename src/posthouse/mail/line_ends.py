"""Turns the wire's line ends into the machine's: CRLF to LF, in chunks of any size.

Inside Posthouse text has CRLF; mailboxes and programs get LF.  A CR that is
not followed by LF is left alone.
"""


class LineEnds:
    """Converts one text as it streams by."""

    def __init__(self) -> None:
        self._held = b""  # a CR at a chunk's end, whose LF may begin the next one

    def feed(self, chunk: bytes) -> bytes:
        """Return what of the text is certain after this chunk."""
        joined = self._held + chunk
        self._held = b"\r" if joined.endswith(b"\r") else b""
        return joined[: len(joined) - len(self._held)].replace(b"\r\n", b"\n")

    def finish(self) -> bytes:
        """Return what was held back."""
        held, self._held = self._held, b""
        return held
