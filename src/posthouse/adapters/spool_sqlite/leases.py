"""Taking work out of the spool and giving it back: leases, expiry, delay warnings, postponed hops.

Every function runs in the transaction of the Store that it is given.  Nothing
here reads more rows than it may hand out, whatever the backlog.
"""

# ruff: noqa: S608 - SQL is put together from constants of this package; values are always parameters

import json
import os
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any

from posthouse.adapters.spool_sqlite.rows import (
    MESSAGE_COLUMNS,
    RECIPIENT_COLUMNS,
    place_of,
    read_message,
    read_recipient,
)
from posthouse.adapters.spool_sqlite.schema import NEVER_US, QUEUED, UNWARNED
from posthouse.adapters.spool_sqlite.store import Store
from posthouse.mail.queued import Batch, Hop, Lane, LeaseRequest, MessageInfo, QueueId
from posthouse.queueing.formats import to_microseconds
from posthouse.queueing.lanes import Offer, Picker, lane_of
from posthouse.queueing.queue_id import DRAWN_BITS, lowest_number, parse_queue_id

_SWEEP_EVERY = 256  # leases
_SWEEP_ROWS = 500
_LOOKED_AT = 50  # destinations that may turn out to be empty
_TOKEN_BITS = 62
# Marks: no recipient of a message before the mark is waiting for its delay warning, or is queued and may expire.
_WARN_MARK = "unwarned"
_EXPIRY_MARK = "queued"
_ACCEPTED_US = "((message >> 22) * 1000 + 1577836800000000)"  # when a message was accepted, from its id

Text = tuple[QueueId, int, bytes]  # a small text read along with a lease: queue id, octets, text


def lease(store: Store, request: LeaseRequest) -> tuple[list[Batch], list[Text]]:
    """Take due work, and the small texts that go with it."""
    now_us = to_microseconds(request.now)
    hops: dict[int, Hop] = {}

    def ready(lane: Lane) -> Iterator[tuple[int, Hop]]:
        # A hop without room stands in ``spare``; every other one has work, but for a few that have become empty.
        most = request.batches + len(request.spare) + _LOOKED_AT
        (found,) = store.execute(
            "SELECT json_group_array(json_array(id, channel, host)) FROM (SELECT id, channel, host FROM destination"
            " WHERE lane = ? AND ready_us <= ? ORDER BY ready_us LIMIT ?)",
            (lane.value, now_us, most),
        ).fetchone()
        for place, channel, host in json.loads(found):
            hops[place] = Hop(channel, host)
            yield place, hops[place]

    def rows(place: int, most: int) -> list[tuple[int, int]]:
        (found,) = store.execute(
            "SELECT json_group_array(json_array(message, number)) FROM (SELECT message, number FROM recipient"
            " WHERE destination_id = ? AND due_us <= ? ORDER BY due_us, message, number LIMIT ?)",
            (place, now_us, most),
        ).fetchone()
        keys: list[tuple[int, int]] = json.loads(found)
        return keys

    picked = Picker[int](request, store.turns, ready=ready, rows=rows).pick()
    taken = _take(store, picked.offers, hops, request)
    if picked.visited:
        store.refresh(picked.visited, {offer.place for offer in picked.offers}, now_us)
    _sweep_now_and_then(store, now_us)
    return taken


def _take(
    store: Store, offers: Sequence[Offer[int]], hops: dict[int, Hop], request: LeaseRequest
) -> tuple[list[Batch], list[Text]]:
    """Write the leases of the offers and read what they are about."""
    if not offers:
        return [], []
    tokens = [int.from_bytes(os.urandom(8)) >> (64 - _TOKEN_BITS) | 1 for _ in offers]
    keys = [(offer.message, n, token) for offer, token in zip(offers, tokens, strict=True) for n in offer.numbers]
    recipients: dict[int, list[tuple[Any, ...]]] = defaultdict(list)
    for token, *columns in store.execute(
        "UPDATE recipient SET token = o.token, owner = ?, due_us = ?"
        " FROM (SELECT value ->> 0 AS message, value ->> 1 AS n, value ->> 2 AS token FROM json_each(?)) AS o"
        f" WHERE recipient.message = o.message AND number = o.n RETURNING token, {RECIPIENT_COLUMNS}",
        (request.owner, to_microseconds(request.until), json.dumps(keys)),
    ).fetchall():
        recipients[token].append(tuple(columns))
    messages, texts = _messages(store, [offer.message for offer in offers])
    batches = []
    for offer, token in zip(offers, tokens, strict=True):
        info = messages[offer.message]
        leased = tuple(read_recipient(columns) for columns in sorted(recipients[token], key=itemgetter(0)))
        batches.append(Batch(info, hops[offer.place], lane_of(info.recipients), token, leased))
    return batches, texts


def _messages(store: Store, numbers: Sequence[int]) -> tuple[dict[int, MessageInfo], list[Text]]:
    infos, texts = {}, []
    for *columns, text in store.execute(
        f"SELECT {MESSAGE_COLUMNS}, text FROM message WHERE id IN (SELECT value FROM json_each(?))",
        (json.dumps(numbers),),
    ):
        info = read_message(columns)
        infos[columns[0]] = info
        if text is not None:
            texts.append((info.queue_id, info.octets, text))
    return infos, texts


def _sweep_now_and_then(store: Store, now_us: int) -> None:
    """Remove some destinations that nothing waits for."""
    store.leases += 1
    if store.leases % _SWEEP_EVERY:
        return
    for lane in Lane:
        store.execute(
            "DELETE FROM destination WHERE id IN (SELECT id FROM destination"
            " WHERE lane = ? AND ready_us >= ? AND blocked_us <= ? LIMIT ?)"
            " AND NOT EXISTS (SELECT 1 FROM recipient WHERE destination_id = destination.id)",
            (lane.value, NEVER_US, now_us, _SWEEP_ROWS),
        )


def overdue(store: Store, request: LeaseRequest, accepted_before: datetime) -> tuple[list[Batch], list[Text]]:
    """Lease what has expired, whatever its schedule.  Old mail that is held is not read again each time."""
    end = lowest_number(accepted_before)
    start = _mark(store, _EXPIRY_MARK, end)
    first = store.execute(
        "SELECT message FROM recipient WHERE message >= ? AND message < ? AND state = ? ORDER BY message LIMIT 1",
        (start, end, QUEUED),
    ).fetchone()
    _set_mark(store, _EXPIRY_MARK, first[0] if first else end)
    if first is None:
        return [], []
    rows = store.execute(
        "SELECT message, number, destination_id FROM recipient WHERE message >= ? AND message < ? AND state = ?"
        " AND (token IS NULL OR due_us <= ?) ORDER BY message, number LIMIT ?",
        (
            first[0],
            end,
            QUEUED,
            to_microseconds(request.now),
            request.batches * request.recipients_per_batch,
        ),
    ).fetchall()
    offers: list[Offer[int]] = []
    size = request.recipients_per_batch
    for message, of_message in groupby(rows, key=itemgetter(0)):
        by_place: dict[int, list[int]] = defaultdict(list)
        for _, number, place in of_message:
            by_place[place].append(number)
        offers.extend(
            Offer(place, message, tuple(numbers[start : start + size]))
            for place, numbers in by_place.items()
            for start in range(0, len(numbers), size)
        )
    del offers[request.batches :]
    return _take(store, offers, _hops(store, {offer.place for offer in offers}), request)


def take(store: Store, request: LeaseRequest, message: int) -> tuple[list[Batch], list[Text]]:
    """Lease what is queued of one message, whatever its schedule."""
    rows = store.execute(
        "SELECT number, destination_id FROM recipient WHERE message = ? AND state = ?"
        " AND (token IS NULL OR due_us <= ?) ORDER BY number",
        (message, QUEUED, to_microseconds(request.now)),
    ).fetchall()
    by_place: dict[int, list[int]] = defaultdict(list)
    for number, place in rows:
        by_place[place].append(number)
    offers = [Offer(place, message, tuple(numbers)) for place, numbers in by_place.items()]
    return _take(store, offers, _hops(store, set(by_place)), request)


def _hops(store: Store, places: set[int]) -> dict[int, Hop]:
    rows = store.execute(
        "SELECT id, channel, host FROM destination WHERE id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(places)),),
    )
    return {place: Hop(channel, host) for place, channel, host in rows}


def renew(store: Store, batches: Sequence[Batch], until: datetime) -> None:
    """Prolong leases that still hold."""
    keys = [
        (parse_queue_id(batch.message.queue_id), leased.number, batch.token)
        for batch in batches
        for leased in batch.recipients
    ]
    store.execute(
        "UPDATE recipient SET due_us = ?"
        " FROM (SELECT value ->> 0 AS message, value ->> 1 AS n, value ->> 2 AS token FROM json_each(?)) AS o"
        " WHERE recipient.message = o.message AND number = o.n AND recipient.token = o.token",
        (to_microseconds(until), json.dumps(keys)),
    )


def release_owner(store: Store, owner: str) -> int:
    """Give back an owner's leases: due again since they were accepted."""
    places = store.execute(
        f"UPDATE recipient SET token = NULL, owner = NULL, due_us = {_ACCEPTED_US}"
        " WHERE owner = ? RETURNING destination_id",
        (owner,),
    ).fetchall()
    if places:
        given_back = {row[0] for row in places}
        store.refresh(given_back, served=given_back, now_us=0)  # as if never served: first in line again
    return len(places)


def postpone(store: Store, hop: Hop, until: datetime, reason: str) -> None:
    """Lease nothing for this hop before that time."""
    for lane in Lane:
        store.execute(
            "INSERT INTO destination (channel, host, lane, blocked_us, note) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (channel, host, lane) DO UPDATE SET blocked_us = excluded.blocked_us, note = excluded.note",
            (*place_of(hop, lane), to_microseconds(until), reason),
        )


def clock_set_back(store: Store, now: datetime, latest: datetime) -> int:
    """Make due now what a wrong clock has put off beyond ``latest``."""
    times = (to_microseconds(now), to_microseconds(latest))
    count = store.execute(
        "UPDATE recipient SET due_us = ?1 WHERE destination_id IN (SELECT id FROM destination)"
        " AND due_us > ?2 AND token IS NULL",
        times,
    ).rowcount
    store.execute(
        "UPDATE destination SET served_us = min(served_us, ?1), blocked_us = iif(blocked_us > ?2, 0, blocked_us),"
        " due_us = iif(due_us > ?2 AND due_us < ?3, ?1, due_us)",
        (*times, NEVER_US),
    )
    store.refresh(())  # forget what is remembered of destinations
    return count


def next_due(connection: sqlite3.Connection) -> int | None:
    """Return when the next work becomes due, in microseconds."""
    times = [time for lane in Lane if (time := _next_due_of(connection, lane)) is not None]
    return min(times, default=None)


def _next_due_of(connection: sqlite3.Connection, lane: Lane) -> int | None:
    best: int | None = None
    cursor = connection.execute(
        "SELECT ready_us, (SELECT min(due_us) FROM recipient WHERE destination_id = destination.id), blocked_us"
        " FROM destination WHERE lane = ? AND ready_us < ? ORDER BY ready_us LIMIT ?",
        (lane.value, NEVER_US, _LOOKED_AT),
    )
    for count, row in enumerate(cursor, start=1):
        ready_us, due_us, blocked_us = row
        if best is not None and ready_us >= best:
            break
        if due_us is not None:
            best = min(max(due_us, blocked_us), NEVER_US if best is None else best)
        elif count == _LOOKED_AT and best is None:
            best = ready_us  # only destinations that have become empty: looking then tidies them
    cursor.close()
    return best


def unwarned(store: Store, accepted_before: datetime, limit: int, behind: QueueId = "") -> list[Batch]:
    """Return recipients due a delay warning, oldest messages first, or those behind a message.

    Everything before the mark was seen to: a scan begins there, so that a long
    queue of warned mail is not read again each time.
    """
    end = lowest_number(accepted_before)
    start = parse_queue_id(behind) + 1 if behind else _mark(store, _WARN_MARK, end)
    cursor = store.execute(
        "SELECT message, number, token, destination_id FROM recipient"
        " WHERE message >= ? AND message < ? AND warned = ? AND state = ? ORDER BY message, number",
        (start, end, UNWARNED, QUEUED),
    )
    first = end
    waiting: list[tuple[int, int, list[int]]] = []  # message, place, numbers
    for message, of_message in groupby(cursor, key=itemgetter(0)):
        rows = list(of_message)
        first = min(first, message)
        free = [row for row in rows if row[2] is None]
        if free:
            waiting.append((message, free[0][3], [row[1] for row in free]))
        if len(waiting) >= limit:
            break
    cursor.close()
    if not behind:
        _set_mark(store, _WARN_MARK, first)
    return [_warning(store, *what) for what in waiting]


def _warning(store: Store, message: int, place: int, numbers: list[int]) -> Batch:
    info = read_message(store.execute(f"SELECT {MESSAGE_COLUMNS} FROM message WHERE id = ?", (message,)).fetchone())
    rows = store.execute(
        f"SELECT {RECIPIENT_COLUMNS} FROM recipient WHERE message = ?"
        " AND number IN (SELECT value FROM json_each(?)) ORDER BY number",
        (message, json.dumps(numbers)),
    ).fetchall()
    hop = _hops(store, {place})[place]
    return Batch(info, hop, lane_of(info.recipients), 0, tuple(read_recipient(row) for row in rows))


def _mark(store: Store, name: str, end: int) -> int:
    """Return where a scan begins.  A mark beyond the end is from before the clock was set back: from the start then."""
    found = store.execute("SELECT value FROM mark WHERE name = ?", (name,)).fetchone()
    return found[0] if found and found[0] <= end else 0


def _set_mark(store: Store, name: str, value: int) -> None:
    store.execute(
        "INSERT INTO mark (name, value) VALUES (?, ?)"
        " ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE value <> excluded.value",
        (name, value),
    )


def look_again(store: Store, message: int) -> None:
    """Move the marks back to a message that an operator has released."""
    store.execute("UPDATE mark SET value = min(value, ?) WHERE value > ?", (message, message))


assert DRAWN_BITS == 22  # noqa: S101 - _ACCEPTED_US says so in SQL
