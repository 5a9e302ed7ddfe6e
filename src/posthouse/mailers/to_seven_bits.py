"""A body of MIME with eight bits in seven, for mailers that take no more: quoted-printable or base64, part by part.

RFC 2045 section 6.  A part in which more than an eighth of the octets has the eighth bit set, or whose encoding is
binary, becomes base64.  So a body is read twice: surveyed, then converted.  Lines end in LF here.
"""

import base64
import re
from collections.abc import Sequence
from enum import Enum, auto
from typing import Final

from msgspec import Struct

from posthouse.mailers.mime_entity import Entity, entity_of, is_encoding

MOST_HEADER: Final = 64 * 1024  # octets of a part's header; a longer one is passed on as it is
MOST_DEPTH: Final = 20  # parts within parts
_LONGEST_HELD: Final = 64 * 1024  # octets of a line
_WIDEST: Final = 72  # characters of a quoted line, after which it is broken
_SEVEN: Final = bytes(octet & 0x7F for octet in range(256))
_EIGHT: Final = bytes(range(128, 256))
_SPECIAL: Final = re.compile(rb"[^\t -<>-~]")
_UNIT: Final = re.compile(rb"=[0-9A-F]{2}|.", re.DOTALL)
_BASE64_LINE: Final = 54  # octets that make a line of 72 characters


class Handling(Struct, frozen=True):
    """The classes that say what is converted, in lower case: ``$=e``, ``$=n``, ``$=s``, ``$=q``, ``$=b``."""

    encodings: frozenset[str] = frozenset({"7bit", "8bit", "binary"})
    never: frozenset[str] = frozenset({"multipart/signed"})
    messages: frozenset[str] = frozenset({"rfc822"})
    quoted: frozenset[str] = frozenset()
    base64: frozenset[str] = frozenset()
    note: str = ""  # by whom: ``by host id name``

    def converts(self, entity: Entity) -> bool:
        """May the body be touched?"""
        return entity.kind not in self.never and (not entity.encoding or entity.encoding in self.encodings)


class _State(Enum):
    HEADER = auto()
    AROUND = auto()  # before the first part, and behind the last
    SURVEYED = auto()
    QUOTED = auto()
    BASE64 = auto()
    PASSED = auto()  # nothing is touched


class Count(Struct, frozen=True):
    """How much of a part has the eighth bit set."""

    octets: int
    eight: int


class SevenBitBody:
    """Converts one body.  What is returned begins behind the header's last field: with fields, or an empty line.

    ``counts`` is what a survey has found, part by part; without them this is the survey: what it returns is not to be
    used but its ``counts`` when it is finished.
    """

    def __init__(self, entity: Entity, handling: Handling, counts: Sequence[Count] | None = None) -> None:
        self.counts: list[Count] = []
        self._known = None if counts is None else iter(counts)
        self._octets = self._eight = 0
        self._handling = handling
        self._boundaries: list[bytes] = []
        self._state = _State.AROUND
        self._entity = entity
        self._held = b""  # the beginning of a line
        self._header: list[bytes] = []
        self._header_octets = 0
        self._rest = b""  # what waits to become base64
        self._width = 0
        self._line_waits = False  # an encoded line has ended, and its end is only part of the text if more follows
        self._is_begun = False

    def feed(self, chunk: bytes) -> bytes:
        """Return what is certain after this chunk."""
        written = bytearray()
        if not self._is_begun:
            self._is_begun = True
            written += self._begin(self._entity)
        *lines, self._held = re.split(rb"\r?\n", self._held + chunk)
        for line in lines:
            written += self._line(line, has_end=True)
        if len(self._held) > _LONGEST_HELD and not self._held.endswith(b"\r"):
            written += self._line(self._held, has_end=False)
            self._held = b""
        return bytes(written)

    def finish(self) -> bytes:
        """Return the rest."""
        written = bytearray(self.feed(b""))
        if self._held:
            written += self._line(self._held, has_end=False)
        if self._state is _State.HEADER:
            written += b"".join(line + b"\n" for line in self._header)
        return bytes(written + self._end_part(is_last=True))

    def _line(self, line: bytes, *, has_end: bool) -> bytes:
        end = b"\n" if has_end else b""
        if self._state is _State.HEADER:
            return self._header_line(line)
        if line.startswith(b"--"):
            stripped = line.rstrip(b" \t")
            for depth in range(len(self._boundaries) - 1, -1, -1):
                mark = self._boundaries[depth]
                if stripped in (b"--" + mark, b"--" + mark + b"--"):
                    return self._at_boundary(line, depth, is_last=stripped != b"--" + mark)
        if self._state is _State.AROUND:
            return line.translate(_SEVEN) + end
        if self._state is _State.PASSED:
            return line + end
        if self._state is _State.SURVEYED:
            self._octets += len(line) + len(end)
            self._eight += len(line) - len(line.translate(None, _EIGHT))
            return b""
        return self._encode(line + end)

    def _at_boundary(self, line: bytes, depth: int, *, is_last: bool) -> bytes:
        written = self._end_part(is_last=False)
        del self._boundaries[depth + 1 :]
        if is_last:
            self._boundaries.pop()
            self._state = _State.AROUND
        else:
            self._begin_header()
        return written + line + b"\n"

    def _begin_header(self) -> None:
        self._state, self._header, self._header_octets = _State.HEADER, [], 0

    def _header_line(self, line: bytes) -> bytes:
        if line:
            self._header.append(line)
            self._header_octets += len(line)
            if self._header_octets > MOST_HEADER:
                self._state = _State.PASSED
                return b"".join(kept + b"\n" for kept in self._header)
            return b""
        fields = _unfolded(self._header)
        self._header = []
        entity = entity_of(field.decode("latin-1") for field in fields)
        if self._handling.converts(entity):
            fields = [field for field in fields if not is_encoding(field.decode("latin-1"))]
        is_message = self._entity.group == "message" and not entity.is_mime
        return b"".join(field + b"\n" for field in fields) + self._begin(entity, needs_version=is_message)

    def _begin(self, entity: Entity, *, needs_version: bool = False) -> bytes:
        """Begin a body; return what ends its header, if that is known already."""
        handling = self._handling
        self._needs_version = needs_version
        self._entity = entity
        if not handling.converts(entity):
            self._state = _State.PASSED
        elif entity.group == "multipart" and entity.boundary and len(self._boundaries) < MOST_DEPTH:
            self._boundaries.append(entity.boundary.encode("latin-1", "replace"))
            self._state = _State.AROUND
        elif entity.group == "message" and entity.subtype in handling.messages:
            self._begin_header()
        elif entity.group in ("message", "multipart"):
            self._state = _State.PASSED
        else:
            return self._begin_leaf()
        return b"\n"

    def _begin_leaf(self) -> bytes:
        """Choose the encoding of a part, and end its header."""
        if self._known is None:
            self._state, self._octets, self._eight = _State.SURVEYED, 0, 0
            return b""
        count, entity = next(self._known, Count(0, 0)), self._entity
        if not count.eight:
            self._state = _State.PASSED
            return b"\n"
        kinds = {entity.kind, entity.group}
        is_base64 = entity.encoding == "binary" or bool(kinds & self._handling.base64)
        is_base64 = is_base64 or (not kinds & self._handling.quoted and count.octets // 8 < count.eight)
        self._state = _State.BASE64 if is_base64 else _State.QUOTED
        self._width, self._rest, self._line_waits = 0, b"", False
        name = "base64" if is_base64 else "quoted-printable"
        version = "MIME-Version: 1.0\n" if self._needs_version else ""
        fields = (
            f"Content-Transfer-Encoding: {name}\nX-MIME-Autoconverted: from 8bit to {name} {self._handling.note}\n\n"
        )
        return (version + fields).encode("latin-1", "replace")

    def _encode(self, octets: bytes) -> bytes:
        if self._state is _State.BASE64:
            text = (b"\r\n" if self._line_waits else b"") + octets.replace(b"\n", b"\r\n")
            self._line_waits = octets.endswith(b"\n")
            self._rest += text[:-2] if self._line_waits else text
            whole = len(self._rest) // _BASE64_LINE * _BASE64_LINE
            written, self._rest = _base64(self._rest[:whole]), self._rest[whole:]
            return written
        return b"".join(self._quoted(line) for line in octets.splitlines(keepends=True))

    def _quoted(self, line: bytes) -> bytes:
        text = line.removesuffix(b"\n")
        has_end = len(text) < len(line)
        quoted = _SPECIAL.sub(lambda found: b"=%02X" % found[0][0], text)
        if quoted == b"." and has_end and not self._width:
            quoted = b"=2E"  # it might be taken for the end of the text
        elif has_end and quoted[-1:] in (b" ", b"\t"):
            quoted = quoted[:-1] + b"=%02X" % quoted[-1]
        if self._width + len(quoted) <= _WIDEST:
            written = bytearray(quoted)
            self._width += len(quoted)
        else:
            written = self._broken(quoted)
        if has_end:
            written += b"\n"
            self._width = 0
        return bytes(written)

    def _broken(self, quoted: bytes) -> bytearray:
        written = bytearray()
        for unit in _UNIT.findall(quoted):
            if self._width > _WIDEST:
                written += b"=\n"
                self._width = 0
            written += unit
            self._width += len(unit)
        return written

    def _end_part(self, *, is_last: bool) -> bytes:
        written = b""
        if self._state is _State.SURVEYED:
            self.counts.append(Count(self._octets, self._eight))
        elif self._state is _State.BASE64:
            # The end of the line before a boundary is the boundary's.
            rest = self._rest + (b"\r\n" if self._line_waits and is_last else b"")
            written += _base64(rest)
            self._rest, self._line_waits = b"", False
        elif self._state is _State.QUOTED and self._width and not is_last:
            written += b"\n"
        self._width = 0
        return written


def _unfolded(lines: list[bytes]) -> list[bytes]:
    """Return the fields of a header, each with its continuation lines."""
    fields: list[list[bytes]] = []
    for line in lines:
        if line[:1] in (b" ", b"\t") and fields:
            fields[-1].append(line)
        else:
            fields.append([line])
    return [b"\n".join(field) for field in fields]


def _base64(octets: bytes) -> bytes:
    lines = (octets[at : at + _BASE64_LINE] for at in range(0, len(octets), _BASE64_LINE))
    return b"".join(base64.b64encode(line) + b"\n" for line in lines)
