"""The way in: routers, the intake of daemon and commands, the smtpd worker."""

from __future__ import annotations  # so that the ports are imported by the type checker alone

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from posthouse.wiring.machine import build_tables, light_event_log, system_clock, wakeup_sender
from posthouse.wiring.site_file import PICKUP_SOCKET

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from posthouse.ports import Clock, EventLog, Meter, SpoolIntake, SpoolQueue, Wakeup
    from posthouse.site.model import Site
    from posthouse.smtp.server import ServerSession
    from posthouse.smtpd.board import Seat
    from posthouse.smtpd.gate import Gate
    from posthouse.smtpd.listener import Listening
    from posthouse.smtpd.pickup import PickupRounds
    from posthouse.smtpd.service import Reception
    from posthouse.smtpd.worker import SmtpdWorker
    from posthouse.submit.client import Client
    from posthouse.submit.intake import Intake
    from posthouse.submit.router import Router
    from posthouse.submit.sendmail.queue_start import QueueStarts


def build_router(site: Site, clock: Clock, log: EventLog) -> Router:
    """Return what says where recipients go, in the language of the site."""
    if site.mmdf is not None:
        from posthouse.wiring.mmdf_site import mmdf_router

        return mmdf_router(site, clock, log)
    if site.cf is not None:
        from posthouse.wiring.sendmail_site import sendmail_router

        return sendmail_router(site, clock)
    from posthouse.routing.compiled import compile_routing
    from posthouse.submit.native import NativeRouter

    return NativeRouter(compile_routing(site), build_tables(site, clock), vrfy=site.vrfy)


def open_session(site: Site, user: str) -> ServerSession:
    """Begin an SMTP session that speaks as the site's language has it, with a user of this machine."""
    if site.cf is not None:
        from posthouse.wiring.sendmail_site import open_sendmail_session

        return open_sendmail_session(site, user)
    from posthouse.smtp.server import ServerSession

    return ServerSession(site.name, site.limits)


def build_intake(
    site: Site,
    spool: SpoolIntake,
    *,
    clock: Clock,
    log: EventLog,
    meter: Meter,
    wakeup: Wakeup,
    resolves_later: bool = False,
) -> Intake:
    """Join the way in."""
    from posthouse.submit.intake import Intake

    return Intake(
        site,
        build_router(site, clock, log),
        spool=spool,
        clock=clock,
        log=log,
        meter=meter,
        wakeup=wakeup,
        resolves_later=resolves_later,
    )


def direct_intake(site: Site) -> Intake:
    """Return the way in for a short command: it writes the spool itself, without threads or an event loop."""
    from posthouse.adapters.spool_sqlite.intake import DirectIntake

    spool = DirectIntake(site.spool, min_free_octets=site.limits.spool_free_octets)
    return light_intake(site, spool, wakeup_sender(site))


def light_intake(site: Site, spool: SpoolIntake, wakeup: Wakeup, *, resolves_later: bool = False) -> Intake:
    """Join the way in for a short command."""
    from posthouse.wiring.metrics import no_meter

    clock = system_clock()
    log = light_event_log(site, clock, "sendmail")
    return build_intake(
        site, spool, clock=clock, log=log, meter=no_meter(), wakeup=wakeup, resolves_later=resolves_later
    )


@asynccontextmanager
async def open_smtpd(
    site: Site, listening: Sequence[Listening], seat: Seat, *, log: EventLog, clock: Clock, picks_up: bool = False
) -> AsyncIterator[SmtpdWorker]:
    """Join an smtpd worker, and close what it used when it has left.  One worker also picks up what was dropped."""
    import asyncio

    from posthouse.adapters.wakeup_unix import GatheredWakeup
    from posthouse.smtpd.admission import Admission
    from posthouse.smtpd.service import Service
    from posthouse.smtpd.worker import SmtpdWorker
    from posthouse.wiring.metrics import daemon_meter
    from posthouse.wiring.spool import open_spool

    meter = daemon_meter(site)
    wakeup = GatheredWakeup(wakeup_sender(site), asyncio.get_running_loop().call_later)
    spool = open_spool(site, clock)
    intake = build_intake(site, spool, clock=clock, log=log, meter=meter, wakeup=wakeup)
    try:
        service = Service(
            name=site.name,
            limits=site.limits,
            timeouts=site.timeouts,
            intake=intake,
            log=log,
            meter=meter,
            admission=Admission(site.limits, seat, _most_files()),
            receive=_reception(site, intake.parts.router),
            gate=None if site.cf is None else _gate(site, clock, seat),
            queue_starts=None if site.cf is None else _queue_starts(intake.parts.router, spool, clock, wakeup),
        )
        yield SmtpdWorker(service, listening, open_pickup(site, service.intake) if picks_up else None)
    finally:
        await intake.close()
        await spool.close()
        wakeup.close()


def _gate(site: Site, clock: Clock, seat: Seat) -> Gate | None:
    """Return what limits connections by load and rate; None where the site does not."""
    from posthouse.adapters.load_system import SystemLoad
    from posthouse.scheduling.load import RateThrottle
    from posthouse.smtpd.gate import Gate
    from posthouse.wiring.sendmail_site import load_limits

    limits, rate = load_limits(site)
    if not (limits.refuse or limits.delay or limits.refused_recipients or rate):
        return None
    throttle = RateThrottle(max(rate // seat.workers, 1)) if rate else None
    return Gate(limits, SystemLoad(clock), throttle)


def _queue_starts(router: Router, queue: SpoolQueue, clock: Clock, wakeup: Wakeup) -> QueueStarts | None:
    """Return who answers ETRN: sites with a sendmail.cf do."""
    from posthouse.submit.sendmail.queue_start import QueueStarts
    from posthouse.submit.sendmail.router import SendmailRouter

    return QueueStarts(router, queue, clock, wakeup) if isinstance(router, SendmailRouter) else None


def _reception(site: Site, router: Router) -> Callable[[Client], Reception] | None:
    """Return how clients are received; None where they are greeted at once: sites with a sendmail.cf look at them."""
    if site.cf is None:
        return None
    from posthouse.wiring.sendmail_site import sendmail_reception

    return sendmail_reception(site, router)


def _most_files() -> int | None:
    """Return how many files this process may have open; None when there is no limit."""
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else soft


def open_pickup(site: Site, intake: Intake) -> PickupRounds:
    """Join the way in for what was dropped; inside the event loop."""
    from posthouse.adapters.drop_folder import FolderOfDrops
    from posthouse.adapters.wakeup_unix import WakeupReceiver
    from posthouse.smtpd.peer import login_name
    from posthouse.smtpd.pickup import PickupRounds
    from posthouse.submit.dropped import longest_line
    from posthouse.submit.pickup import Pickup

    folder = FolderOfDrops(site.spool, longest_line(site.limits) + site.limits.text_octets, login_name)
    return PickupRounds(Pickup(intake, folder), WakeupReceiver(site.run / PICKUP_SOCKET), intake.parts.log)
