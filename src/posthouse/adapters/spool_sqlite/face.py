"""The two faces of the embedded spool, whoever does the work.

A Runner says where transactions and files are handled: SqliteSpool in threads
behind an event loop, DirectSpool at once.  Nothing here imports an event loop.
"""

import json
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from posthouse.adapters.spool_sqlite import leases, listing, totals
from posthouse.adapters.spool_sqlite.commit import Runner, Step
from posthouse.adapters.spool_sqlite.draft import SqliteDraft
from posthouse.adapters.spool_sqlite.schema import TEXTS
from posthouse.adapters.spool_sqlite.store import Operation, RecipientKey, Settle, Store, Unsynced
from posthouse.adapters.spool_sqlite.texts import (
    FileText,
    old_texts,
    orphan_age,
    remove_orphans,
)
from posthouse.mail.errors import MalformedError
from posthouse.mail.queued import (
    Batch,
    Ending,
    Hop,
    LeaseRequest,
    QueueCount,
    QueueFilter,
    QueueId,
    QueueRow,
    QueueTotals,
    Settlement,
    Verb,
    WarningMark,
)
from posthouse.ports import StoredText
from posthouse.queueing.formats import from_microseconds, to_microseconds
from posthouse.queueing.queue_id import parse_queue_id
from posthouse.queueing.texts import WholeText

_KEPT_OCTETS = 8 * 1024 * 1024  # small texts kept from a lease until they are asked for


class SqliteFace:
    """SpoolIntake and SpoolQueue over a Runner."""

    def __init__(
        self, folder: Path, runner: Runner, *, min_free_octets: int, now: Callable[[], datetime] | None, step: Step
    ) -> None:
        self._folder = folder
        self._runner = runner
        self._min_free_octets = min_free_octets
        self._now = now or (lambda: datetime.now(UTC))
        self._step = step
        self._texts: OrderedDict[QueueId, bytes] = OrderedDict()
        self._texts_octets = 0

    def begin(self) -> SqliteDraft:
        """Begin a message."""
        return SqliteDraft(self._folder, self._runner, self._step, self._min_free_octets)

    # -- leases

    async def lease(self, request: LeaseRequest) -> Sequence[Batch]:
        """Take due work."""
        batches, texts = await self._runner.write(Unsynced(lambda store: leases.lease(store, request)))
        self._keep(texts)
        return batches

    async def overdue(self, request: LeaseRequest, accepted_before: datetime) -> Sequence[Batch]:
        """Lease what has expired."""
        batches, _ = await self._runner.write(Unsynced(lambda store: leases.overdue(store, request, accepted_before)))
        return batches

    async def take(self, request: LeaseRequest, queue_id: QueueId) -> Sequence[Batch]:
        """Lease what is queued of one message."""
        try:
            message = parse_queue_id(queue_id)
        except MalformedError:
            return ()
        batches, texts = await self._runner.write(Unsynced(lambda store: leases.take(store, request, message)))
        self._keep(texts)
        return batches

    async def settle(self, settlements: Sequence[Settlement]) -> Sequence[Settlement]:
        """Record results durably."""
        for settlement in settlements:
            if settlement.ending is not Ending.RETRY:
                self._forget(settlement.queue_id)
        return await self._runner.write(Settle(settlements))

    async def renew(self, batches: Sequence[Batch], until: datetime) -> None:
        """Prolong leases that still hold."""
        await self._runner.write(Unsynced(lambda store: leases.renew(store, batches, until)))

    async def release_owner(self, owner: str) -> int:
        """Give back an owner's leases."""
        return await self._runner.write(lambda store: leases.release_owner(store, owner))

    async def postpone(self, hop: Hop, until: datetime, reason: str) -> None:
        """Lease nothing for this hop before that time."""
        await self._runner.write(Unsynced(lambda store: leases.postpone(store, hop, until, reason)))

    async def clock_set_back(self, now: datetime, latest: datetime) -> int:
        """Make due now what a wrong clock has put off beyond ``latest``."""
        return await self._runner.write(lambda store: leases.clock_set_back(store, now, latest))

    async def next_due(self) -> datetime | None:
        """Return when the next work becomes due."""
        microseconds = await self._runner.read(leases.next_due)
        return None if microseconds is None else from_microseconds(microseconds)

    async def unwarned(self, accepted_before: datetime, limit: int, behind: QueueId = "") -> Sequence[Batch]:
        """Return recipients due a delay warning."""
        return await self._runner.write(lambda store: leases.unwarned(store, accepted_before, limit, behind))

    async def forgo_warnings(self, marks: Sequence[WarningMark]) -> None:
        """Mark recipients as warned."""
        await self._runner.write(lambda store: store.mark_warned(marks))

    # -- texts

    async def read_text(self, queue_id: QueueId) -> StoredText:
        """Open a text; one that came with a lease is at hand."""
        kept = self._forget(queue_id)
        if kept is not None:
            return WholeText(kept)
        octets, name, text = await self._runner.read(lambda connection: listing.read_text_row(connection, queue_id))
        if text is not None:
            return WholeText(text)
        return FileText(self._folder / TEXTS / (name or ""), octets, self._runner)

    def _keep(self, texts: Sequence[leases.Text]) -> None:
        """Keep the texts of the latest leases; the oldest make room."""
        for queue_id, octets, text in texts:
            if queue_id not in self._texts:
                self._texts[queue_id] = text
                self._texts_octets += octets
        while self._texts_octets > _KEPT_OCTETS:
            _, text = self._texts.popitem(last=False)
            self._texts_octets -= len(text)

    def _forget(self, queue_id: QueueId) -> bytes | None:
        text = self._texts.pop(queue_id, None)
        self._texts_octets -= len(text or b"")
        return text

    async def clean_orphans(self) -> int:
        """Remove old text files that belong to no message; for the deliver process when it starts."""
        removed = 0
        for names in await self._runner.file(lambda: _in_hundreds(self._folder)):
            removed += await self._runner.write(_cleaning(self._folder, names))
        return removed

    # -- operators

    async def find(self, query: QueueFilter) -> AsyncIterator[QueueRow]:
        """Stream matching recipients."""
        return self._find(query)

    async def _find(self, query: QueueFilter) -> AsyncIterator[QueueRow]:
        now_us = to_microseconds(self._now())
        after: RecipientKey | None = listing.FIRST
        while after is not None:
            page, after = await self._runner.survey(partial(listing.find_page, query=query, after=after, now_us=now_us))
            for row in page:
                yield row

    async def group(self, query: QueueFilter, by: str) -> Sequence[QueueCount]:
        """Count by something, largest first."""
        return await self._runner.survey(lambda connection: listing.group(connection, query, by))

    async def totals(self) -> QueueTotals:
        """Count what is queued."""
        return await self._runner.survey(totals.count)

    async def act(self, query: QueueFilter, verb: Verb, now: datetime, *, dry_run: bool, note: str = "") -> int:
        """Do an operator's verb, page by page."""
        deed = listing.Deed(query, verb, now, note)
        done = 0
        after: RecipientKey | None = listing.FIRST
        while after is not None:
            keys, after = await self._runner.survey(partial(listing.choose_page, deed=deed, after=after))
            done += len(keys) if dry_run or not keys else await self._runner.write(_acting(deed, keys))
        return done

    async def close(self) -> None:
        """Finish what waits and give everything back."""
        await self._runner.close()


def _acting(deed: listing.Deed, keys: Sequence[RecipientKey]) -> Operation[int]:
    return lambda store: listing.act(store, deed, keys)


def _in_hundreds(folder: Path) -> list[list[str]]:
    names = list(old_texts(folder, orphan_age()))
    return [names[start : start + 100] for start in range(0, len(names), 100)]


def _cleaning(folder: Path, names: Sequence[str]) -> Operation[int]:
    def clean(store: Store) -> int:
        rows = store.execute(
            "SELECT text_file FROM message WHERE text_file IS NOT NULL"
            " AND text_file IN (SELECT value FROM json_each(?))",
            (json.dumps(names),),
        )
        return remove_orphans(folder, names, kept={row[0] for row in rows})

    return clean
