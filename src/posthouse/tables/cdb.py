"""Read one value from a constant database, cdb(5): the databases that makemap(8) writes for the class cdb.

256 tables of slots, found by the low octet of the key's hash; a slot is a hash and the place of a record, and a
table is searched from one slot on until an empty one.  Numbers have four octets, the lowest first.

Nothing in the file is believed: what does not fit raises DamagedDatabaseError, and nothing else.
"""

import struct
from collections.abc import Callable, Iterator
from typing import Final

from posthouse.tables.berkeley_pages import DamagedDatabaseError

HEADER_OCTETS: Final = 2048
MAX_VALUE_OCTETS: Final = 1024 * 1024  # as of the other databases
_TABLES: Final = 256
_PAIR: Final = struct.Struct("<II")
_PAIRS_AT_ONCE: Final = 64
_START: Final = 5381

ReadAt = Callable[[int, int], bytes]  # offset, length; fewer octets at the end of the file


def hash_of(key: bytes) -> int:
    """Return the hash by which keys are found."""
    value = _START
    for octet in key:
        value = ((value * 33) & 0xFFFFFFFF) ^ octet
    return value


class ConstantDatabase:
    """One database, open to read.  ``read_at`` may raise OSError, which goes to the caller."""

    def __init__(self, read_at: ReadAt) -> None:
        """Raise DamagedDatabaseError when it is no database at all."""
        self._read_at = read_at
        self._header = read_at(0, HEADER_OCTETS)
        if len(self._header) < HEADER_OCTETS:
            raise DamagedDatabaseError(f"no cdb file: it is shorter than {HEADER_OCTETS} octets")

    def get(self, key: bytes) -> bytes | None:
        """Return the first value of a key; None when there is none.  Raises DamagedDatabaseError."""
        wanted = hash_of(key)
        start, slots = _PAIR.unpack_from(self._header, wanted % _TABLES * _PAIR.size)
        if not slots:
            return None
        first = (wanted // _TABLES) % slots
        for found, place in self._slots(start, slots, first):
            if not place:
                return None
            if found == wanted:
                value = self._value(place, key)
                if value is not None:
                    return value
        return None

    def _slots(self, start: int, slots: int, first: int) -> Iterator[tuple[int, int]]:
        """Yield the slots of a table once, from one on and round."""
        for begin, end in ((first, slots), (0, first)):
            for at in range(begin, end, _PAIRS_AT_ONCE):
                count = min(_PAIRS_AT_ONCE, end - at)
                yield from _PAIR.iter_unpack(self._exactly(start + at * _PAIR.size, count * _PAIR.size))

    def _value(self, place: int, key: bytes) -> bytes | None:
        """Return the value of a record; None when it is one of another key."""
        key_octets, octets = _PAIR.unpack(self._exactly(place, _PAIR.size))
        if key_octets != len(key) or self._exactly(place + _PAIR.size, key_octets) != key:
            return None
        if octets > MAX_VALUE_OCTETS:
            raise DamagedDatabaseError(f"a value of {octets} octets; at most {MAX_VALUE_OCTETS} are read")
        return self._exactly(place + _PAIR.size + key_octets, octets)

    def _exactly(self, offset: int, octets: int) -> bytes:
        found = self._read_at(offset, octets)
        if len(found) != octets:
            raise DamagedDatabaseError(f"the file ends within what should be at {offset}")
        return found
