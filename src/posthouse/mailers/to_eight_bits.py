"""A text that was made fit for seven bits as it was before: for mailers with F=9.  RFC 2045 sections 6.7 and 6.8.

Lines end in LF here.  An empty line is added at the end, in case that the text has no line end of its own there.
"""

import base64
import binascii
import re
from typing import Final

from posthouse.mailers.mime_entity import Entity

_QUOTED: Final = re.compile(rb"=([0-9A-Fa-f])([0-9A-Fa-f])")
_NO_BASE64: Final = re.compile(rb"[^A-Za-z0-9+/]")
_MOST_LINE: Final = 64 * 1024  # octets that are held back


def is_convertible(entity: Entity) -> bool:
    """Is it a plain text, quoted or in base64?"""
    return entity.kind == "text/plain" and entity.encoding in ("quoted-printable", "base64")


class EightBitBody:
    """Converts one body.  What is returned begins behind the last field of the header."""

    def __init__(self, entity: Entity, note: str) -> None:
        self._is_base64 = entity.encoding == "base64"
        self._held = b""
        self._characters = b""  # of base64: less than four
        self._return = b""  # a CR whose LF may come
        self._last = b"\n"  # octet
        self._fields = (
            f"Content-Transfer-Encoding: 8bit\nX-MIME-Autoconverted: from {entity.written_encoding} to 8bit {note}\n\n"
        ).encode("latin-1", "replace")

    def feed(self, chunk: bytes) -> bytes:
        """Return what is certain after this chunk."""
        written, self._fields = self._fields, b""
        *lines, self._held = re.split(rb"\r?\n", self._held + chunk)
        written += b"".join(self._line(line) for line in lines)
        if len(self._held) > _MOST_LINE:
            written += self._line(self._held)
            self._held = b""
        self._last = written[-1:] or self._last
        return written

    def finish(self) -> bytes:
        """Return the rest."""
        written = self.feed(b"") + self._last_line() + self._return
        end = b"\n" if self._is_base64 and (written[-1:] or self._last) != b"\n" else b""
        return written + end + b"\n"

    def _last_line(self) -> bytes:
        if self._is_base64 or not self._held:
            return self._line(self._held) if self._held else b""
        return _unquoted(self._held, b"")

    def _line(self, line: bytes) -> bytes:
        if not self._is_base64:
            return _unquoted(line, b"\n")
        text = self._characters + _NO_BASE64.sub(b"", line)
        whole = len(text) // 4 * 4
        decoded = self._return + _decoded(text[:whole])
        self._characters = text[whole:]
        if line.rstrip().endswith(b"="):
            decoded += _decoded(self._characters + b"=" * (-len(self._characters) % 4))
            self._characters = b""
        self._return = b"\r" if decoded.endswith(b"\r") else b""
        return decoded.removesuffix(self._return).replace(b"\r\n", b"\n")


def _decoded(text: bytes) -> bytes:
    try:
        return base64.b64decode(text)
    except binascii.Error:
        return b""


def _unquoted(line: bytes, end: bytes) -> bytes:
    """Return a line; what follows a mistake in it is left out, and so is then its end, as after a soft break."""
    parts: list[bytes] = []
    at = 0
    while (mark := line.find(b"=", at)) >= 0:
        parts.append(line[at:mark])
        found = _QUOTED.match(line, mark)
        if found is None:
            return b"".join(parts)
        parts.append(bytes((int(found[1] + found[2], 16),)))
        at = found.end()
    return b"".join(parts) + line[at:] + end
