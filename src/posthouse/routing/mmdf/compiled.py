"""A tailor file made ready for resolving: what would otherwise be searched for at every address."""

import re
from collections.abc import Generator, Mapping
from typing import TypeVar

from msgspec import Struct

from posthouse.mail.lookup import Answer, Decision, Lookup, Origin
from posthouse.site.tailor.entries import Lines, TailorAlias, TailorChannel, TailorTable
from posthouse.site.tailor.model import Compatibility, TailorConfiguration

T = TypeVar("T")
Steps = Generator[Lookup | Decision, Answer | None, T]

INCLUDED_FILES = ":include:"  # the table whose keys are paths and whose value is a file's text
MAIL_IDS = "mailids"
AUTHORIZATIONS = "auth"
DELAY, BAD_USERS, BAD_HOSTS = "delay", "badusers", "badhosts"


class TableUnavailableError(Exception):
    """A table cannot answer now; caught where an address is verified, which is deferred then."""

    def __init__(self, reason: str, *, is_nameserver: bool) -> None:
        super().__init__(reason)
        self.is_nameserver = is_nameserver


class DomainTable(Struct, frozen=True):
    """One MDMN with its table."""

    dmn: str  # as written
    table: TailorTable
    origin: Origin

    @property
    def is_nameserver(self) -> bool:
        """Does the DNS answer?"""
        return self.table.lines is Lines.NS

    def question(self, name: str) -> Lookup:
        """Return what to ask the table for, of a name without our ``dmn``: name servers know whole names alone."""
        return Lookup(self.table.name, f"{name}.{self.dmn}" if self.dmn and self.table.lines is Lines.NS else name)


class MmdfRouting(Struct, frozen=True):
    """Everything that resolving wants to know of a site."""

    configuration: TailorConfiguration
    rooted: Mapping[str, tuple[DomainTable, ...]]  # by dmn in lower case
    partial: tuple[DomainTable, ...]  # searched for names without their domain
    channels: tuple[tuple[TailorChannel, bool], ...]  # in order; is it a nameserver's?
    aliases: tuple[tuple[TailorAlias, TailorTable], ...]
    by_name: Mapping[str, TailorChannel]  # in lower case
    positions: Mapping[str, int]  # of channels, by their names as spelled
    local_channel: TailorChannel | None
    our_names: frozenset[str]  # in lower case
    has_routes: bool  # may an entry of any domain table stand for everything below it?
    has_authorizations: bool  # is there a table ``auth``?
    asks_authorization: bool  # does any channel ask for any?
    is_snapshot: bool
    qualifier: re.Pattern[str]  # finds where the name of a local part ends: at a file, a program or a tag

    def channel(self, name: str) -> TailorChannel | None:
        """Return the channel of this name, without case."""
        return self.by_name.get(name.lower())

    def are_us(self, name: str) -> bool:
        """Is this domain one of our names?"""
        return name.lower() in self.our_names

    def position(self, channel: TailorChannel) -> int:
        """Return where a channel stands in the order of the file."""
        return self.positions[channel.name]


def compile_mmdf(configuration: TailorConfiguration, compatibility: Compatibility | None = None) -> MmdfRouting:
    """Make a tailor file ready.  ``compatibility`` overrules what the file says of it."""
    is_snapshot = (compatibility or configuration.compatibility) is Compatibility.SNAPSHOT
    tables = {table.name.lower(): table for table in reversed(configuration.tables)}
    domains = [DomainTable(domain.dmn, _table(tables, domain.table), domain.origin) for domain in configuration.domains]
    rooted: dict[str, tuple[DomainTable, ...]] = {}
    for domain in domains:
        rooted[domain.dmn.lower()] = (*rooted.get(domain.dmn.lower(), ()), domain)
    return MmdfRouting(
        configuration,
        rooted,
        # The snapshot searches every table that is a file; the flag counts for name servers only.
        tuple(one for one in domains if _is_searched(one, is_snapshot=is_snapshot)),
        tuple((channel, _is_nameserver(tables, channel.tbl)) for channel in configuration.channels),
        tuple((alias, _table(tables, alias.table)) for alias in configuration.aliases),
        {channel.name.lower(): channel for channel in configuration.channels},
        {channel.name: at for at, channel in enumerate(configuration.channels)},
        configuration.local_channel,
        frozenset(name.lower() for name in configuration.names.all_forms),
        any(domain.table.route for domain in domains),
        AUTHORIZATIONS in tables,
        any(channel.auth for channel in configuration.channels),
        is_snapshot,
        re.compile(f"[/|{re.escape(configuration.mailboxes.tag_characters)}]"),
    )


def _table(tables: Mapping[str, TailorTable], name: str) -> TailorTable:
    return tables.get(name.lower()) or TailorTable(name, name, name)


def _is_nameserver(tables: Mapping[str, TailorTable], name: str) -> bool:
    return _table(tables, name).lines is Lines.NS


def _is_searched(domain: DomainTable, *, is_snapshot: bool) -> bool:
    if is_snapshot and domain.table.lines is not Lines.NS:
        return True
    return domain.table.partial and bool(domain.dmn)
