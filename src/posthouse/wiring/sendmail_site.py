"""A site with a sendmail.cf: its sessions, its router, its mailers."""

from __future__ import annotations  # so that the ports are imported by the type checker alone

import os
from typing import TYPE_CHECKING

from posthouse.wiring.machine import system_clock

if TYPE_CHECKING:
    from collections.abc import Callable

    from posthouse.ports import Clock, EventLog
    from posthouse.scheduling.load import LoadLimits
    from posthouse.site.cf.declared import CfConfiguration
    from posthouse.site.model import Site
    from posthouse.smtp.sendmail_session import SendmailSession
    from posthouse.smtpd.service import Reception
    from posthouse.submit.client import Client
    from posthouse.submit.router import Router
    from posthouse.submit.sendmail.router import SendmailRouter
    from posthouse.wiring.way_out import SpecialWayOut


def open_sendmail_session(site: Site, user: str) -> SendmailSession:
    """Begin an SMTP session as the cf file words it, with a user of ours."""
    from posthouse.site.cf.personality import personality_of
    from posthouse.smtp.sendmail_session import SendmailSession

    now = system_clock().now()
    personality = personality_of(_configuration_of(site), site.limits, f"{user}@localhost", now, offers_auth=True)
    return SendmailSession(site.name, site.limits, personality)


def sendmail_reception(site: Site, router: Router) -> Callable[[Client], Reception]:
    """Return how clients from the network are received: they are told apart by name and judged before they speak."""
    from posthouse.submit.sendmail.reception import SendmailReception
    from posthouse.submit.sendmail.router import SendmailRouter

    if not isinstance(router, SendmailRouter):
        raise TypeError(f"{type(router).__name__} is not the router of a sendmail.cf")
    clock = system_clock()
    return lambda client: SendmailReception(site, router, client, clock)


def _configuration_of(site: Site) -> CfConfiguration:
    from posthouse.site.cf.declared import CfConfiguration

    if not isinstance(site.cf, CfConfiguration):
        raise TypeError(f"{type(site.cf).__name__} is not what a sendmail.cf is read as")
    return site.cf


def load_limits(site: Site) -> tuple[LoadLimits, int]:
    """Return the loads from which on less is done, and how many connections are taken in a second (0: any number)."""
    from posthouse.deliver.cf_load import load_limits_of

    configuration = _configuration_of(site)
    return load_limits_of(configuration, os.cpu_count() or 1), max(configuration.number("ConnectionRateThrottle"), 0)


def sendmail_router(site: Site, clock: Clock) -> SendmailRouter:
    """Join routing by a sendmail.cf."""
    from posthouse.adapters.cf_accounts import logins_of
    from posthouse.adapters.cf_maps import service_switch
    from posthouse.adapters.cf_world import open_world
    from posthouse.routing.sendmail.compiled import compile_sendmail
    from posthouse.submit.sendmail.router import SendmailRouter

    configuration = _configuration_of(site)
    world, _ = open_world(configuration, clock, logins_of(configuration, clock))
    return SendmailRouter(compile_sendmail(configuration), world, service_switch(configuration))


def sendmail_way_out(site: Site, clock: Clock, log: EventLog) -> SpecialWayOut:
    """Join what a site with a sendmail.cf delivers with: its mailers, its headers."""
    from posthouse.adapters.cf_accounts import default_identity, logins_of
    from posthouse.adapters.cf_world import open_world
    from posthouse.adapters.dialect_cf import CfDialect
    from posthouse.channels.mailer import MailerChannel
    from posthouse.channels.mailer_runs import MailerRuns, MailerSettings
    from posthouse.deliver.cf_letters import CfLetters
    from posthouse.deliver.cf_report import ReportWriter
    from posthouse.deliver.mailer_text import Renderer
    from posthouse.rewriting.compiled import CompiledProgram
    from posthouse.wiring.way_out import SpecialWayOut

    configuration = _configuration_of(site)
    _, answers = open_world(configuration, clock, logins_of(configuration, clock))
    renderer = Renderer(configuration, CompiledProgram(configuration.program), answers, clock)
    settings = MailerSettings(
        timeouts=site.timeouts,
        default_identity=default_identity(configuration),
        file_mode=configuration.number("TempFileMode") or 0o600,
    )
    runs = MailerRuns(renderer, settings)
    return SpecialWayOut(
        channels={
            mailer.name: MailerChannel(mailer.name, runs, renderer, log)
            for mailer in configuration.mailers.values()
            if mailer.path != "[IPC]" and mailer.name != "*include*"
        },
        dialect=CfDialect(renderer),
        letters=CfLetters(renderer, ReportWriter(renderer), clock, expires_after=site.retry.expire_after),
        rests=_rests(site, clock),
        close=answers.close,
    )


def _rests(site: Site, clock: Clock) -> Callable[[], bool]:
    """Return what says that the load is too high even for a message to a single recipient."""
    from posthouse.adapters.load_system import SystemLoad
    from posthouse.mailers.priority import factors_of

    limits, _ = load_limits(site)
    load = SystemLoad(clock)
    lightest = factors_of(_configuration_of(site)).priority(1, recipients=1)
    return lambda: limits.queues(load.now(), lightest)
