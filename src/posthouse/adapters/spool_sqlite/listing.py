"""Reading the spool for people, and doing what they ask: listings, counts, the operators' verbs.

Everything goes in pages along the key, so that neither a reader nor a verb ever
holds the database for long.
"""

# ruff: noqa: S608 - SQL is put together from constants of this package; values are always parameters

import json
import sqlite3
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from posthouse.adapters.spool_sqlite.leases import look_again
from posthouse.adapters.spool_sqlite.rows import (
    MESSAGE_COLUMNS,
    RECIPIENT_COLUMNS,
    STATE_VALUES,
    place_of,
    read_message,
    read_queue_row,
)
from posthouse.adapters.spool_sqlite.schema import HELD, QUEUED
from posthouse.adapters.spool_sqlite.store import RecipientKey, Store
from posthouse.mail.errors import MalformedError, SpoolError
from posthouse.mail.outcome import failed
from posthouse.mail.queued import (
    REPORT_CHANNEL,
    Hop,
    Lane,
    QueueCount,
    QueueFilter,
    QueueRow,
    RecipientState,
    Verb,
)
from posthouse.queueing.filters import NULL_SENDER, grouping, matches_address, matches_host
from posthouse.queueing.formats import from_microseconds, read_address, read_path, to_microseconds, write_outcome
from posthouse.queueing.lanes import lane_of
from posthouse.queueing.queue_id import lowest_number, parse_queue_id
from posthouse.queueing.states import EVENT_OF_VERB, states_before

PAGE_ROWS = 500
FIRST: RecipientKey = (-1, -1)  # before every key

_MESSAGE = ", ".join(f"m.{column}" for column in MESSAGE_COLUMNS.split(", "))
_RECIPIENT = ", ".join(f"r.{column}" for column in RECIPIENT_COLUMNS.split(", "))
_MESSAGE_WIDTH = MESSAGE_COLUMNS.count(",") + 1
_RECIPIENT_WIDTH = RECIPIENT_COLUMNS.count(",") + 1
_JOINED = "FROM recipient r JOIN message m ON m.id = r.message"

_REPORTING = STATE_VALUES[RecipientState.REPORTING]
_KEYS = {
    "host": "lower(r.host)",
    "channel": "r.channel",
    "sender": "mail_path(m.reverse_path)",
    "recipient-domain": "mail_domain(r.address)",
    "state": "CASE WHEN r.state = 0 AND r.token IS NOT NULL THEN 'leased' WHEN r.state = 0 THEN 'queued'"
    " WHEN r.state = 1 THEN 'held' ELSE 'reporting' END",
}


class _Where(Struct):
    """A filter as conditions of SQL."""

    conditions: list[str]
    parameters: list[Any]

    def add(self, condition: str, *parameters: Any) -> None:
        self.conditions.append(condition)
        self.parameters.extend(parameters)

    def __str__(self) -> str:
        return " AND ".join(self.conditions)


def install_functions(connection: sqlite3.Connection) -> None:
    """Give SQL the comparisons of queueing/filters.py."""
    for name, arguments, function in (
        ("mail_recipient", 2, lambda pattern, text: matches_address(pattern, read_address(text))),
        ("mail_sender", 2, lambda pattern, text: matches_address(pattern, read_path(text).address)),
        ("mail_host", 2, matches_host),
        ("mail_path", 1, lambda text: str(read_path(text)) or NULL_SENDER),
        ("mail_domain", 1, lambda text: text.rpartition("@")[2].lower()),
    ):
        connection.create_function(name, arguments, function, deterministic=True)


def _where(query: QueueFilter) -> _Where:
    where = _Where(["1"], [])
    if query.queue_ids:
        where.add("r.message IN (SELECT value FROM json_each(?))", json.dumps(_numbers(query)))
    if query.accepted_after is not None:
        where.add("r.message >= ?", lowest_number(query.accepted_after))
    if query.accepted_before is not None:
        where.add("r.message < ?", lowest_number(query.accepted_before))
    if query.channel == REPORT_CHANNEL:
        where.add("(r.channel = ? OR r.state = ?)", query.channel, _REPORTING)
    elif query.channel:
        where.add("r.channel = ?", query.channel)
    if query.states:
        where.add("(" + " OR ".join(_state_condition(state) for state in query.states) + ")")
    for pattern, condition in (
        (query.host, "mail_host(?, r.host)"),
        (query.sender, "mail_sender(?, m.reverse_path)"),
        (query.recipient, "mail_recipient(?, r.address)"),
    ):
        if pattern:
            where.add(condition, pattern)
    return where


def _numbers(query: QueueFilter) -> list[int]:
    numbers = []
    for queue_id in query.queue_ids:
        try:
            numbers.append(parse_queue_id(queue_id))
        except MalformedError:
            continue  # the name of no message matches none
    return numbers


def _state_condition(state: RecipientState) -> str:
    if state is RecipientState.LEASED:
        return f"(r.state = {QUEUED} AND r.token IS NOT NULL)"
    if state is RecipientState.QUEUED:
        return f"(r.state = {QUEUED} AND r.token IS NULL)"
    return f"r.state = {STATE_VALUES[state]}"


def find_page(
    connection: sqlite3.Connection, query: QueueFilter, after: RecipientKey, now_us: int
) -> tuple[list[QueueRow], RecipientKey | None]:
    """Read one page of a listing, and the key after which the next begins; None at the end."""
    where = _where(query)
    where.add("(r.message, r.number) > (?, ?)", *after)
    rows = connection.execute(
        f"SELECT {_MESSAGE}, {_RECIPIENT}, r.state, r.token, r.due_us, d.blocked_us, d.note"
        f" {_JOINED} LEFT JOIN destination d ON d.id = r.destination_id"
        f" WHERE {where} ORDER BY r.message, r.number LIMIT ?",
        (*where.parameters, PAGE_ROWS),
    ).fetchall()
    listed = []
    last: tuple[Any, ...] = ()
    info = None
    for row in rows:
        if info is None or row[0] != last[0]:
            info = read_message(row[:_MESSAGE_WIDTH])
        recipient = row[_MESSAGE_WIDTH : _MESSAGE_WIDTH + _RECIPIENT_WIDTH]
        listed.append(read_queue_row(info, recipient, row[_MESSAGE_WIDTH + _RECIPIENT_WIDTH :], now_us))
        last = row
    full = len(rows) == PAGE_ROWS
    return listed, (last[0], last[_MESSAGE_WIDTH]) if full else None


def group(connection: sqlite3.Connection, query: QueueFilter, by: str) -> list[QueueCount]:
    """Count by something, largest first."""
    grouping(by)  # raises for an unknown word
    where = _where(query)
    # Recipients come in the order of messages: what is remembered is a line for each key, not a row for each message.
    counts: dict[str, _Count] = {}
    for key, message, octets, accepted_us in connection.execute(
        f"SELECT {_KEYS[by]}, r.message, m.octets, m.accepted_us {_JOINED} WHERE {where} ORDER BY r.message, r.number",
        where.parameters,
    ):
        counted = counts.get(key)
        if counted is None:
            counted = counts[key] = _Count(accepted_us)
        counted.recipients += 1
        if counted.message != message:
            counted.message = message
            counted.messages += 1
            counted.octets += octets
    return sorted((_as_count(key, counted) for key, counted in counts.items()), key=lambda c: (-c.recipients, c.key))


class _Count(Struct):
    """What was counted for one key so far; the oldest comes first."""

    oldest_us: int
    message: int = 0  # counted last
    recipients: int = 0
    messages: int = 0
    octets: int = 0


def _as_count(key: str, counted: _Count) -> QueueCount:
    oldest = from_microseconds(counted.oldest_us)
    return QueueCount(key, counted.recipients, counted.messages, counted.octets, oldest)


class Deed(Struct, frozen=True):
    """What an operator does, and to what."""

    query: QueueFilter
    verb: Verb
    now: datetime
    note: str


def choose_page(
    connection: sqlite3.Connection, deed: Deed, after: RecipientKey
) -> tuple[list[RecipientKey], RecipientKey | None]:
    """Find one page of recipients to whom a verb can be done, and where the next page begins.

    Finding a few among a million takes long: it must not be done under the lock of the spool.
    """
    where = _acted_upon(deed)
    where.add("(r.message, r.number) > (?, ?)", *after)
    keys: list[RecipientKey] = connection.execute(
        f"SELECT r.message, r.number {_JOINED} WHERE {where} ORDER BY r.message, r.number LIMIT ?",
        (*where.parameters, PAGE_ROWS),
    ).fetchall()
    return keys, keys[-1] if len(keys) == PAGE_ROWS else None


def act(store: Store, deed: Deed, keys: Sequence[RecipientKey]) -> int:
    """Do a verb to those of these recipients to whom it can still be done; return how many."""
    if not store.compares_mail:
        install_functions(store.connection)
        store.compares_mail = True
    where = _acted_upon(deed)
    where.add("(r.message, r.number) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?))", json.dumps(keys))
    rows = store.execute(
        f"SELECT r.message, r.number, r.destination_id, r.channel, r.host, m.recipients {_JOINED}"
        f" WHERE {where} ORDER BY r.message, r.number",
        where.parameters,
    ).fetchall()
    if rows:
        _DEEDS[deed.verb](store, deed, rows)
    return len(rows)


def _acted_upon(deed: Deed) -> _Where:
    where = _where(deed.query)
    where.add("NOT (r.token IS NOT NULL AND r.due_us > ?)", to_microseconds(deed.now))
    before = [STATE_VALUES[state] for state in states_before(EVENT_OF_VERB[deed.verb])]
    where.add("r.state IN (SELECT value FROM json_each(?))", json.dumps(before))
    return where


def _hold(store: Store, _deed: Deed, rows: Sequence[tuple[Any, ...]]) -> None:
    _update(store, rows, f"state = {HELD}, destination_id = 0")


def _release(store: Store, deed: Deed, rows: Sequence[tuple[Any, ...]]) -> None:
    now_us = to_microseconds(deed.now)
    by_place: dict[int, list[tuple[Any, ...]]] = {}
    for row in rows:
        place = store.destination(place_of(Hop(row[3], row[4]), lane_of(row[5])), now_us)
        by_place.setdefault(place, []).append(row)
    for place, some in by_place.items():
        _update(store, some, f"state = {QUEUED}, destination_id = ?, due_us = ?", place, now_us)
    look_again(store, rows[0][0])


def _retry(store: Store, deed: Deed, rows: Sequence[tuple[Any, ...]]) -> None:
    places = {row[2] for row in rows}
    due = _ahead_of_the_others(store, places, to_microseconds(deed.now))
    for place in places:
        _update(store, [row for row in rows if row[2] == place], "due_us = ?", due[place])
        store.make_due([place], due[place])
    store.execute(
        "UPDATE destination SET blocked_us = 0, note = '' WHERE (channel, host) IN"
        " (SELECT channel, host FROM destination WHERE id IN (SELECT value FROM json_each(?)))",
        (json.dumps(list(places)),),
    )


def _ahead_of_the_others(store: Store, places: set[int], now_us: int) -> dict[int, int]:
    """Return for each destination when a recipient is due that is to go first: to a dead hop one goes alone and looks.

    A page behind another one goes ahead of it: whoever retries so many waits for none in particular.
    """
    first = store.execute(
        "SELECT id, (SELECT min(due_us) FROM recipient WHERE destination_id = destination.id) FROM destination"
        " WHERE id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(places)),),
    ).fetchall()
    return {place: min(now_us, due_us - 1) for place, due_us in first}


def _remove(store: Store, _deed: Deed, rows: Sequence[tuple[Any, ...]]) -> None:
    store.remove([row[:2] for row in rows])


def _bounce(store: Store, deed: Deed, rows: Sequence[tuple[Any, ...]]) -> None:
    outcome = write_outcome(replace(failed(deed.note or "cancelled by the operator"), tried=False))
    for row in rows:
        store.file_report(row[:2], _lane(row), to_microseconds(deed.now), outcome)


def _lane(row: tuple[Any, ...]) -> Lane:
    return lane_of(row[5])


def _update(store: Store, rows: Sequence[tuple[Any, ...]], changes: str, *parameters: int) -> None:
    store.execute(
        f"UPDATE recipient SET token = NULL, owner = NULL, {changes}"
        " WHERE (message, number) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?))",
        (*parameters, json.dumps([row[:2] for row in rows])),
    )


_DEEDS = {Verb.HOLD: _hold, Verb.RELEASE: _release, Verb.RETRY: _retry, Verb.REMOVE: _remove, Verb.BOUNCE: _bounce}


def read_text_row(connection: sqlite3.Connection, queue_id: str) -> tuple[int, str | None, bytes | None]:
    """Return octets, and the text or the name of its file.  Raises SpoolError when there is no such message."""
    try:
        number = parse_queue_id(queue_id)
    except MalformedError as error:
        raise SpoolError(str(error)) from error
    row: tuple[int, str | None, bytes | None] | None = connection.execute(
        "SELECT octets, text_file, text FROM message WHERE id = ?", (number,)
    ).fetchone()
    if row is None:
        raise SpoolError(f"{queue_id} is not in the queue")
    return row
