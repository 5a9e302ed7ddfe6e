"""The header of a message text, without ever parsing and rebuilding it.

The rule: a header is a slice of bytes.  Fields are found in it, and whole fields are cut
out of it; what is not cut stays as it came, to the last octet, broken lines included.
Line ends are CRLF; a lone LF is tolerated in reading.
"""

import re
from collections.abc import Collection, Iterator

from msgspec import Struct

# RFC 5322 section 2.2: a name of printable characters without the colon; section 4.5.8 allows
# blanks before the colon.  The value goes on over lines that begin with a blank (2.2.3).
_FIELD = re.compile(rb"^([!-9;-~]+)[ \t]*:(.*(?:\n[ \t].*)*)(?:\n|\Z)", re.MULTILINE)
_FOLD = re.compile(rb"\r?\n(?=[ \t])")
_NO_FIELD = re.compile(rb"^(?![ \t])(?![!-9;-~]+[ \t]*:)", re.MULTILINE)


MOST_FIELDS = 10_000  # that are looked at: what stands beyond them must not matter, or must be refused


class Field(Struct, frozen=True):
    """One field and where it stands: ``header[start:end]`` is all of it, its line end included."""

    name: bytes  # as written
    value: bytes  # raw: folded, with the blank after the colon, without the last line end
    start: int
    end: int

    @property
    def key(self) -> bytes:
        """What is compared: field names have no case."""
        return self.name.lower()

    @property
    def text(self) -> bytes:
        """The value on one line, without the blanks around it."""
        return unfold(self.value).strip(b" \t")


def header_end(text: bytes | bytearray, start: int = 0) -> int:
    """Return the length of the header with its empty line; -1 when that has not come yet.

    ``start`` is how much was searched before; the line ends may straddle it.
    """
    if text.startswith(b"\r\n"):
        return 2
    found = text.find(b"\r\n\r\n", max(0, start - 3))
    return -1 if found < 0 else found + 4


def split(text: bytes) -> tuple[bytes, bytes]:
    """Return header, with its empty line, and body.  Without an empty line all of the text is header."""
    end = header_end(text)
    return (text, b"") if end < 0 else (text[:end], text[end:])


def fields(header: bytes, most: int = MOST_FIELDS) -> Iterator[Field]:
    """Yield the fields in order, at most this many.  A line that is neither field nor continuation is passed over."""
    for count, match in enumerate(_FIELD.finditer(header)):
        if count == most:
            return
        yield Field(match[1], match[2].removesuffix(b"\r"), match.start(), match.end())


def has_too_many_fields(header: bytes) -> bool:
    """Are there more fields than ``fields`` yields?"""
    if header.count(b"\n") < MOST_FIELDS:  # the last field may have no line end
        return False
    return sum(1 for _ in fields(header, MOST_FIELDS + 1)) > MOST_FIELDS


def unfold(value: bytes) -> bytes:
    """Return a field's value on one line.  RFC 5322 section 2.2.3: only the line ends go."""
    return _FOLD.sub(b"", value)


def names(header: bytes) -> frozenset[bytes]:
    """Return the names of all fields, in lower case."""
    return frozenset(field.key for field in fields(header))


def missing(header: bytes, wanted: Collection[bytes]) -> tuple[bytes, ...]:
    """Return those of the wanted names that the header lacks, in their order and spelling."""
    present = names(header)
    return tuple(name for name in wanted if name.lower() not in present)


def remove(header: bytes, unwanted: Collection[bytes]) -> bytes:
    """Cut out every field of these names; everything else stays as it is."""
    keys = {name.lower() for name in unwanted}
    kept: list[bytes] = []
    position = 0
    for field in fields(header):
        if field.key in keys:
            kept.append(header[position : field.start])
            position = field.end
    return header if position == 0 else b"".join(kept) + header[position:]


def end_of_fields(text: bytes | bytearray, start: int = 0, end: int | None = None, *, is_first: bool = True) -> int:
    """Return where the first line begins that is neither field nor continuation: the empty line, or the body itself.

    ``start`` and ``end`` bound what is looked at; at ``start`` a line begins, the first of the header or a later one.
    """
    end = len(text) if end is None else end
    if is_first and text[start : start + 1] in (b" ", b"\t"):
        return start  # a continuation of nothing
    match = _NO_FIELD.search(text, start, end)
    return end if match is None else match.start()
