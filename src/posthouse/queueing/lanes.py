"""Which work is taken next: the one rule of fairness in the spool.

A message with many recipients waits in the bulk lane, which gets one turn in
``bulk_turn``; within a lane the hops come in the order in which they became
ready, and a hop that was served goes to the end.  Pure: the caller reads the rows.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Generic, TypeVar

from msgspec import Struct, field

from posthouse.mail.queued import Hop, Lane, LeaseRequest

BULK_RECIPIENTS = 100  # a message with more recipients than this is bulk

_SHARE = 4  # on its first turn one hop gets at most this fraction of the batches asked for

_ROWS_PER_SINGLE = 4
_MOST_ROWS = 2500  # read from one place of the bulk lane in one lease

PlaceT = TypeVar("PlaceT")
RowKey = tuple[int, int]  # message, number


def lane_of(recipients: int) -> Lane:
    """Return the lane of a message with this many recipients."""
    return Lane.BULK if recipients > BULK_RECIPIENTS else Lane.SINGLE


class Turns(Struct):
    """Remembers, from one lease to the next, whose turn it is.  Forgetting it harms nobody."""

    singles: int = 0  # since the last bulk batch

    def order(self, bulk_turn: int) -> tuple[Lane, Lane]:
        """Return the lane whose turn it is, then the one that steps in when that has no work."""
        bulk_first = self.singles + 1 >= bulk_turn
        return (Lane.BULK, Lane.SINGLE) if bulk_first else (Lane.SINGLE, Lane.BULK)

    def served(self, lane: Lane) -> None:
        """Count a batch."""
        self.singles = 0 if lane is Lane.BULK else self.singles + 1


class Offer(Generic[PlaceT], Struct, frozen=True):
    """Rows of one message at one place (a hop's lane), to be leased as one batch."""

    place: PlaceT
    message: int
    numbers: tuple[int, ...]


class Picked(Generic[PlaceT], Struct):
    """The offers taken, and every place that was looked into, whose time of readiness may have changed."""

    offers: list[Offer[PlaceT]] = field(default_factory=list)
    visited: list[PlaceT] = field(default_factory=list)


class Picker(Generic[PlaceT]):
    """One lease's worth of decisions.

    ``ready`` yields a lane's places that may be served now, oldest first;
    ``rows`` reads at most so many due rows of one place, in order of due time.
    """

    def __init__(
        self,
        request: LeaseRequest,
        turns: Turns,
        *,
        ready: Callable[[Lane], Iterable[tuple[PlaceT, Hop]]],
        rows: Callable[[PlaceT, int], Sequence[RowKey]],
    ) -> None:
        self._request = request
        self._turns = turns
        self._ready = ready
        self._rows = rows
        self._spare: dict[Hop, int] = dict(request.spare)
        self._picked: Picked[PlaceT] = Picked()
        self._most = {Lane.SINGLE: request.batches, Lane.BULK: min(request.batches, request.bulk_batches)}

    def pick(self) -> Picked[PlaceT]:
        """Choose what to lease."""
        offers = {lane: self._offers(lane) for lane in Lane}
        picked = self._picked
        while len(picked.offers) < self._request.batches:
            for lane in self._turns.order(self._request.bulk_turn):
                offer = next(offers[lane], None) if self._most[lane] else None
                if offer is not None:
                    self._most[lane] -= 1
                    self._turns.served(lane)
                    picked.offers.append(offer)
                    break
            else:
                break
        return picked

    def _offers(self, lane: Lane) -> Iterator[Offer[PlaceT]]:
        share = max(1, self._request.batches // _SHARE)
        later: list[tuple[PlaceT, Hop, list[tuple[int, tuple[int, ...]]]]] = []
        for place, hop in self._ready(lane):
            wanted = min(self._spare_of(hop), self._most[lane])
            if wanted <= 0:
                continue
            groups = self._groups(place, wanted, lane)
            if groups[share:]:
                later.append((place, hop, groups[share:]))
            yield from self._of_hop(place, hop, groups[:share])
        for place, hop, groups in later:
            yield from self._of_hop(place, hop, groups)

    def _of_hop(
        self, place: PlaceT, hop: Hop, groups: Sequence[tuple[int, tuple[int, ...]]]
    ) -> Iterator[Offer[PlaceT]]:
        for message, numbers in groups:
            spare = self._spare_of(hop)
            if spare <= 0:  # the other lane may have used it up meanwhile
                return
            self._spare[hop] = spare - 1
            yield Offer(place, message, numbers)

    def _spare_of(self, hop: Hop) -> int:
        return self._spare.get(hop, self._request.default_spare)

    def _groups(self, place: PlaceT, wanted: int, lane: Lane) -> list[tuple[int, tuple[int, ...]]]:
        """Read due rows of a place, as batches of one message each."""
        size = self._request.recipients_per_batch
        if lane is Lane.BULK:
            size = min(size, self._request.bulk_recipients)
        self._picked.visited.append(place)
        # A single message has few recipients at one hop, so that few rows make the batches wanted.
        usual = _MOST_ROWS if lane is Lane.BULK else _ROWS_PER_SINGLE * wanted + size
        numbers_of: dict[int, list[int]] = {}
        for message, number in self._rows(place, min(wanted * size, usual)):
            numbers_of.setdefault(message, []).append(number)
        return [
            (message, tuple(numbers[start : start + size]))
            for message, numbers in numbers_of.items()
            for start in range(0, len(numbers), size)
        ][:wanted]
