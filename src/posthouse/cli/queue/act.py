"""Do an operator's verb to queued mail: in slices, with progress, logged, then wake the deliverer."""

import os
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import click
from msgspec import Struct

from posthouse.cli.errors import CommandError
from posthouse.cli.formats import plural
from posthouse.cli.options import now, operator, print_json
from posthouse.cli.queue.filters import only
from posthouse.cli.site_access import open_queue
from posthouse.mail import events
from posthouse.mail.queued import QueueFilter, RecipientState, Verb
from posthouse.ports import EventLog, SpoolQueue
from posthouse.site.model import Site

_SLICE = 500  # messages per transaction: well under a second
_EVENTS = {
    Verb.HOLD: events.HELD,
    Verb.RELEASE: events.RELEASED,
    Verb.RETRY: events.RETRIED,
    Verb.REMOVE: events.REMOVED,
    Verb.BOUNCE: events.CANCELLED,
}
_DONE = {
    Verb.HOLD: "held",
    Verb.RELEASE: "released",
    Verb.RETRY: "set to be tried now",
    Verb.REMOVE: "removed",
    Verb.BOUNCE: "given up; whoever sent it is told",
}


class Order(Struct, frozen=True):
    """What the operator wants."""

    verb: Verb
    query: QueueFilter
    dry_run: bool = False
    note: str = ""


async def act_on_queue(site_file: Path, order: Order, *, as_json: bool) -> int:
    """Carry out an order and say what was done."""
    async with open_queue(site_file) as (site, spool):
        if order.dry_run:
            recipients = await spool.act(order.query, order.verb, now(), dry_run=True, note=order.note)
        else:
            recipients = await carry_out(site, spool, order, quiet=as_json)
        strangers = await _not_queued(spool, order.query.queue_ids) if not recipients else []
    if strangers:
        raise CommandError(f"not in the queue: {', '.join(strangers)}", os.EX_NOINPUT)
    if as_json:
        print_json({"verb": order.verb.value, "recipients": recipients, "dry_run": order.dry_run})
    else:
        click.echo(_sentence(order, recipients))
    return os.EX_OK


async def _not_queued(spool: SpoolQueue, queue_ids: tuple[str, ...]) -> list[str]:
    """Return those of these messages that the queue does not have: an id mistyped must not look like success."""
    found = {row.message.queue_id async for row in await spool.find(QueueFilter(queue_ids=queue_ids))}
    return [queue_id for queue_id in queue_ids if queue_id not in found]


async def carry_out(site: Site, spool: SpoolQueue, order: Order, *, quiet: bool = False) -> int:
    """Carry out an order slice by slice; return how many recipients it met."""
    from posthouse.cli.terminal import progress
    from posthouse.wiring.machine import light_event_log, system_clock, wakeup_sender

    total = await spool.act(order.query, order.verb, now(), dry_run=True, note=order.note)
    log = light_event_log(site, system_clock(), "operator") if site.log.path else None
    acted = 0
    try:
        with progress(f"{order.verb.value.capitalize()}", total, quiet=quiet) as advance:
            async for messages in _slices(spool, order.query):
                query = only(order.query, tuple(messages))
                count = await spool.act(query, order.verb, now(), dry_run=False, note=order.note)
                acted += count
                advance(count)
                if log and count:
                    _note(log, order, messages)
    finally:
        if log:
            log.close()
    if acted:
        wakeup = wakeup_sender(site)
        wakeup.notify()
        wakeup.close()
    return acted


def _note(log: EventLog, order: Order, messages: Mapping[str, int]) -> None:
    """Log what was done to each message, and by whom."""
    who, note = operator(), order.note or None
    for queue_id, recipients in messages.items():
        log.event(_EVENTS[order.verb], queue_id=queue_id, recipients=recipients, operator=who, note=note)


async def _slices(spool: SpoolQueue, query: QueueFilter) -> AsyncIterator[dict[str, int]]:
    """Yield messages, each with its number of recipients that can be acted upon, a slice at a time."""
    slice_: dict[str, int] = {}
    async for row in await spool.find(query):
        if row.state is RecipientState.LEASED:
            continue
        if row.message.queue_id not in slice_ and len(slice_) == _SLICE:
            yield slice_
            slice_ = {}
        slice_[row.message.queue_id] = slice_.get(row.message.queue_id, 0) + 1
    if slice_:
        yield slice_


def _sentence(order: Order, recipients: int) -> str:
    people = plural(recipients, "recipient")
    if order.dry_run:
        return f"{people} would be {_DONE[order.verb]}; nothing was changed."
    if not recipients:
        return "Nothing matched that this can be done to."
    return f"{people} {_DONE[order.verb]}."
