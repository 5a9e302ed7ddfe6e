"""What one transaction does to the spool: insert messages, settle recipients, file them under destinations.

Everything here runs inside a transaction that the GroupCommitter has begun and
will end.  New messages are collected and written together by ``flush``, which
comes before any reading and before the commit.
"""

import os
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

from msgspec import Struct, json

from posthouse.adapters.spool_sqlite.rows import (
    INSERT_MESSAGE,
    INSERT_RECIPIENT,
    Prepared,
    insert_rows,
    place_of,
)
from posthouse.adapters.spool_sqlite.schema import HELD, NEVER_US, QUEUED, REPORTING, WARNED
from posthouse.mail.errors import MalformedError, SpoolError, SpoolFullError
from posthouse.mail.queued import REPORT_CHANNEL, Hop, Lane, QueueId, Settlement, WarningMark
from posthouse.queueing.formats import read_outcome, to_microseconds, write_outcome
from posthouse.queueing.lanes import Turns, lane_of
from posthouse.queueing.queue_id import (
    DRAWN_BITS,
    accepted_at,
    format_queue_id,
    make_queue_id,
    parse_queue_id,
)
from posthouse.queueing.states import Settled, settled

REPORTS = Hop(REPORT_CHANNEL, "")

_FEW = 2  # destinations that are read one by one

T = TypeVar("T")
PlaceKey = tuple[str, str, int]
RecipientKey = tuple[int, int]  # message, number


def as_json(values: Sequence[Any]) -> str:
    """Return plain values as SQL's json_each reads them."""
    return json.encode(values).decode()


class _Destination(Struct):
    id: int
    due_us: int


class Store:
    """One connection's view of the spool while a transaction is open."""

    def __init__(self, connection: sqlite3.Connection, folder: Path, min_free_octets: int) -> None:
        self.connection = connection
        self.turns = Turns()
        self.compares_mail = False  # whether SQL has been given the comparisons of listings
        self.leases = 0  # made so far; now and then one of them sweeps
        self.removed_texts: list[str] = []  # files without a row once this transaction is committed
        self._folder = folder
        self._min_free_octets = min_free_octets
        self._destinations: dict[PlaceKey, _Destination] = {}
        self._prepared: list[tuple[int, Prepared]] = []
        self._room_checked = False
        self.added: list[int] = []  # numbers of the messages that this transaction brings and that might be taken back

    def reset(self) -> None:
        """Forget what belonged to the transaction that has ended."""
        self._destinations.clear()
        self._prepared.clear()
        self.added = []
        self.removed_texts = []
        self._room_checked = False

    def execute(self, statement: str, parameters: Sequence[Any] = ()) -> sqlite3.Cursor:
        """Run a statement after everything that waits for flush."""
        if self._prepared:
            self.flush()
        return self.connection.execute(statement, parameters)

    # -- new messages

    def insert(self, prepared: Prepared) -> QueueId:
        """Add a message and name it.  Raises SpoolFullError when the disk is too full for new mail."""
        self._require_room()
        number = make_queue_id(prepared.accepted, int.from_bytes(os.urandom(8)) >> (64 - DRAWN_BITS))
        self._prepared.append((number, prepared))
        self.added.append(number)
        return format_queue_id(number)

    def _require_room(self) -> None:
        if self._room_checked:
            return
        disk = os.statvfs(self._folder)
        if disk.f_bavail * disk.f_frsize < self._min_free_octets:
            raise SpoolFullError(f"less than {self._min_free_octets} octets are free on the disk of {self._folder}")
        self._room_checked = True

    def flush(self) -> None:
        """Write the messages that were added.  A queue id that exists already raises sqlite3.IntegrityError."""
        prepared, self._prepared = self._prepared, []
        if not prepared:
            return
        insert_rows(self.connection, INSERT_MESSAGE, [(number, *message.message) for number, message in prepared])
        self._know({place for _, message in prepared for place, _ in message.recipients})
        rows = []
        for number, message in prepared:
            due = message.accepted_us
            if message.is_held:
                rows += [(number, 0, due, HELD, *columns) for _, columns in message.recipients]
                continue
            for place, columns in message.recipients:
                rows.append((number, self.destination(place, due), due, QUEUED, *columns))
        insert_rows(self.connection, INSERT_RECIPIENT, rows)
        for number, message in prepared:
            for failed, outcome in message.failed:
                lane = lane_of(len(message.recipients))
                self.file_report((number, failed), lane, message.accepted_us, outcome)

    # -- destinations

    def destination(self, place: PlaceKey, due_us: int) -> int:
        """Return the id of a destination, made if need be, and let it be looked at by this time."""
        known = self._destinations.get(place)
        if known is None:
            known = self._destinations[place] = self._read_destination(place, due_us)
        if due_us < known.due_us:
            self.connection.execute("UPDATE destination SET due_us = ? WHERE id = ?", (due_us, known.id))
            known.due_us = due_us
        return known.id

    def _know(self, places: set[PlaceKey]) -> None:
        """Read many destinations with one statement."""
        unknown = places - self._destinations.keys()
        if len(unknown) < _FEW:
            return
        (found,) = self.connection.execute(
            "SELECT json_group_array(json_array(d.channel, d.host, d.lane, d.id, d.due_us))"
            " FROM json_each(?) AS wanted CROSS JOIN destination AS d ON d.channel = wanted.value ->> 0"
            " AND d.host = wanted.value ->> 1 AND d.lane = wanted.value ->> 2",
            (as_json(list(unknown)),),
        ).fetchone()
        for channel, host, lane, number, due_us in json.decode(found):
            self._destinations[channel, host, lane] = _Destination(number, due_us)

    def _read_destination(self, place: PlaceKey, due_us: int) -> _Destination:
        found = self.connection.execute(
            "SELECT id, due_us FROM destination WHERE channel = ? AND host = ? AND lane = ?", place
        ).fetchone()
        if found is not None:
            return _Destination(*found)
        cursor = self.connection.execute(
            "INSERT INTO destination (channel, host, lane, due_us) VALUES (?, ?, ?, ?)", (*place, due_us)
        )
        return _Destination(cursor.lastrowid or 0, due_us)

    def make_due(self, destinations: Iterable[int], due_us: int) -> None:
        """Let destinations be looked at by this time."""
        self._destinations.clear()
        self.execute(
            "UPDATE destination SET due_us = ?1 WHERE due_us > ?1 AND id IN (SELECT value FROM json_each(?2))",
            (due_us, as_json(list(destinations))),
        )

    def refresh(self, visited: Iterable[int], served: Iterable[int] = (), now_us: int = 0) -> None:
        """Find out when destinations are next due; those served now go behind the others that are ready."""
        self._destinations.clear()
        self.execute(
            "UPDATE destination SET due_us = coalesce("
            " (SELECT min(due_us) FROM recipient WHERE destination_id = destination.id), ?1),"
            " served_us = CASE WHEN id IN (SELECT value FROM json_each(?2)) THEN ?3 ELSE served_us END"
            " WHERE id IN (SELECT value FROM json_each(?4))",
            (NEVER_US, as_json(list(served)), now_us, as_json(list(visited))),
        )

    # -- settling

    def settle(self, settlements: Sequence[Settlement]) -> list[Settlement]:
        """Apply what still holds its lease and return the rest."""
        if not settlements:
            return []
        rows = self._rows_of(settlements)
        refused, gone = [], []
        for settlement in settlements:
            key = _key(settlement)
            row = rows.pop(key, None)
            if row is None or not settlement.token or row[0] != settlement.token:
                refused.append(settlement)
                continue
            _, state, attempts, outcome, recipients = row
            after = settled(
                reporting=state == REPORTING,
                attempts=attempts,
                outcome=read_outcome(outcome) if settlement.due else None,
                settlement=settlement,
            )
            if after.state is None:
                gone.append(key)
            else:
                self._put_back(key, settlement, after, state, lane_of(recipients))
        self.remove(gone)
        return refused

    def _rows_of(self, settlements: Sequence[Settlement]) -> dict[RecipientKey, tuple[Any, ...]]:
        keys = as_json([_key(settlement) for settlement in settlements])
        # One row of JSON: the thread queues for the interpreter once and not for each recipient.
        found = self.execute(
            "SELECT json_group_array(json_array(r.message, r.number, r.token, r.state, r.attempts, r.outcome,"
            " m.recipients)) FROM recipient r JOIN message m ON m.id = r.message"
            " WHERE (r.message, r.number) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?))",
            (keys,),
        ).fetchone()
        return {(row[0], row[1]): tuple(row[2:]) for row in json.decode(found[0])}

    def _put_back(self, key: RecipientKey, settlement: Settlement, after: Settled, state: int, lane: Lane) -> None:
        message, number = key
        due = accepted_at(message) if after.due is None else after.due
        due_us = to_microseconds(due)
        outcome = write_outcome(after.outcome)
        attempted_us = None if after.attempted is None else to_microseconds(after.attempted)
        if settlement.due is not None:  # stays where it is
            cursor = self.execute(
                "UPDATE recipient SET token = NULL, owner = NULL, due_us = ?, attempts = ?, outcome = ?,"
                " attempted_us = coalesce(?, attempted_us) WHERE message = ? AND number = ? RETURNING destination_id",
                (due_us, after.attempts, outcome, attempted_us, message, number),
            )
            self.make_due([row[0] for row in cursor.fetchall()], due_us)
            return
        if state == REPORTING:
            outcome = None  # the one recorded stays
        self.file_report(key, lane, due_us, outcome, attempts=after.attempts, attempted_us=attempted_us)

    def file_report(
        self,
        key: RecipientKey,
        lane: Lane,
        due_us: int,
        outcome: str | None,
        *,
        attempts: int | None = None,
        attempted_us: int | None = None,
    ) -> None:
        """Turn a recipient into one whose report is owed."""
        destination = self.destination(place_of(REPORTS, lane), due_us)
        self.execute(
            "UPDATE recipient SET token = NULL, owner = NULL, state = ?, destination_id = ?, due_us = ?,"
            " attempts = coalesce(?, attempts), outcome = coalesce(?, outcome),"
            " attempted_us = coalesce(?, attempted_us) WHERE message = ? AND number = ?",
            (REPORTING, destination, due_us, attempts, outcome, attempted_us, *key),
        )

    def remove(self, keys: Sequence[RecipientKey]) -> None:
        """Remove recipients, and the messages of which they were the last."""
        if not keys:
            return
        self.execute(
            "DELETE FROM recipient WHERE (message, number) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?))",
            (as_json(keys),),
        )
        cursor = self.execute(
            "DELETE FROM message WHERE id IN (SELECT value FROM json_each(?))"
            " AND NOT EXISTS (SELECT 1 FROM recipient WHERE message = message.id) RETURNING text_file",
            (as_json(list({message for message, _ in keys})),),
        )
        self.removed_texts.extend(row[0] for row in cursor.fetchall() if row[0] is not None)

    def take_back(self, messages: Sequence[int]) -> None:
        """Remove messages that nobody has begun to deliver, in a transaction of its own."""
        numbers = as_json(messages)
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            self.connection.execute(
                "DELETE FROM recipient WHERE token IS NULL AND message IN (SELECT value FROM json_each(?))", (numbers,)
            )
            self.connection.execute(
                "DELETE FROM message WHERE id IN (SELECT value FROM json_each(?))"
                " AND NOT EXISTS (SELECT 1 FROM recipient WHERE message = message.id)",
                (numbers,),
            )
        finally:
            self.connection.execute("COMMIT")

    def mark_warned(self, marks: Iterable[WarningMark]) -> None:
        """Remember that the sender was told of the delay."""
        for mark in marks:
            message = parse_queue_id(mark.queue_id)
            for number in mark.numbers:
                self.execute(
                    "UPDATE recipient SET warned = ? WHERE message = ? AND number = ?", (WARNED, message, number)
                )

    def commit_report(
        self, prepared: Prepared, settlements: Sequence[Settlement], warnings: Sequence[WarningMark]
    ) -> QueueId:
        """Add a message together with what it reports; a lost lease refuses both.  Raises SpoolError."""
        refused = self.settle(settlements)
        if refused:
            raise SpoolError(f"the lease of {refused[0].queue_id}/{refused[0].number} was lost")
        self.mark_warned(warnings)
        queue_id = self.insert(prepared)
        if settlements or warnings:
            self.added.pop()  # what it reports is no longer owed: the two are never parted
        return queue_id


def _key(settlement: Settlement) -> RecipientKey:
    try:
        return parse_queue_id(settlement.queue_id), settlement.number
    except MalformedError as error:
        raise SpoolError(str(error)) from error


Operation = Callable[[Store], T]


class Unsynced(Generic[T], Struct, frozen=True, eq=False):
    """An operation whose loss in a power cut harms nobody: a lease that is lost was never taken, the work is due.

    A group of nothing else is committed without a sync; the next commit that syncs covers it.
    """

    operation: Callable[[Store], T]

    def __call__(self, store: Store) -> T:
        """Do it."""
        return self.operation(store)


class Settle(Struct, frozen=True, eq=False):
    """The operation of settling, which can be done for many callers at once, and be synced a little later.

    A settlement that a power cut takes back means a second delivery, as when we had died just before it.
    """

    settlements: Sequence[Settlement]

    def __call__(self, store: Store) -> list[Settlement]:
        """Settle for one caller."""
        return store.settle(self.settlements)


def run_operations(store: Store, operations: Sequence[Operation[Any]]) -> list[Any]:
    """Run the operations of one group, all settlements of the group together and last."""
    results = [None if isinstance(operation, Settle) else operation(store) for operation in operations]
    settling = [(n, operation) for n, operation in enumerate(operations) if isinstance(operation, Settle)]
    refused = store.settle([settlement for _, operation in settling for settlement in operation.settlements])
    lost = {id(settlement) for settlement in refused}
    for n, operation in settling:
        results[n] = [settlement for settlement in operation.settlements if lost and id(settlement) in lost]
    return results
