"""Values to rows and back.  The order of columns is written down here and nowhere else."""

# ruff: noqa: S608 - SQL is put together from constants of this package; values are always parameters

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from posthouse.adapters.spool_sqlite.schema import (
    HELD,
    NEVER_WARNED,
    QUEUED,
    REPORTING,
    UNWARNED,
    WARNED,
)
from posthouse.mail.envelope import Body, Envelope, Notify, Recipient, Return
from posthouse.mail.queued import Hop, Lane, LeasedRecipient, MessageInfo, QueueRow, RecipientState
from posthouse.mail.route import Route
from posthouse.queueing.formats import (
    from_microseconds,
    hop_of,
    read_address,
    read_mailer_user,
    read_notify,
    read_outcome,
    read_path,
    to_microseconds,
    write_address,
    write_mailer_user,
    write_notify,
    write_outcome,
    write_path,
)
from posthouse.queueing.lanes import lane_of
from posthouse.queueing.queue_id import format_queue_id

MESSAGE_COLUMNS = "id, accepted_us, reverse_path, body, smtputf8, ret, envid, octets, recipients"
RECIPIENT_COLUMNS = (
    "number, attempts, warned, channel, host, address, route_address, original, orcpt, notify, outcome, attempted_us,"
    " mailer"
)
INSERT_MESSAGE = f"INSERT INTO message ({MESSAGE_COLUMNS}, text_file, text) VALUES "
INSERT_RECIPIENT = (
    "INSERT INTO recipient (message, destination_id, due_us, state, number, attempts, warned, channel, host,"
    " address, route_address, original, orcpt, notify, mailer) VALUES "
)

_Place = tuple[str, str, int]  # channel, host, lane: the unique key of a destination
_STATES = {QUEUED: RecipientState.QUEUED, HELD: RecipientState.HELD, REPORTING: RecipientState.REPORTING}
STATE_VALUES = {state: value for value, state in _STATES.items()}


class Prepared(Struct, frozen=True):
    """A message as rows, but for the numbers that only the transaction knows."""

    accepted: datetime
    accepted_us: int
    message: tuple[Any, ...]  # without the id
    recipients: tuple[tuple[_Place, tuple[Any, ...]], ...]
    failed: tuple[tuple[int, str | None], ...]  # numbers of recipients to be reported, with the written outcome
    is_held: bool = False


def prepare_message(
    envelope: Envelope, accepted: datetime, *, octets: int, text: bytes | None, text_file: str | None
) -> Prepared:
    """Write an envelope as rows."""
    accepted_us = to_microseconds(accepted)
    everyone = envelope.recipients
    if envelope.failed:
        everyone += tuple(failed.recipient for failed in envelope.failed)
    count = len(everyone)
    message = (
        accepted_us,
        write_path(envelope.reverse_path),
        int(envelope.body is Body.EIGHT_BIT_MIME),
        int(envelope.smtputf8),
        envelope.ret.value if envelope.ret else "",
        envelope.envid,
        octets,
        count,
        text_file,
        text,
    )
    lane = lane_of(count)
    null = envelope.reverse_path.is_null
    recipients = tuple(
        _prepare_recipient(number, recipient, lane, null=null) for number, recipient in enumerate(everyone)
    )
    failed = tuple(
        (number, write_outcome(failed.outcome))
        for number, failed in enumerate(envelope.failed, len(envelope.recipients))
    )
    return Prepared(accepted, accepted_us, message, recipients, failed, envelope.is_held)


def _prepare_recipient(number: int, recipient: Recipient, lane: Lane, *, null: bool) -> tuple[_Place, tuple[Any, ...]]:
    hop = hop_of(recipient.route)
    address = write_address(recipient.address)
    route_address = write_address(recipient.route.address)
    original = write_address(recipient.original)
    warned = NEVER_WARNED if null or Notify.DELAY not in recipient.wants else UNWARNED
    columns = (
        number,
        0,
        warned,
        recipient.route.channel,
        recipient.route.host,
        address,
        None if route_address == address else route_address,
        None if original == address else original,
        recipient.orcpt,
        write_notify(recipient.notify),
        None if recipient.mailer is None else write_mailer_user(recipient.mailer),
    )
    return (hop.channel, hop.host, lane.value), columns


def insert_rows(connection: sqlite3.Connection, insert: str, rows: Sequence[Sequence[Any]]) -> None:
    """Insert rows, many with one statement: after each one the thread has to queue for the interpreter."""
    start = 0
    for size in (64, 16, 4, 1):
        while len(rows) - start >= size:
            some = rows[start : start + size]
            place = "(" + ",".join("?" * len(some[0])) + ")"
            statement = insert + ",".join([place] * size)
            connection.execute(statement, some[0] if size == 1 else [value for row in some for value in row])
            start += size


def read_message(row: Sequence[Any]) -> MessageInfo:
    """Read MESSAGE_COLUMNS."""
    number, accepted_us, reverse_path, body, smtputf8, ret, envid, octets, recipients = row
    return MessageInfo(
        format_queue_id(number),
        from_microseconds(accepted_us),
        read_path(reverse_path),
        Body.EIGHT_BIT_MIME if body else Body.SEVEN_BIT,
        bool(smtputf8),
        Return(ret) if ret else None,
        envid,
        octets,
        recipients,
    )


def read_recipient(row: Sequence[Any]) -> LeasedRecipient:
    """Read RECIPIENT_COLUMNS."""
    number, attempts, warned, channel, host, written, route_address, original, orcpt, notify, outcome, *rest = row
    tried_us, mailer = rest
    address = read_address(written)
    routed = address if route_address is None else read_address(route_address)
    recipient = Recipient(
        address,
        Route(channel, host, routed),
        address if original is None else read_address(original),
        orcpt,
        read_notify(notify),
        None if mailer is None else read_mailer_user(mailer),
    )
    attempted = None if tried_us is None else from_microseconds(tried_us)
    return LeasedRecipient(number, recipient, attempts, warned == WARNED, read_outcome(outcome), attempted)


def read_queue_row(message: MessageInfo, recipient: Sequence[Any], place: Sequence[Any], now_us: int) -> QueueRow:
    """Read a row of a listing; ``place`` is state, token, due_us, blocked_us, note."""
    value, token, due_us, blocked_us, note = place
    read = read_recipient(recipient)
    state = _STATES[value]
    if state is RecipientState.QUEUED and token is not None:
        state = RecipientState.LEASED
    waits = note if blocked_us is not None and blocked_us > now_us else ""
    # Nothing of a postponed hop is tried before its time, whatever the row says.
    due = from_microseconds(max(due_us, blocked_us or 0) if state is RecipientState.QUEUED else due_us)
    return QueueRow(
        message, read.number, read.recipient, state, due, read.attempts, read.outcome, waits, read.attempted
    )


def place_of(hop: Hop, lane: Lane) -> _Place:
    """Return the key under which a hop's lane is filed."""
    return hop.channel, hop.host.lower(), lane.value
