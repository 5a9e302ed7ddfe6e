"""The way out: the deliver process with its channels."""

from __future__ import annotations  # so that the ports are imported by the type checker alone

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from msgspec import Struct

from posthouse.wiring.accepting import build_intake
from posthouse.wiring.machine import build_resolver, wakeup_path
from posthouse.wiring.metrics import daemon_meter
from posthouse.wiring.spool import open_spool
from posthouse.wiring.way_out import SpecialWayOut

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from posthouse.adapters.spool_sqlite.spool import SqliteSpool
    from posthouse.deliver.loop import Deliverer
    from posthouse.deliver.settings import Settings
    from posthouse.ports import Clock, DeadLetters, EventLog, Resolver
    from posthouse.site.model import Site
    from posthouse.submit.intake import Intake


class Owner(Struct, frozen=True):
    """In whose name a deliver process leases, and whose leases it gives back first."""

    name: str
    gone: tuple[str, ...] = ()


@asynccontextmanager
async def open_deliverer(site: Site, owner: Owner, *, log: EventLog, clock: Clock) -> AsyncIterator[Deliverer]:
    """Join the way out, and close what it used when it has been drained."""
    from random import Random

    from posthouse.adapters.spawner_asyncio import AsyncioSpawner
    from posthouse.adapters.waiter_asyncio import AsyncioWaiter
    from posthouse.adapters.wakeup_unix import WakeupReceiver
    from posthouse.channels.open import open_channels
    from posthouse.deliver.loop import Deliverer
    from posthouse.deliver.world import World
    from posthouse.submit.report import ReportSubmission

    meter = daemon_meter(site)
    receiver = WakeupReceiver(wakeup_path(site))
    waiter = AsyncioWaiter(receiver, clock)
    spawner = AsyncioSpawner()
    spool = open_spool(site, clock)

    random = Random()  # noqa: S311 - jitter and the order of equal MX hosts, no secrets
    resolver = build_resolver(site, clock)
    intake = build_intake(site, spool, clock=clock, log=log, meter=meter, wakeup=waiter)
    special = _special_way_out(site, intake, clock, log)
    try:
        channels = open_channels(
            site, resolver, clock, log, random, meter=meter, resolvers=channel_resolvers(site, resolver, clock)
        )
        around = {name: special.around[name](channels[name]) for name in special.around.keys() & channels.keys()}
        world = World(
            queue=spool,
            channels={**channels, **around, **special.channels},
            submission=ReportSubmission(intake),
            dead_letters=open_dead_letters(site, clock),
            clock=clock,
            log=log,
            meter=meter,
            waiter=waiter,
            spawner=spawner,
            jitter=random.random,
            dialect=special.dialect,
            letters=special.letters,
            rests=special.rests,
        )
        spawner.spawn(_clean_spool(spool, log))
        yield Deliverer(world, deliver_settings(site, owner))
    finally:
        await spawner.cancel()
        receiver.close()
        if special.close is not None:
            await special.close()
        await intake.close()
        await spool.close()


def _special_way_out(site: Site, intake: Intake, clock: Clock, log: EventLog) -> SpecialWayOut:
    """Join what a site in one of the old languages adds; nothing for any other."""
    if site.mmdf is not None:
        from posthouse.wiring.mmdf_site import mmdf_way_out

        return mmdf_way_out(site, intake, clock, log)
    if site.cf is not None:
        from posthouse.wiring.sendmail_site import sendmail_way_out

        return sendmail_way_out(site, clock, log)
    return SpecialWayOut()


def channel_resolvers(site: Site, resolver: Resolver, clock: Clock) -> dict[str, Resolver]:
    """Return the resolvers of channels that do not ask DNS: those of MMDF have tables of hosts."""
    if site.mmdf is None:
        return {}
    from posthouse.wiring.mmdf_site import mmdf_resolvers

    return mmdf_resolvers(site, resolver, clock)


async def _clean_spool(spool: SqliteSpool, log: EventLog) -> None:
    """Remove what crashes have left in the spool, beside the first deliveries.  docs/spool.md."""
    from posthouse.mail import events
    from posthouse.mail.errors import SpoolError

    try:
        removed = await spool.clean_orphans()
    except SpoolError as error:  # the next start will do
        log.event(events.TROUBLE, where="clean", error=str(error))
        return
    if removed:
        log.event(events.CLEANED, texts=removed)


def open_dead_letters(site: Site, clock: Clock) -> DeadLetters:
    """Return the last resort."""
    from posthouse.adapters.dead_letters_mbox import MboxDeadLetters

    return MboxDeadLetters(site.dead_letters or site.spool / "dead-letters", clock)


def deliver_settings(site: Site, owner: Owner) -> Settings:
    """Take from the site what the way out needs."""
    from posthouse.deliver.settings import ChannelLimits, Settings

    return Settings(
        name=site.name,
        owner=owner.name,
        gone=owner.gone,
        postmaster=site.postmaster,
        default_domain=site.default_local_domain,
        retry=site.retry,
        concurrency=site.concurrency,
        lease=site.concurrency.lease,
        channels={
            name: ChannelLimits(channel.concurrency, channel.recipients_per_attempt)
            for name, channel in site.channels.items()
        },
        drain=site.timeouts.drain,
    )
