"""The only composition root: from a Site to parts that work together.

The rule: nothing else in the program names both a port's user and its adapter.  Every import
of an adapter stands inside the function that needs it, because the sendmail command
comes through here too and has to start fast: it uses ``load_site`` and ``direct_intake``,
and none of asyncio, prometheus_client, dnspython or uvloop.

Longer than 400 lines because there is one root; every function in it joins one thing.
"""

from __future__ import annotations  # so that the ports are imported by the type checker alone

import os
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    import asyncio
    import socket
    from collections.abc import AsyncIterator, Mapping, Sequence

    from posthouse.adapters.event_log_file import FileEventLog
    from posthouse.adapters.spool_sqlite.direct import DirectSpool
    from posthouse.adapters.spool_sqlite.spool import SqliteSpool
    from posthouse.adapters.wakeup_unix import WakeupSender
    from posthouse.deliver.letter_writer import LetterWriter
    from posthouse.deliver.loop import Deliverer
    from posthouse.deliver.settings import Settings
    from posthouse.ports import (
        Channel,
        Clock,
        DeadLetters,
        Dialect,
        EventLog,
        Meter,
        Resolver,
        SpoolIntake,
        Table,
        Wakeup,
    )
    from posthouse.routing.mmdf.compiled import MmdfRouting
    from posthouse.site.model import Listener, Site
    from posthouse.site.tailor.entries import TailorChannel
    from posthouse.site.tailor.model import TailorConfiguration
    from posthouse.smtp.server import ServerSession
    from posthouse.smtpd.board import Seat
    from posthouse.smtpd.listener import Listening
    from posthouse.smtpd.pickup import PickupRounds
    from posthouse.smtpd.worker import SmtpdWorker
    from posthouse.submit.intake import Intake
    from posthouse.submit.mmdf_router import MmdfRouter
    from posthouse.submit.router import Router
    from posthouse.submit.sendmail.router import SendmailRouter

SUBMIT_SOCKET = "submit.sock"
PICKUP_SOCKET = "pickup.sock"
_WAKEUP_SOCKET = "wakeup.sock"
_METRICS_DIRECTORY = "metrics"
METRICS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"


def load_site(path: Path) -> Site:
    """Read a site file, in the language that its name tells.  Raises SiteError with every problem in it."""
    if path.suffix == ".cf":
        from posthouse.adapters.frozen_cf import load_cf_site

        return load_cf_site(path)
    if path.name.endswith(("mmdftailor", ".tailor")):
        from posthouse.site.tailor.site import read_site as read_tailor

        return read_tailor(path)
    from posthouse.site.toml import read_site

    return read_site(path)


def listeners_of(site: Site) -> tuple[Listener, ...]:
    """Return the declared listeners, and the Unix socket at which local programs hand mail in."""
    address = f"unix:{site.run / SUBMIT_SOCKET}"
    if any(listener.address == address for listener in site.listeners):
        return site.listeners
    from posthouse.site.model import Listener

    return (*site.listeners, Listener(address))


def system_clock() -> Clock:
    """Return the machine's clock."""
    from posthouse.adapters.clock_system import SystemClock

    return SystemClock()


def build_tables(site: Site, clock: Clock) -> dict[str, Table]:
    """Open every table of the site, and ``login-names``."""
    from posthouse.adapters.table_sources import open_tables

    return open_tables(site, clock)


def build_resolver(site: Site, clock: Clock) -> Resolver:
    """Return DNS as mail needs it."""
    from posthouse.adapters.resolver_dns import DnsResolver

    return DnsResolver(site.nameservers, clock, timeout=site.timeouts.dns)


def light_event_log(site: Site, clock: Clock, role: str) -> FileEventLog:
    """Return the log of a short command: it appends to the site's log file.

    A site that logs to standard error means the daemon's, not that of whoever runs sendmail: then it says nothing.
    """
    from msgspec.structs import replace

    from posthouse.adapters.event_log_file import FileEventLog

    declaration = site.log if site.log.path is not None else replace(site.log, path=Path(os.devnull))
    return FileEventLog(declaration, clock, role)


def daemon_event_log(site: Site, clock: Clock, role: str) -> FileEventLog:
    """Return the log of a long-running process."""
    from posthouse.adapters.event_log_file import FileEventLog

    return FileEventLog(site.log, clock, role)


def no_meter() -> Meter:
    """Return the meter of short commands, and of sites without metrics."""
    from posthouse.adapters.meter_none import NoMeter

    return NoMeter()


def wakeup_path(site: Site) -> Path:
    """Return where deliver listens for hints."""
    return site.run / _WAKEUP_SOCKET


def wakeup_sender(site: Site) -> WakeupSender:
    """Return the way to tell deliver that there is work."""
    from posthouse.adapters.wakeup_unix import WakeupSender

    return WakeupSender(wakeup_path(site))


def build_router(site: Site, clock: Clock, log: EventLog) -> Router:
    """Return what says where recipients go, in the language of the site."""
    if site.mmdf is not None:
        return _mmdf_router(site, clock, log)
    if site.cf is not None:
        return _sendmail_router(site, clock)
    from posthouse.routing.compiled import compile_routing
    from posthouse.submit.native import NativeRouter

    return NativeRouter(compile_routing(site), build_tables(site, clock), vrfy=site.vrfy)


def open_session(site: Site, address: str = "", user: str = "") -> ServerSession:
    """Begin an SMTP session that speaks as the site's language has it, with a network address or a user of ours."""
    from posthouse.smtp.server import ServerSession

    if site.cf is None:
        return ServerSession(site.name, site.limits)
    from posthouse.site.cf.declared import CfConfiguration
    from posthouse.site.cf.personality import personality_of
    from posthouse.smtp.sendmail_session import SendmailSession

    if not isinstance(site.cf, CfConfiguration):
        raise TypeError(f"{type(site.cf).__name__} is not what a sendmail.cf is read as")
    literal = f"[IPv6:{address}]" if ":" in address else f"[{address}]"
    peer = literal if address else f"{user}@localhost"
    now = system_clock().now()
    personality = personality_of(site.cf, site.limits, peer, now, offers_auth=not address)
    return SendmailSession(site.name, site.limits, personality)


def _sendmail_router(site: Site, clock: Clock) -> SendmailRouter:
    """Join routing by a sendmail.cf."""
    from posthouse.adapters.cf_maps import service_switch
    from posthouse.adapters.cf_world import open_world
    from posthouse.adapters.logins_passwd import MachineLogins
    from posthouse.routing.sendmail.compiled import compile_sendmail
    from posthouse.site.cf.declared import CfConfiguration
    from posthouse.submit.sendmail.router import SendmailRouter

    if not isinstance(site.cf, CfConfiguration):
        raise TypeError(f"{type(site.cf).__name__} is not what a sendmail.cf is read as")
    world, _ = open_world(site.cf, clock, MachineLogins(clock))
    return SendmailRouter(compile_sendmail(site.cf), world, service_switch(site.cf))


def _mmdf_router(site: Site, clock: Clock, log: EventLog) -> MmdfRouter:
    """Join routing by a tailor file."""
    from posthouse.adapters.authorization_log_file import AuthorizationLogFile
    from posthouse.site.tailor.entries import LogLevel
    from posthouse.submit.mmdf_router import MmdfRouter

    configuration = tailor_configuration(site)
    routing, tables = _mmdf_tables(site, configuration, clock)
    spec = configuration.logs.auth
    path = configuration.under(configuration.folders.logs, spec.file) if spec.level >= LogLevel.FST.value else None
    return MmdfRouter(routing, tables, AuthorizationLogFile(path, clock, log))


def tailor_configuration(site: Site) -> TailorConfiguration:
    """Return the tailor file of an MMDF site.  Raises LookupError for a site in another language."""
    from posthouse.site.tailor.site import tailor_of

    configuration = tailor_of(site)
    if configuration is None:
        raise LookupError(f"{site.file} is no tailor file")
    return configuration


def _mmdf_tables(site: Site, configuration: TailorConfiguration, clock: Clock) -> tuple[MmdfRouting, dict[str, Table]]:
    from posthouse.adapters.table_mmdf import open_mmdf_tables
    from posthouse.routing.mmdf.compiled import compile_mmdf

    seconds = site.timeouts.dns.total_seconds()
    tables = open_mmdf_tables(configuration, clock, nameservers=site.nameservers, seconds=seconds)
    return compile_mmdf(configuration), tables


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
    clock = system_clock()
    log = light_event_log(site, clock, "sendmail")
    return build_intake(
        site, spool, clock=clock, log=log, meter=no_meter(), wakeup=wakeup, resolves_later=resolves_later
    )


# The spool.


def reserve_spool(site: Site) -> None:
    """Make room for the spool's log before anybody opens it.  Raises SpoolError."""
    from posthouse.adapters.spool_sqlite.journal import reserve_journal

    reserve_journal(site.spool, site.limits.spool_free_octets)


def open_spool(site: Site, clock: Clock) -> SqliteSpool:
    """Return both faces of the spool for a long-running process: after any fork, inside its event loop."""
    from posthouse.adapters.spool_sqlite.spool import SqliteSpool

    return SqliteSpool(site.spool, min_free_octets=site.limits.spool_free_octets, now=clock.now)


def open_spool_queue(site: Site) -> DirectSpool:
    """Return the queue for operators' commands: no threads, no event loop."""
    from posthouse.adapters.spool_sqlite.direct import DirectSpool

    return DirectSpool(site.spool, min_free_octets=site.limits.spool_free_octets, now=system_clock().now)


# The daemon's processes.


class Owner(Struct, frozen=True):
    """In whose name a deliver process leases, and whose leases it gives back first."""

    name: str
    gone: tuple[str, ...] = ()


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

    meter = daemon_meter(site)
    wakeup = GatheredWakeup(wakeup_sender(site), asyncio.get_running_loop().call_later)
    spool = open_spool(site, clock)
    try:
        service = Service(
            name=site.name,
            limits=site.limits,
            timeouts=site.timeouts,
            intake=build_intake(site, spool, clock=clock, log=log, meter=meter, wakeup=wakeup),
            log=log,
            meter=meter,
            admission=Admission(site.limits, seat, _most_files()),
            open_session=None if site.cf is None else partial(open_session, site),
        )
        yield SmtpdWorker(service, listening, open_pickup(site, service.intake) if picks_up else None)
    finally:
        await spool.close()
        wakeup.close()


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
        world = World(
            queue=spool,
            channels={**channels, **special.channels},
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
        )
        spawner.spawn(_clean_spool(spool, log))
        yield Deliverer(world, deliver_settings(site, owner))
    finally:
        await spawner.cancel()
        receiver.close()
        await spool.close()


class _SpecialWayOut(Struct, frozen=True):
    """What a site's language adds to the way out: channels of its own, a dialect, words for reports."""

    channels: Mapping[str, Channel] = {}
    dialect: Dialect | None = None
    letters: LetterWriter | None = None


def _special_way_out(site: Site, intake: Intake, clock: Clock, log: EventLog) -> _SpecialWayOut:
    """Join what a site in one of the old languages adds; nothing for any other."""
    if site.mmdf is not None:
        return _mmdf_way_out(site, intake, clock, log)
    return _cf_way_out(site, clock, log) if site.cf is not None else _SpecialWayOut()


def _cf_way_out(site: Site, clock: Clock, log: EventLog) -> _SpecialWayOut:
    """Join what a site with a sendmail.cf delivers with: its mailers, its headers."""
    from posthouse.adapters.cf_accounts import default_identity
    from posthouse.adapters.cf_world import open_world
    from posthouse.adapters.dialect_cf import CfDialect
    from posthouse.adapters.logins_passwd import MachineLogins
    from posthouse.channels.mailer import MailerChannel
    from posthouse.channels.mailer_runs import MailerRuns, MailerSettings
    from posthouse.deliver.cf_letters import CfLetters
    from posthouse.deliver.cf_report import ReportWriter
    from posthouse.deliver.mailer_text import Renderer
    from posthouse.rewriting.compiled import CompiledProgram
    from posthouse.site.cf.declared import CfConfiguration

    if not isinstance(site.cf, CfConfiguration):
        raise TypeError(f"{type(site.cf).__name__} is not what a sendmail.cf is read as")
    _, answers = open_world(site.cf, clock, MachineLogins(clock))
    renderer = Renderer(site.cf, CompiledProgram(site.cf.program), answers, clock)
    settings = MailerSettings(
        timeouts=site.timeouts,
        default_identity=default_identity(site.cf),
        file_mode=site.cf.number("TempFileMode") or 0o600,
    )
    runs = MailerRuns(renderer, settings)
    return _SpecialWayOut(
        channels={
            mailer.name: MailerChannel(mailer.name, runs, renderer, log)
            for mailer in site.cf.mailers.values()
            if mailer.path != "[IPC]" and mailer.name != "*include*"
        },
        dialect=CfDialect(renderer),
        letters=CfLetters(renderer, ReportWriter(renderer), clock, expires_after=site.retry.expire_after),
    )


def channel_resolvers(site: Site, resolver: Resolver, clock: Clock) -> dict[str, Resolver]:
    """Return the resolvers of channels that do not ask DNS: those of MMDF have tables of hosts."""
    if site.mmdf is None:
        return {}
    from posthouse.adapters.resolver_channel_table import ChannelTableResolver

    configuration = tailor_configuration(site)
    _, tables = _mmdf_tables(site, configuration, clock)
    return {
        channel.name: ChannelTableResolver(tables[channel.tbl], resolver)
        for channel in configuration.channels
        if channel.tbl in tables
    }


def _mmdf_way_out(site: Site, intake: Intake, clock: Clock, log: EventLog) -> _SpecialWayOut:
    """Join what an MMDF site delivers with: its lists, its UUCP, its headers."""
    from posthouse.adapters.dialect_mmdf import MmdfDialect
    from posthouse.channels.resubmit import Lists, ResubmitChannel
    from posthouse.submit.mmdf_lists import ListOwners
    from posthouse.submit.resubmission import IntakeResubmission

    configuration = tailor_configuration(site)
    routing, tables = _mmdf_tables(site, configuration, clock)
    again = IntakeResubmission(intake)
    lists = Lists(configuration.names.full, ListOwners(configuration, tables).owner)
    channels: dict[str, Channel] = {}
    for channel in configuration.channels:
        if channel.program in {"list", "delay"}:
            channels[channel.name] = ResubmitChannel(again, lists if channel.program == "list" else None)
        elif channel.program == "uucp":
            channels[channel.name] = _uucp_channel(site, configuration, channel, tables[channel.tbl], clock, log)
    return _SpecialWayOut(channels, MmdfDialect(routing, tables))


def _uucp_channel(
    site: Site, configuration: TailorConfiguration, channel: TailorChannel, table: Table, clock: Clock, log: EventLog
) -> Channel:
    """Join a channel to UUCP: the program that UUXSTR names, and who tells it where to."""
    from posthouse.channels.program import ProgramChannel
    from posthouse.channels.uucp import ARGUMENTS, UucpChannel
    from posthouse.site.model import ChannelDeclaration, ChannelKind

    argv = (*configuration.switches.uux.split(), *ARGUMENTS)
    declaration = ChannelDeclaration(channel.name, ChannelKind.PROGRAM, argv=argv, origin=channel.origin)
    uux = ProgramChannel(declaration, log, most_output_octets=site.limits.programs_octets)
    names = configuration.names
    return UucpChannel(uux, table, clock, our_name=channel.full_name, uucp_name=names.uucp or names.local)


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


# Metrics.


def prepare_metrics(site: Site) -> Path | None:
    """Make the place where the daemon's processes count, once and before any is forked; return it when it is new."""
    if not site.metrics or METRICS_VARIABLE in os.environ:
        return None
    from posthouse.adapters.meter_prometheus import use_directory

    directory = site.run / _METRICS_DIRECTORY
    use_directory(directory)
    return directory


def daemon_meter(site: Site) -> Meter:
    """Return the meter of a long-running process."""
    if not site.metrics:
        return no_meter()
    from posthouse.adapters.meter_prometheus import PrometheusMeter

    return PrometheusMeter()


def forget_process(pid: int) -> None:
    """Tell the metrics that a process is gone."""
    if METRICS_VARIABLE in os.environ:
        from posthouse.adapters.meter_prometheus import forget_process as forget

        forget(pid)


async def serve_metrics(bound: socket.socket) -> asyncio.Server:
    """Answer whoever collects the metrics."""
    from posthouse.adapters.meter_prometheus_http import serve_metrics as serve

    return await serve(bound)
