"""Read one value from a Berkeley DB file: the hash and btree databases that makemap(8) writes.

The format is that of Berkeley DB 3 to 18 (hash versions 7 to 10, btree versions 8 to 10), in either byte order.
Only what a look-up needs is read: no transactions, no encryption, no checksums.  Of several values of
one key the first is returned.

Nothing in the file is believed: every page number, length and offset is checked, and chains of pages are
followed for a bounded number of steps.  What does not fit raises DamagedDatabaseError, and nothing else.
"""

from collections.abc import Callable
from typing import Final

from msgspec import Struct

from posthouse.tables.berkeley_pages import (
    META_OCTETS,
    DamagedDatabaseError,
    Kind,
    Meta,
    Page,
    bucket_page,
    fnv_hash,
    read_meta,
)

MAX_VALUE_OCTETS: Final = 1024 * 1024  # a list of ten thousand addresses
_MOST_PAGES: Final = 4096  # in one bucket, or between the root of a tree and its leaves
# Kinds of items on pages of a btree.
_KEY_OR_VALUE: Final = 1
_DUPLICATES: Final = 2
_OVERFLOW: Final = 3
# Kinds of items on pages of a hash; there each begins with its kind.
_HASH_KEY_OR_VALUE: Final = 1
_HASH_DUPLICATES: Final = 2
_HASH_OVERFLOW: Final = 3
_HASH_FAR_DUPLICATES: Final = 4

ReadAt = Callable[[int, int], bytes]  # offset, length; fewer octets at the end of the file


class _Place(Struct, frozen=True):
    """Something kept on pages of its own."""

    page: int
    octets: int


class BerkeleyDatabase:
    """One database, open to read.  ``read_at`` may raise OSError, which goes to the caller."""

    def __init__(self, read_at: ReadAt) -> None:
        """Raise DamagedDatabaseError when it is no database that can be read here."""
        self._read_at = read_at
        self._meta: Meta = read_meta(read_at(0, META_OCTETS))
        self._most_pages = min(_MOST_PAGES, self._meta.last_page)

    def get(self, key: bytes) -> bytes | None:
        """Return the first value of a key; None when there is none.  Raises DamagedDatabaseError."""
        return self._from_hash(key) if self._meta.kind is Kind.HASH else self._from_tree(key)

    # Hash: the bucket of a key is a chain of pages.

    def _from_hash(self, key: bytes) -> bytes | None:
        meta = self._meta
        if meta.max_bucket > meta.last_page:
            raise DamagedDatabaseError(f"{meta.max_bucket} buckets in {meta.last_page} pages")
        bucket = fnv_hash(key) & meta.high_mask
        if bucket > meta.max_bucket:
            bucket &= meta.low_mask
        number = bucket_page(meta, bucket)
        for _ in range(self._most_pages):
            page = self._page(number)
            page.expect(Kind.HASH_PAGE, Kind.HASH_UNSORTED, Kind.UNUSED)
            index = self._find_in_hash(page, key)
            if index is not None:
                return self._hash_value(page, index + 1)
            number = page.next
            if number == 0:
                return None
        raise DamagedDatabaseError("a bucket without end")

    def _find_in_hash(self, page: Page, key: bytes) -> int | None:
        found = page.find_in_hash(bytes([_HASH_KEY_OR_VALUE]) + key)
        if found is not None:
            return found
        for index in page.hash_keys_of_kind(_HASH_OVERFLOW):
            place = self._hash_place(page, page.hash_item(index))
            if place.octets == len(key) and self._overflow(place) == key:
                return index
        return None

    def _hash_value(self, page: Page, index: int) -> bytes:
        item = page.hash_item(index)
        kind = item[0]
        if kind == _HASH_KEY_OR_VALUE:
            return item[1:]
        if kind == _HASH_OVERFLOW:
            return self._overflow(self._hash_place(page, item))
        if kind == _HASH_DUPLICATES:
            octets = page.order.short(item, 1)
            return _exactly(item[3 : 3 + octets], octets)
        if kind == _HASH_FAR_DUPLICATES:
            return self._first_duplicate(page.order.long(item, 4))
        raise DamagedDatabaseError(f"an item of kind {kind} on page {page.number}")

    def _hash_place(self, page: Page, item: bytes) -> _Place:
        return _Place(page.order.long(item, 4), page.order.long(item, 8))

    # Btree: from the root down to the leaf that may hold the key.

    def _from_tree(self, key: bytes) -> bytes | None:
        number, level = self._meta.root, 256
        for _ in range(self._most_pages):
            page = self._page(number)
            if page.kind == Kind.TREE_LEAF.value:
                return self._from_leaf(page, key)
            page.expect(Kind.TREE_INNER)
            if not 1 < page.level < level:
                raise DamagedDatabaseError(f"page {number} is on level {page.level}, below level {level}")
            level = page.level
            number = page.order.long(page.octets, page.offset(self._branch(page, key)) + 4)
        raise DamagedDatabaseError("a tree without leaves")

    def _branch(self, page: Page, key: bytes) -> int:
        """Return the last entry that is not beyond the key; the first has no key and stands before all."""
        low, high = 0, page.entries
        if high == 0:
            raise DamagedDatabaseError(f"page {page.number} leads nowhere")
        while high - low > 1:
            middle = (low + high) // 2
            if self._inner_key(page, middle) <= key:
                low = middle
            else:
                high = middle
        return low

    def _inner_key(self, page: Page, index: int) -> bytes:
        at = page.offset(index)
        octets, kind = page.order.short(page.octets, at), page.byte(at + 2) & 0x7F
        if kind == _OVERFLOW:
            return self._overflow(self._tree_place(page, at + 12))
        return _exactly(page.octets[at + 12 : at + 12 + octets], octets)

    def _from_leaf(self, page: Page, key: bytes) -> bytes | None:
        low, high = 0, page.entries // 2
        while low < high:
            middle = (low + high) // 2
            if self._leaf_item(page, 2 * middle) < key:
                low = middle + 1
            else:
                high = middle
        while 2 * low + 1 < page.entries and self._leaf_item(page, 2 * low) == key:
            if not page.is_deleted(2 * low + 1):
                return self._leaf_item(page, 2 * low + 1)
            low += 1
        return None

    def _leaf_item(self, page: Page, index: int) -> bytes:
        at = page.offset(index)
        octets, kind = page.order.short(page.octets, at), page.byte(at + 2) & 0x7F
        if kind == _KEY_OR_VALUE:
            return _exactly(page.octets[at + 3 : at + 3 + octets], octets)
        if kind == _OVERFLOW:
            return self._overflow(self._tree_place(page, at))
        if kind == _DUPLICATES:
            return self._first_duplicate(self._tree_place(page, at).page)
        raise DamagedDatabaseError(f"an item of kind {kind} on page {page.number}")

    def _tree_place(self, page: Page, at: int) -> _Place:
        return _Place(page.order.long(page.octets, at + 4), page.order.long(page.octets, at + 8))

    # What has pages of its own.

    def _first_duplicate(self, number: int) -> bytes:
        for _ in range(self._most_pages):
            page = self._page(number)
            if page.entries == 0:
                raise DamagedDatabaseError(f"page {number} holds no values")
            if page.kind in (Kind.DUPLICATES_LEAF.value, Kind.RECORD_LEAF.value):
                return self._leaf_item(page, 0)
            page.expect(Kind.TREE_INNER, Kind.RECORD_INNER)
            at = page.offset(0)
            number = page.order.long(page.octets, at + 4 if page.kind == Kind.TREE_INNER.value else at)
        raise DamagedDatabaseError("duplicates without end")

    def _overflow(self, place: _Place) -> bytes:
        if place.octets > MAX_VALUE_OCTETS:
            raise DamagedDatabaseError(f"a value of {place.octets} octets; at most {MAX_VALUE_OCTETS}")
        pieces: list[bytes] = []
        number, missing = place.page, place.octets
        while missing > 0:
            page = self._page(number)
            page.expect(Kind.OVERFLOW)
            piece = page.overflow_octets()
            if not 0 < len(piece) <= missing:
                raise DamagedDatabaseError(f"page {number} holds {len(piece)} octets of {missing}")
            pieces.append(piece)
            missing -= len(piece)
            number = page.next
        return b"".join(pieces)

    def _page(self, number: int) -> Page:
        meta = self._meta
        if not 0 < number <= meta.last_page:
            raise DamagedDatabaseError(f"page {number} of {meta.last_page}")
        return Page(
            number, _exactly(self._read_at(number * meta.page_octets, meta.page_octets), meta.page_octets), meta
        )


def _exactly(piece: bytes, octets: int) -> bytes:
    if len(piece) != octets:
        raise DamagedDatabaseError(f"{len(piece)} octets where {octets} should be")
    return piece
