"""What is cut out of a message's text: pieces to send, the header to return."""

from __future__ import annotations  # so that the ports are imported by the type checker alone

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from posthouse.ports import StoredText

# A read of the event loops that we use brings up to 256,000 octets: what comes in so is one piece, too.
PIECE_OCTETS = 240 * 1024
_LINE_END = b"\r\n"


def pieces(text: bytes) -> Iterator[bytes]:
    """Cut a text into pieces; a small one stays whole."""
    if len(text) <= PIECE_OCTETS:
        yield text
        return
    for start in range(0, len(text), PIECE_OCTETS):
        yield text[start : start + PIECE_OCTETS]


def leading_header(text: bytes, most: int) -> bytes:
    """Return the header with its empty line; when that exceeds ``most`` octets, its leading whole lines."""
    if text.startswith(_LINE_END):
        return _LINE_END[:most]
    end = text.find(_LINE_END * 2, 0, most)
    if end >= 0:
        return text[: end + 4]
    if len(text) <= most:
        return text
    end = text.rfind(_LINE_END, 0, most)
    return text[: end + 2] if end >= 0 else text[:most]


class WholeText:
    """StoredText of a text that is at hand."""

    def __init__(self, text: bytes) -> None:
        self._text = text
        self.octets = len(text)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Stream the text."""
        for piece in pieces(self._text):
            yield piece

    async def header(self, most: int) -> bytes:
        """Return the header."""
        return leading_header(self._text, most)


class EditedText:
    """Port StoredText: a stored text with another header."""

    def __init__(self, text: StoredText, replaced: int, header: bytes) -> None:
        """``replaced`` is how many octets of the text ``header`` stands for."""
        self._text = text
        self._replaced = replaced
        self._header = header
        self.octets = text.octets - replaced + len(header)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Stream the header, then what stands behind the stored one."""
        yield self._header
        skipped = 0
        async for chunk in self._text.chunks():
            rest = chunk[max(0, self._replaced - skipped) :]
            skipped += len(chunk)
            if rest:
                yield rest

    async def header(self, most: int) -> bytes:
        """Return the header, at most this many octets."""
        return self._header[:most]
