"""From the octets of a configuration file to its lines.

A line that begins with a blank or a tab goes on with the one before; the line end between
them stays.  ``Sendmail Installation and Operation Guide``, section 5.
"""

from collections.abc import Iterator
from typing import Final

from msgspec import Struct

MAX_OCTETS: Final = 10 * 1024 * 1024
MAX_LINE: Final = 64 * 1024  # octets of a line with all its continuations


class Line(Struct, frozen=True):
    """One line with its continuations, as octet text, and the number of its first physical line."""

    text: str
    number: int


class LongLine(Struct, frozen=True):
    """A line beyond the bound; its text is not kept."""

    number: int


def logical_lines(octets: bytes) -> Iterator[Line | LongLine]:
    """Return every line that is not empty, in order."""
    begun: list[str] = []
    length = first = 0
    for number, raw in enumerate(octets.split(b"\n"), start=1):
        wire = raw.removesuffix(b"\r")
        if begun and wire[:1] in (b" ", b"\t"):
            length += len(wire) + 1
            if length <= MAX_LINE:
                begun.append(wire.decode("iso8859-1"))
            continue
        yield from _finished(begun, length, first)
        first, length = number, len(wire)
        begun = [wire[: MAX_LINE + 1].decode("iso8859-1")] if wire else []
    yield from _finished(begun, length, first)


def _finished(begun: list[str], length: int, number: int) -> Iterator[Line | LongLine]:
    if length > MAX_LINE:
        yield LongLine(number)
    elif begun:
        yield Line("\n".join(begun), number)
