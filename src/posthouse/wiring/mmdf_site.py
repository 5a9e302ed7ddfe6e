"""A site with a tailor file of MMDF: its router, its channels, its tables of hosts."""

from __future__ import annotations  # so that the ports are imported by the type checker alone

from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from posthouse.ports import Channel, Clock, EventLog, Resolver, Table
    from posthouse.routing.mmdf.compiled import MmdfRouting
    from posthouse.site.model import Site
    from posthouse.site.tailor.entries import TailorChannel
    from posthouse.site.tailor.model import TailorConfiguration
    from posthouse.submit.intake import Intake
    from posthouse.submit.mmdf_router import MmdfRouter
    from posthouse.wiring.way_out import SpecialWayOut


def mmdf_router(site: Site, clock: Clock, log: EventLog) -> MmdfRouter:
    """Join routing by a tailor file."""
    from posthouse.adapters.authorization_log_file import AuthorizationLogFile
    from posthouse.site.tailor.entries import LogLevel
    from posthouse.submit.mmdf_router import MmdfRouter

    configuration = tailor_configuration(site)
    routing, tables = mmdf_tables(site, configuration, clock)
    spec = configuration.logs.auth
    path = configuration.under(configuration.folders.logs, spec.file) if spec.level >= LogLevel.FST.value else None
    return MmdfRouter(routing, tables, AuthorizationLogFile(path, clock, log), log)


def tailor_configuration(site: Site) -> TailorConfiguration:
    """Return the tailor file of an MMDF site.  Raises LookupError for a site in another language."""
    from posthouse.site.tailor.site import tailor_of

    configuration = tailor_of(site)
    if configuration is None:
        raise LookupError(f"{site.file} is no tailor file")
    return configuration


def mmdf_tables(site: Site, configuration: TailorConfiguration, clock: Clock) -> tuple[MmdfRouting, dict[str, Table]]:
    """Return routing by a tailor file, and the tables that it asks."""
    from posthouse.adapters.table_mmdf import open_mmdf_tables
    from posthouse.routing.mmdf.compiled import compile_mmdf

    seconds = site.timeouts.dns.total_seconds()
    tables = open_mmdf_tables(configuration, clock, nameservers=site.nameservers, seconds=seconds)
    return compile_mmdf(configuration), tables


def mmdf_resolvers(site: Site, resolver: Resolver, clock: Clock) -> dict[str, Resolver]:
    """Return the resolvers of channels that have a table of hosts."""
    from posthouse.adapters.resolver_channel_table import ChannelTableResolver

    configuration = tailor_configuration(site)
    _, tables = mmdf_tables(site, configuration, clock)
    return {
        channel.name: ChannelTableResolver(tables[channel.tbl], resolver)
        for channel in configuration.channels
        if channel.tbl in tables
    }


def mmdf_way_out(site: Site, intake: Intake, clock: Clock, log: EventLog) -> SpecialWayOut:
    """Join what an MMDF site delivers with: its lists, its UUCP, its headers."""
    from posthouse.adapters.dialect_mmdf import MmdfDialect
    from posthouse.channels.resubmit import Lists, ResubmitChannel
    from posthouse.site.tailor.site import asks_its_table
    from posthouse.submit.mmdf_lists import ListOwners
    from posthouse.submit.resubmission import IntakeResubmission
    from posthouse.wiring.way_out import SpecialWayOut

    configuration = tailor_configuration(site)
    routing, tables = mmdf_tables(site, configuration, clock)
    again = IntakeResubmission(intake)
    lists = Lists(configuration.names.full, ListOwners(configuration, tables).owner)
    channels: dict[str, Channel] = {}
    for channel in configuration.channels:
        if channel.program in {"list", "delay"}:
            channels[channel.name] = ResubmitChannel(again, lists if channel.program == "list" else None)
        elif channel.program == "uucp":
            channels[channel.name] = _uucp_channel(site, configuration, channel, tables[channel.tbl], clock, log)
        elif asks_its_table(channel):
            channels[channel.name] = _table_program_channel(site, channel, tables[channel.tbl], log)
    local = configuration.local_channel
    around = {} if local is None else {local.name: partial(_with_qualified, configuration, clock, log)}
    return SpecialWayOut(channels, around, MmdfDialect(routing, tables))


def _with_qualified(configuration: TailorConfiguration, clock: Clock, log: EventLog, mailboxes: Channel) -> Channel:
    """Join the mailboxes with what trusted aliases name beyond them."""
    from posthouse.adapters.logins_passwd import open_logins
    from posthouse.channels.qualified import QualifiedChannel

    return QualifiedChannel(mailboxes, open_logins(configuration.passwd_file, clock), clock, log)


def _table_program_channel(site: Site, channel: TailorChannel, table: Table, log: EventLog) -> Channel:
    """Join a channel whose table has a command for each host."""
    from posthouse.channels.program import ProgramChannel
    from posthouse.channels.table_program import TableProgramChannel
    from posthouse.site.tailor.site import sendprog

    def program(command: str) -> Channel:
        return ProgramChannel(sendprog(channel, command), log, most_output_octets=site.limits.programs_octets)

    return TableProgramChannel(table, program, log)


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
