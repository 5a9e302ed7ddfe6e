"""A spool that lives in memory: for tests, with exactly the behaviour of the real one.

It passes the contract suite of tests/contract/test_spool.py.  It looks through
all its rows each time, so it is for hundreds of messages, not for a backlog.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from secrets import randbits

from msgspec.structs import replace

from posthouse.adapters.spool_memory_rows import (
    NEVER,
    Message,
    Place,
    Row,
    leased_recipient,
    new_message,
    wants_warning,
)
from posthouse.mail.envelope import Envelope
from posthouse.mail.errors import MalformedError, SpoolError, SpoolFullError
from posthouse.mail.outcome import failed
from posthouse.mail.queued import (
    Batch,
    Ending,
    Hop,
    Lane,
    LeaseRequest,
    MessageInfo,
    QueueCount,
    QueueFilter,
    QueueId,
    QueueRow,
    QueueTotals,
    RecipientState,
    Settlement,
    Verb,
    WarningMark,
)
from posthouse.queueing.filters import grouping, matches
from posthouse.queueing.lanes import Picker, Turns
from posthouse.queueing.queue_id import DRAWN_BITS, format_queue_id, lowest_number, make_queue_id, parse_queue_id
from posthouse.queueing.states import EVENT_OF_VERB, allowed, settled
from posthouse.queueing.texts import WholeText

_PlaceKey = tuple[Hop, Lane]


class MemoryDraft:
    """One message being written."""

    def __init__(self, spool: "MemorySpool") -> None:
        self._spool = spool
        self._text = bytearray()
        self._open = True

    async def write(self, chunk: bytes) -> None:
        """Append text."""
        self._require_open()
        if self._spool.text_octets is not None and len(self._text) + len(chunk) > self._spool.text_octets:
            raise SpoolFullError("the spool is full")
        self._text += chunk

    async def commit(
        self,
        envelope: Envelope,
        accepted: datetime,
        settlements: Sequence[Settlement] = (),
        warnings: Sequence[WarningMark] = (),
    ) -> QueueId:
        """Make the message exist."""
        self._require_open()
        queue_id = self._spool.accept(bytes(self._text), envelope, accepted, settlements, warnings)
        self._open = False
        return queue_id

    async def abandon(self) -> None:
        """Forget the draft."""
        self._open = False
        self._text.clear()

    def _require_open(self) -> None:
        if not self._open:
            raise SpoolError("this draft was committed or abandoned")


@dataclass(slots=True)
class MemorySpool:
    """SpoolIntake and SpoolQueue.  ``trouble``, while set, is raised by whatever would write."""

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    text_octets: int | None = None
    trouble: SpoolError | None = None
    _messages: dict[int, Message] = field(default_factory=dict)
    _places: dict[_PlaceKey, Place] = field(default_factory=dict)
    _turns: Turns = field(default_factory=Turns)

    def begin(self) -> MemoryDraft:
        """Begin a message."""
        return MemoryDraft(self)

    def accept(
        self,
        text: bytes,
        envelope: Envelope,
        accepted: datetime,
        settlements: Sequence[Settlement],
        warnings: Sequence[WarningMark],
    ) -> QueueId:
        """Do what Draft.commit promises, all of it or nothing."""
        self._check()
        for settlement in settlements:
            if self._row_of(settlement) is None:
                raise SpoolError(f"the lease of {settlement.queue_id}/{settlement.number} was lost")
        self._settle(settlements)
        self._mark_warned(warnings)
        number = make_queue_id(accepted, randbits(DRAWN_BITS))
        while number in self._messages:
            number = make_queue_id(accepted, randbits(DRAWN_BITS))
        self._messages[number] = new_message(format_queue_id(number), envelope, accepted, text)
        return format_queue_id(number)

    # -- leases

    async def lease(self, request: LeaseRequest) -> Sequence[Batch]:
        """Take due work."""
        self._check()
        picked = Picker[_PlaceKey](
            request,
            self._turns,
            ready=lambda lane: self._ready(lane, request.now),
            rows=lambda place, most: self._due_rows(place, request.now)[:most],
        ).pick()
        batches = []
        for offer in picked.offers:
            self._places.setdefault(offer.place, Place()).served = request.now
            batches.append(self._take(offer.message, offer.place[0], offer.numbers, request))
        return batches

    def _ready(self, lane: Lane, now: datetime) -> list[tuple[_PlaceKey, Hop]]:
        first_due: dict[Hop, datetime] = {}
        for message, row in self._rows():
            if message.lane is lane and row.state is not RecipientState.HELD and row.due <= now:
                first_due[row.hop] = min(row.due, first_due.get(row.hop, row.due))
        ready = []
        for hop, due in first_due.items():
            place = self._places.get((hop, lane), Place())
            if place.blocked_until <= now:
                ready.append((max(due, place.blocked_until, place.served), hop))
        return [((hop, lane), hop) for _, hop in sorted(ready, key=lambda item: item[0])]

    def _due_rows(self, place: _PlaceKey, now: datetime) -> list[tuple[int, int]]:
        hop, lane = place
        due = [
            (row.due, parse_queue_id(message.info.queue_id), row.number)
            for message, row in self._rows()
            if message.lane is lane and row.hop == hop and row.state is not RecipientState.HELD and row.due <= now
        ]
        return [(message, number) for _, message, number in sorted(due)]

    def _take(self, number: int, hop: Hop, numbers: Iterable[int], request: LeaseRequest) -> Batch:
        message = self._messages[number]
        token = randbits(62) | 1
        rows = [message.rows[n] for n in numbers]
        for row in rows:
            row.token, row.owner, row.due = token, request.owner, request.until
        return Batch(message.info, hop, message.lane, token, tuple(leased_recipient(row) for row in rows))

    async def overdue(self, request: LeaseRequest, accepted_before: datetime) -> Sequence[Batch]:
        """Lease what has expired."""
        self._check()
        batches: list[Batch] = []
        for number in sorted(n for n in self._messages if n < lowest_number(accepted_before)):
            for hop, numbers in self._queued_by_hop(number, request.now).items():
                for start in range(0, len(numbers), request.recipients_per_batch):
                    if len(batches) == request.batches:
                        return batches
                    some = numbers[start : start + request.recipients_per_batch]
                    batches.append(self._take(number, hop, some, request))
        return batches

    async def take(self, request: LeaseRequest, queue_id: QueueId) -> Sequence[Batch]:
        """Lease what is queued of one message."""
        self._check()
        number = next((n for n in self._messages if format_queue_id(n) == queue_id), 0)
        return [self._take(number, *some, request) for some in self._queued_by_hop(number, request.now).items()]

    def _queued_by_hop(self, number: int, now: datetime) -> dict[Hop, list[int]]:
        by_hop: dict[Hop, list[int]] = {}
        for row in self._messages[number].rows.values() if number in self._messages else ():
            if row.state is RecipientState.QUEUED and not row.is_leased(now):
                by_hop.setdefault(row.hop, []).append(row.number)
        return by_hop

    async def settle(self, settlements: Sequence[Settlement]) -> Sequence[Settlement]:
        """Record results."""
        self._check()
        return self._settle(settlements)

    def _settle(self, settlements: Sequence[Settlement]) -> list[Settlement]:
        refused = []
        for settlement in settlements:
            row = self._row_of(settlement)
            if row is None:
                refused.append(settlement)
                continue
            number = parse_queue_id(settlement.queue_id)
            reporting = row.state is RecipientState.REPORTING
            after = settled(reporting=reporting, attempts=row.attempts, outcome=row.outcome, settlement=settlement)
            if after.state is None:
                self._remove(number, row.number)
                continue
            row.state, row.attempts, row.outcome = after.state, after.attempts, after.outcome
            row.attempted = after.attempted or row.attempted
            row.due = after.due if after.due is not None else self._messages[number].info.accepted
            row.unlease()
        return refused

    def _row_of(self, settlement: Settlement) -> Row | None:
        message = self._messages.get(parse_queue_id(settlement.queue_id))
        row = message.rows.get(settlement.number) if message else None
        return row if row is not None and settlement.token and row.token == settlement.token else None

    def _remove(self, number: int, recipient: int) -> None:
        rows = self._messages[number].rows
        del rows[recipient]
        if not rows:
            del self._messages[number]

    async def renew(self, batches: Sequence[Batch], until: datetime) -> None:
        """Prolong leases that still hold."""
        self._check()
        for batch in batches:
            for leased in batch.recipients:
                row = self._row_of(Settlement(batch.message.queue_id, leased.number, batch.token, Ending.GONE))
                if row is not None:
                    row.due = until

    async def release_owner(self, owner: str) -> int:
        """Give back an owner's leases."""
        self._check()
        released = 0
        for message, row in self._rows():
            if row.token and row.owner == owner:
                row.unlease()
                row.due = message.info.accepted
                self._places.setdefault((row.hop, message.lane), Place()).served = NEVER
                released += 1
        return released

    async def postpone(self, hop: Hop, until: datetime, reason: str) -> None:
        """Lease nothing for this hop before that time."""
        self._check()
        for lane in Lane:
            place = self._places.setdefault((Hop(hop.channel, hop.host.lower()), lane), Place())
            place.blocked_until, place.note = until, reason

    async def clock_set_back(self, now: datetime, latest: datetime) -> int:
        """Make due now what a wrong clock has put off beyond ``latest``."""
        self._check()
        late = [row for _, row in self._rows() if row.due > latest and not row.token]
        for row in late:
            row.due = now
        for place in self._places.values():
            place.served = min(place.served, now)
            place.blocked_until = now if place.blocked_until > latest else place.blocked_until
        return len(late)

    async def next_due(self) -> datetime | None:
        """Return when the next work becomes due."""
        times = [
            max(row.due, self._places.get((row.hop, message.lane), Place()).blocked_until)
            for message, row in self._rows()
            if row.state is not RecipientState.HELD
        ]
        return min(times, default=None)

    async def unwarned(self, accepted_before: datetime, limit: int, behind: QueueId = "") -> Sequence[Batch]:
        """Return recipients due a delay warning."""
        batches: list[Batch] = []
        first = parse_queue_id(behind) + 1 if behind else 0
        for number in sorted(n for n in self._messages if first <= n < lowest_number(accepted_before)):
            message = self._messages[number]
            rows = [
                row for row in message.rows.values() if not message.info.reverse_path.is_null and wants_warning(row)
            ]
            if rows and len(batches) < limit:
                recipients = tuple(leased_recipient(row) for row in rows)
                batches.append(Batch(message.info, rows[0].hop, message.lane, 0, recipients))
        return batches

    async def forgo_warnings(self, marks: Sequence[WarningMark]) -> None:
        """Mark recipients as warned."""
        self._check()
        self._mark_warned(marks)

    def _mark_warned(self, marks: Sequence[WarningMark]) -> None:
        for mark in marks:
            message = self._messages.get(parse_queue_id(mark.queue_id))
            for row in message.rows.values() if message else ():
                row.warned = row.warned or row.number in mark.numbers

    async def read_text(self, queue_id: QueueId) -> WholeText:
        """Open a text."""
        try:
            message = self._messages.get(parse_queue_id(queue_id))
        except MalformedError as error:
            raise SpoolError(str(error)) from error
        if message is None:
            raise SpoolError(f"{queue_id} is not in the queue")
        return WholeText(message.text)

    # -- operators

    async def find(self, query: QueueFilter) -> AsyncIterator[QueueRow]:
        """Stream matching recipients."""
        return self._find(query)

    async def _find(self, query: QueueFilter) -> AsyncIterator[QueueRow]:
        for _, row in self._matching(query):
            yield row

    def _matching(self, query: QueueFilter) -> Iterator[tuple[Row, QueueRow]]:
        for number in sorted(self._messages):
            message = self._messages.get(number)
            for row in list(message.rows.values()) if message else ():
                shown = message.shown(row, self._places.get((row.hop, message.lane)), self.now()) if message else None
                if shown is not None and matches(query, shown):
                    yield row, shown

    async def group(self, query: QueueFilter, by: str) -> Sequence[QueueCount]:
        """Count by something."""
        key_of = grouping(by)
        members: dict[str, list[MessageInfo]] = {}
        for _, row in self._matching(query):
            members.setdefault(key_of(row), []).append(row.message)
        counts = []
        for key, infos in members.items():
            distinct = {info.queue_id: info for info in infos}.values()
            oldest = min(info.accepted for info in distinct)
            counts.append(QueueCount(key, len(infos), len(distinct), sum(info.octets for info in distinct), oldest))
        return sorted(counts, key=lambda count: (-count.recipients, count.key))

    async def totals(self) -> QueueTotals:
        """Count what is queued."""
        self._check()
        counts = dict.fromkeys(RecipientState, 0)
        for _, row in self._rows():
            counts[row.visible_state] += 1
        accepted = (message.info.accepted for message in self._messages.values())
        return QueueTotals(counts, len(self._messages), min(accepted, default=None))

    async def act(self, query: QueueFilter, verb: Verb, now: datetime, *, dry_run: bool, note: str = "") -> int:
        """Do an operator's verb."""
        self._check()
        event = EVENT_OF_VERB[verb]
        done = [
            (row, shown) for row, shown in self._matching(query) if not row.is_leased(now) and allowed(row.state, event)
        ]
        first = self._first_due()
        for row, shown in [] if dry_run else done:
            self._act(row, shown, verb, now, note)
            if verb is Verb.RETRY:  # ahead of the others: to a dead hop one goes alone and looks
                row.due = min(now, first[row.hop] - timedelta(microseconds=1))
        return len(done)

    def _first_due(self) -> dict[Hop, datetime]:
        first: dict[Hop, datetime] = {}
        for _, row in self._rows():
            first[row.hop] = min(row.due, first.get(row.hop, row.due))
        return first

    def _act(self, row: Row, shown: QueueRow, verb: Verb, now: datetime, note: str) -> None:
        row.unlease()
        if verb is Verb.REMOVE:
            self._remove(parse_queue_id(shown.message.queue_id), row.number)
        elif verb is Verb.HOLD:
            row.state = RecipientState.HELD
        elif verb is Verb.BOUNCE:
            row.state = RecipientState.REPORTING
            row.outcome = replace(failed(note or "cancelled by the operator"), tried=False)
            row.due = now
        else:
            if verb is Verb.RELEASE:
                row.state = RecipientState.QUEUED
            else:
                for lane in Lane:
                    self._places.pop((row.hop, lane), None)
            row.due = now

    def _rows(self) -> Iterator[tuple[Message, Row]]:
        return ((message, row) for message in self._messages.values() for row in message.rows.values())

    def _check(self) -> None:
        if self.trouble is not None:
            raise self.trouble
