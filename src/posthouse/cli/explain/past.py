"""``posthouse explain --id``: what was decided for a message when it was accepted, and where it stands now.

The past comes from the log's ``resolved`` events, the present from the queue.
"""

import os
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from posthouse.cli.errors import CommandError
from posthouse.cli.explain.address import short_file
from posthouse.cli.formats import plural, printable
from posthouse.cli.log_files import Event, events_about, queue_id_of
from posthouse.cli.queue.rows import row_as_json, row_reason
from posthouse.cli.site_access import open_queue
from posthouse.mail import events
from posthouse.mail.queued import QueueFilter, QueueRow

_VALUES_AT = len("    decided:  ")
_LAST_WORDS = frozenset({events.DELIVERED, events.DEFERRED, events.FAILED, events.EXPIRED})
_OPERATORS_END = frozenset({events.REMOVED, events.CANCELLED})


@dataclass(slots=True)
class PastMessage:
    """What log and queue know of one message."""

    queue_id: str
    accepted: Event | None = None
    resolved: list[Event] = field(default_factory=list)
    last: dict[str, Event] = field(default_factory=dict)  # by recipient
    ended: Event | None = None  # by an operator: removed or given up, whoever was still queued
    finished: bool = False
    rows: list[QueueRow] = field(default_factory=list)


async def recall(site_file: Path, queue_id: str) -> tuple[PastMessage, Path]:
    """Gather what is known, and the site's directory.  Raises CommandError when nothing is."""
    async with open_queue(site_file) as (site, spool):
        home, log = site.home, site.log.path
        if log is not None and log.exists():
            queue_id = queue_id_of(log, queue_id)
        past = PastMessage(queue_id)
        past.rows = [row async for row in await spool.find(QueueFilter(queue_ids=(queue_id,)))]
    if log is not None and log.exists():
        for event in events_about(log, queue_id):
            _remember(past, event)
    if not (past.rows or past.accepted or past.resolved):
        raise CommandError(f"neither the queue nor the log {log or ''} knows {queue_id}", os.EX_NOINPUT)
    return past, home


def _remember(past: PastMessage, event: Event) -> None:
    if event.get("queue_id") != past.queue_id:
        return
    name = event["event"]
    if name == events.ACCEPTED:
        past.accepted = event
    elif name == events.RESOLVED:
        past.resolved.append(event)
    elif name == events.FINISHED:
        past.finished = True
    elif name in _OPERATORS_END:
        past.ended = event
    elif name in _LAST_WORDS and "recipient" in event:
        past.last[str(event["recipient"])] = event


def past_as_values(past: PastMessage) -> dict[str, object]:
    """Return it for JSON."""
    return {
        "queue_id": past.queue_id,
        "accepted": past.accepted,
        "resolved": past.resolved,
        "last": list(past.last.values()),
        "finished": past.finished,
        "queued": [row_as_json(row) for row in past.rows],
    }


def past_as_text(past: PastMessage, home: Path, width: int) -> Iterator[str]:
    """Yield it as lines that fit the width."""
    for line in _lines(past, home):
        under = "" if line[:4].strip() else " " * _VALUES_AT
        yield from textwrap.wrap(
            line, width, subsequent_indent=under, break_on_hyphens=False, drop_whitespace=True
        ) or [line]


def _lines(past: PastMessage, home: Path) -> Iterator[str]:
    yield f"Message {past.queue_id}"
    if past.accepted:
        yield f"  accepted {past.accepted.get('time')} from <{_text(past.accepted, 'sender')}>"
        client = _text(past.accepted, "client")
        protocol = _text(past.accepted, "protocol")
        if client:
            yield f"  by {protocol or 'command'} from {client}"
    if not past.resolved:
        yield "  The log does not say what was decided then; this is how it is queued:"
    for event in past.resolved:
        yield from _decided(event, home)
        yield from _now(past, _text(event, "address") or _text(event, "recipient"))
    if not past.resolved:
        for row in past.rows:
            yield f"  {printable(str(row.recipient.address))}: {_route(row)}"
            yield from _now(past, str(row.recipient.address))


def _decided(event: Event, home: Path) -> Iterator[str]:
    given, address = _text(event, "recipient"), _text(event, "address")
    yield f"  {given}" + (f" -> {address}" if address and address != given else "")
    host = _text(event, "host")
    yield f"    decided:  channel {_text(event, 'channel')}{f', host {host}' if host else ''}"
    via = _text(event, "via")
    if not via and host:
        yield "    because:  no line of the site says otherwise (built-in route)"
    for number, step in enumerate(via.split(" > ") if via else []):
        yield f"    {'because:' if number == 0 else '':<9} {short_file(step, home)}"


def _now(past: PastMessage, address: str) -> Iterator[str]:
    """Yield where a recipient stands, from the queue if it is there, else the log's last word."""
    row = next((row for row in past.rows if str(row.recipient.address) == address), None)
    if row is not None:
        reason = f"; {printable(row_reason(row))}" if row_reason(row) else ""
        yield f"    now:      {row.state.value}, {plural(row.attempts, 'attempt')}{reason}"
        return
    event = past.last.get(address)
    if past.ended is not None and (event is None or event["event"] == events.DEFERRED):
        event = past.ended
    if event is None:
        yield f"    now:      {'gone from the queue' if past.finished else 'unknown'}"
        return
    what = " ".join(filter(None, (_text(event, name) for name in ("status", "diagnostic", "note"))))
    who = f" by {_text(event, 'operator')}" if "operator" in event else ""
    yield f"    now:      {event['event']} {event.get('time', '')}{who}{f': {what}' if what else ''}"


def _route(row: QueueRow) -> str:
    route = row.recipient.route
    return f"channel {route.channel}{f', host {printable(route.host)}' if route.host else ''}"


def _text(event: Event, name: str) -> str:
    value = event.get(name)
    return printable(str(value)) if value is not None else ""
