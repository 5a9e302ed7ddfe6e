"""In which order a queue run of a sendmail site tries messages, and which it leaves: QueueSortOrder, MaxQueueRunSize.

Sendmail Installation and Operation Guide, section 5.6.
"""

from __future__ import annotations  # so that the ports are imported by the type checker alone

import os
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from random import Random
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from posthouse.cli.classic.cf_mailq import priority_of, shown_message
from posthouse.deliver.cf_load import load_limits_of
from posthouse.mail.queued import QueueFilter, QueueRow

if TYPE_CHECKING:
    from posthouse.cli.classic.cf_site import CfSite
    from posthouse.ports import SpoolQueue

_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Waiting(Struct, frozen=True):
    """One message, as far as its place depends on it."""

    queue_id: str
    name: str
    priority: int
    host: str
    accepted: datetime
    attempted: datetime


async def run_order(site: CfSite, spool: SpoolQueue, queue_ids: Sequence[str]) -> list[str]:
    """Return the messages that a run tries, in order; those that are too heavy for the load are left out."""
    limits = load_limits_of(site.configuration, os.cpu_count() or 1)
    load = site.load.now()
    waiting = [one for one in await _waiting(site, spool, queue_ids) if not limits.queues(load, one.priority)]
    most = site.configuration.number("MaxQueueRunSize")
    ordered = in_order(waiting, site.configuration.text("QueueSortOrder"))
    return [one.queue_id for one in (ordered[:most] if most > 0 else ordered)]


def in_order(waiting: Sequence[Waiting], order: str, random: Random | None = None) -> list[Waiting]:
    """Return messages, which come in the order of acceptance, in that of the option QueueSortOrder."""
    if order == "random":
        shuffled = list(waiting)
        (random or Random()).shuffle(shuffled)  # noqa: S311 - an order, no secret
        return shuffled
    key = _KEYS.get(order)
    return list(waiting) if key is None else sorted(waiting, key=key)


_KEYS: Final[Mapping[str, Callable[[Waiting], tuple[object, ...]]]] = {
    "priority": lambda one: (one.priority, one.accepted),
    # From the end, so that hosts of one domain come together.
    "host": lambda one: (one.host.lower()[::-1], one.priority, one.accepted),
    "time": lambda one: (one.accepted,),
    "filename": lambda one: (one.name,),
    "modification": lambda one: (one.attempted,),
}


async def _waiting(site: CfSite, spool: SpoolQueue, queue_ids: Sequence[str]) -> list[Waiting]:
    rows: dict[str, list[QueueRow]] = {}
    if queue_ids:
        async for row in await spool.find(QueueFilter(queue_ids=tuple(queue_ids))):
            rows.setdefault(row.message.queue_id, []).append(row)
    return [await _one(site, spool, of_message) for of_message in rows.values()]


async def _one(site: CfSite, spool: SpoolQueue, rows: Sequence[QueueRow]) -> Waiting:
    shown = await shown_message(spool, rows[0])
    return Waiting(
        rows[0].message.queue_id,
        shown.name,
        priority_of(site.configuration, shown, rows),
        rows[0].recipient.route.host,
        rows[0].message.accepted,
        max((row.attempted for row in rows if row.attempted is not None), default=_LONG_AGO),
    )
