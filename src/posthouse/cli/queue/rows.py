"""Queue rows as JSON and as text of 80 columns; each row by itself, so that a million of them stream."""

from collections.abc import Iterator
from datetime import datetime

from posthouse.cli.formats import due_in, fitted, iso, plural, printable, short_duration, short_size
from posthouse.mail.queued import QueueCount, QueueRow, QueueTotals
from posthouse.queueing.filters import NULL_SENDER

HEADING = f"{'QUEUE ID':<14}{'AGE':>6} {'SIZE':>5}  {'STATE':<10}{'NEXT TRY':<9} RECIPIENT"
_INDENT = 16


def row_as_json(row: QueueRow) -> dict[str, object]:
    """Return a row as docs/cli.md describes it."""
    message, route, outcome = row.message, row.recipient.route, row.outcome
    return {
        "queue_id": message.queue_id,
        "number": row.number,
        "state": row.state.value,
        "accepted": iso(message.accepted),
        "due": iso(row.due),
        "attempts": row.attempts,
        "last_attempt": iso(row.attempted) if row.attempted else None,
        "octets": message.octets,
        "sender": str(message.reverse_path),
        "recipient": str(row.recipient.address),
        "original": str(row.recipient.original),
        "channel": route.channel,
        "host": route.host,
        "status": str(outcome.status) if outcome else None,
        "diagnostic": outcome.diagnostic if outcome else None,
        "remote": (outcome.remote or None) if outcome else None,
        "hop_note": row.hop_note or None,
    }


def count_as_json(count: QueueCount) -> dict[str, object]:
    """Return a group's totals."""
    return {
        "key": count.key,
        "recipients": count.recipients,
        "messages": count.messages,
        "octets": count.octets,
        "oldest": iso(count.oldest) if count.oldest else None,
    }


def totals_as_json(totals: QueueTotals) -> dict[str, object]:
    """Return what is queued in all."""
    return {
        "queue": [{"key": state.value, "recipients": n} for state, n in totals.recipients.items() if n],
        "messages": totals.messages,
        "oldest": iso(totals.oldest) if totals.oldest else None,
    }


def row_as_text(row: QueueRow, now: datetime, width: int) -> Iterator[str]:
    """Yield the lines of one row: what it is, where it stands, why."""
    message, route = row.message, row.recipient.route
    head = (
        f"{message.queue_id:<14}{short_duration(now - message.accepted):>6} {short_size(message.octets):>5}  "
        f"{row.state.value:<10}{due_in(row.due, now) if row.state.value == 'queued' else '-':<9} "
    )
    recipient = printable(str(row.recipient.address))
    if len(head) + len(recipient) <= width:
        yield head + recipient
    else:
        yield head.rstrip()
        yield " " * _INDENT + "to " + fitted(recipient, width - _INDENT - 3)
    sender = printable(str(message.reverse_path)) or NULL_SENDER
    towards = f"{route.channel} {route.host}".strip()
    tries = f", {plural(row.attempts, 'attempt')}" if row.attempts else ""
    story = f"from {sender}, by {towards}{tries}"
    if len(story) <= width - _INDENT:
        yield " " * _INDENT + story
    else:
        yield " " * _INDENT + fitted(f"from {sender}", width - _INDENT)
        yield " " * _INDENT + fitted(f"by {towards}{tries}", width - _INDENT)
    reason = row_reason(row)
    if reason:
        yield " " * _INDENT + fitted(reason, width - _INDENT)


def row_reason(row: QueueRow) -> str:
    """Return why the recipient is still here, "" when it was never tried."""
    if row.hop_note:
        return row.hop_note
    if row.outcome is None:
        return ""
    diagnostic = row.outcome.diagnostic
    status = str(row.outcome.status)
    return diagnostic if status in diagnostic else f"{status} {diagnostic}"
