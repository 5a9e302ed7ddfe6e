"""The pages of a Berkeley DB file: their headers, and where items lie on them.

Every page but the first begins with 26 octets: log number (8), its own number, the page before, the page after
(4 each), entries, where free space ends (2 each), level, kind (1 each); then two octets for each entry,
its offset.  The first page says what the file is.
"""

import struct
from enum import Enum
from typing import Final

from msgspec import Struct

from posthouse.mail.errors import MalformedError

META_OCTETS: Final = 512  # every database's first page has that many
_HEADER_OCTETS: Final = 26
_HASH_MAGIC: Final = 0x061561
_TREE_MAGIC: Final = 0x053162
_VERSIONS: Final = {_HASH_MAGIC: range(7, 11), _TREE_MAGIC: range(8, 11)}
_CHARKEY: Final = b"%$sniglet^&\0"  # its hash value stands in the file, to know the hash function by
_CHECKSUMS: Final = 0x01
_SPARES_AT: Final = 96


class DamagedDatabaseError(MalformedError):
    """Not a database that can be read: the map cannot answer, and mail waits."""


class Kind(Enum):
    """Kinds of pages, by their number."""

    UNUSED = 0  # also a bucket that was never filled
    HASH_UNSORTED = 2
    TREE_INNER = 3
    RECORD_INNER = 4
    TREE_LEAF = 5
    RECORD_LEAF = 6
    OVERFLOW = 7
    HASH = 8  # the first page of a hash
    TREE = 9  # the first page of a btree
    DUPLICATES_LEAF = 12
    HASH_PAGE = 13


class ByteOrder(Enum):
    """How the machine that wrote the file writes numbers."""

    LITTLE = "little"
    BIG = "big"

    def short(self, octets: bytes, at: int) -> int:
        """Read two octets."""
        return self._number(octets[at : at + 2], 2)

    def long(self, octets: bytes, at: int) -> int:
        """Read four octets."""
        return self._number(octets[at : at + 4], 4)

    def shorts(self, octets: bytes, at: int, count: int) -> tuple[int, ...]:
        """Read many times two octets."""
        try:
            return struct.unpack_from(f"{'<' if self is ByteOrder.LITTLE else '>'}{count}H", octets, at)
        except struct.error as error:
            raise DamagedDatabaseError(f"{count} entries on a page of {len(octets)} octets") from error

    def _number(self, octets: bytes, length: int) -> int:
        if len(octets) != length:
            raise DamagedDatabaseError("a number beyond the end of its page")
        return int.from_bytes(octets, "little" if self is ByteOrder.LITTLE else "big")


class Meta(Struct, frozen=True):
    """What the first page says."""

    kind: Kind
    order: ByteOrder
    page_octets: int
    last_page: int
    root: int = 0  # of a btree
    max_bucket: int = 0  # of a hash, and so on
    high_mask: int = 0
    low_mask: int = 0
    spares: tuple[int, ...] = ()


def read_meta(octets: bytes) -> Meta:
    """Read the first page.  Raises DamagedDatabaseError."""
    if len(octets) < META_OCTETS:
        raise DamagedDatabaseError(f"only {len(octets)} octets; no database is that small")
    for order in ByteOrder:
        magic, version, page_octets = (order.long(octets, at) for at in (12, 16, 20))
        if magic in _VERSIONS:
            break
    else:
        raise DamagedDatabaseError("neither a hash nor a btree database of Berkeley DB")
    if version not in _VERSIONS[magic]:
        raise DamagedDatabaseError(f"version {version} of the file format is not known")
    if octets[24] or octets[26] & _CHECKSUMS:
        raise DamagedDatabaseError("encrypted, or with checksums")
    if not 512 <= page_octets <= 65536 or page_octets & (page_octets - 1):
        raise DamagedDatabaseError(f"pages of {page_octets} octets")
    last_page = order.long(octets, 32)
    if magic == _TREE_MAGIC:
        return Meta(Kind.TREE, order, page_octets, last_page, root=order.long(octets, 88))
    if order.long(octets, 92) != fnv_hash(_CHARKEY):
        raise DamagedDatabaseError("written with another hash function")
    return Meta(
        Kind.HASH,
        order,
        page_octets,
        last_page,
        max_bucket=order.long(octets, 72),
        high_mask=order.long(octets, 76),
        low_mask=order.long(octets, 80),
        spares=tuple(order.long(octets, _SPARES_AT + 4 * one) for one in range(32)),
    )


def fnv_hash(key: bytes) -> int:
    """Return the hash value of a key: that of Fowler, Noll and Vo, begun with 0."""
    value = 0
    for octet in key:
        value = (value * 16777619 & 0xFFFFFFFF) ^ octet
    return value


def bucket_page(meta: Meta, bucket: int) -> int:
    """Return the first page of a bucket: buckets of one doubling stand together, after ``spares`` other pages."""
    return bucket + meta.spares[min(bucket.bit_length(), 31)]


class Page:
    """One page.  Every method may raise DamagedDatabaseError."""

    def __init__(self, number: int, octets: bytes, meta: Meta) -> None:
        self.number = number
        self.octets = octets
        self.order = meta.order
        self.next = self.order.long(octets, 16)
        self.entries = self.order.short(octets, 20)
        self.level = octets[24]
        self.kind = octets[25]
        is_overflow = self.kind == Kind.OVERFLOW.value  # where this number counts something else
        self._offsets = () if is_overflow else self.order.shorts(octets, _HEADER_OCTETS, self.entries)

    def expect(self, *kinds: Kind) -> None:
        """Check what kind of page it is."""
        if self.kind not in {kind.value for kind in kinds}:
            raise DamagedDatabaseError(f"page {self.number} is of kind {self.kind}")

    def offset(self, index: int) -> int:
        """Return where an entry lies."""
        at = self._offsets[index] if index < len(self._offsets) else 0
        if not _HEADER_OCTETS + 2 * self.entries <= at < len(self.octets):
            raise DamagedDatabaseError(f"entry {index} of page {self.number} at {at}")
        return at

    def byte(self, at: int) -> int:
        """Return one octet."""
        if at >= len(self.octets):
            raise DamagedDatabaseError(f"an entry beyond the end of page {self.number}")
        return self.octets[at]

    def is_deleted(self, index: int) -> bool:
        """Say whether an entry of a leaf is only waiting to be removed."""
        return bool(self.byte(self.offset(index) + 2) & 0x80)

    def hash_item(self, index: int) -> bytes:
        """Return an entry of a hash page: its kind and what follows, up to the entry before: they fill from the end."""
        at = self.offset(index)
        end = self.offset(index - 1) if index else len(self.octets)
        if end <= at:
            raise DamagedDatabaseError(f"entry {index} of page {self.number} has no end")
        return self.octets[at:end]

    def find_in_hash(self, item: bytes) -> int | None:
        """Return the number of the key that is stored as these octets; None when no key is."""
        at = self.octets.find(item)
        while at >= 0:
            if at in self._offsets:
                index = self._offsets.index(at)
                if index % 2 == 0 and self.hash_item(index) == item:
                    return index
            at = self.octets.find(item, at + 1)
        return None

    def hash_keys_of_kind(self, kind: int) -> list[int]:
        """Return the numbers of the keys that are stored in a special way."""
        octets, last = self.octets, len(self.octets) - 1
        keys = self._offsets[: self.entries - self.entries % 2 : 2]
        return [2 * number for number, at in enumerate(keys) if octets[min(at, last)] == kind]

    def overflow_octets(self) -> bytes:
        """Return what an overflow page holds."""
        octets = self.order.short(self.octets, 22)
        return self.octets[_HEADER_OCTETS : _HEADER_OCTETS + octets]
