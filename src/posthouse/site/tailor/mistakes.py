"""What is wrong between the parts of a tailor file and in its tables: what MMDF's programs would meet later.

Reads the tables through ``read``, which yields entries and what is wrong in the text, and raises
OSError when a table can't be read.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from msgspec import Struct

from posthouse.mail.lookup import Origin
from posthouse.mail.mmdf_fields import split_fields, value_fields
from posthouse.mail.problem import Problem
from posthouse.site.tailor.alias_mistakes import AliasMistakes
from posthouse.site.tailor.complaints import shown
from posthouse.site.tailor.entries import Lines, TailorChannel, TailorTable
from posthouse.site.tailor.model import TailorConfiguration

MAX_MISTAKES: Final = 1000
HASHED: Final = frozenset({Lines.FILE, Lines.DBM})
_AUTHORIZATIONS: Final = "auth"  # the table of the people's rights
_NEED_A_HOST: Final = ("badusers", "badhosts")
_NEED_OUR_HOST: Final = ("list", "delay", "blockaddr")


class TableEntry(Struct, frozen=True):
    """One entry of a table; the key in lower case."""

    key: str
    value: str
    origin: Origin


Hops = dict[str, tuple[str, Origin]]  # of each domain: the host that its entry ends in, and where that stands
ReadTable = Callable[[TailorTable], Iterator[TableEntry | Problem]]


def find_mistakes(configuration: TailorConfiguration, read: ReadTable) -> list[Problem]:
    """Return every mistake, at most MAX_MISTAKES."""
    found: list[Problem] = []
    for mistake in _mistakes(configuration, read):
        if len(found) == MAX_MISTAKES:
            break
        found.append(mistake)
    return found


def _mistakes(configuration: TailorConfiguration, read: ReadTable) -> Iterator[Problem]:
    yield from _of_names(configuration)
    for channel in configuration.channels:
        yield from _of_channel(configuration, channel)
    yield from _of_queues(configuration)
    yield from _of_unused(configuration)
    yield from _of_unserved(configuration)
    yield from _of_tables(configuration, read)


def _of_names(configuration: TailorConfiguration) -> Iterator[Problem]:
    file = Origin(str(configuration.file))
    if not configuration.names.local:
        yield Problem(file, "nothing says who we are", "write MLNAME and MLDOMAIN above the channels")
    if configuration.local_channel is None:
        name = configuration.switches.default_channel
        yield Problem(file, f"there is no channel {shown(name)}, which means this machine", f"add MCHN {name}")
    if not configuration.aliases:
        yield Problem(file, "there are no aliases", "add ALIAS table=aliases: postmaster must be reachable")
    for name in configuration.switches.valid_channels:
        if configuration.channel(name) is None:
            where = configuration.origins.get("MVALIDCHN", file)
            yield Problem(where, f"MVALIDCHN names {shown(name)}, which is no channel", "name channels of this file")


def _of_channel(configuration: TailorConfiguration, channel: TailorChannel) -> Iterator[Problem]:
    name = channel.name.lower()
    if name in _NEED_A_HOST and not channel.host:
        yield Problem(channel.origin, f"the channel {channel.name} has no host=", "name where its mail goes")
    if channel.pgm.lower() in _NEED_OUR_HOST and not configuration.names.are_us(channel.host):
        yield Problem(
            channel.origin,
            f"host={shown(channel.host)} of the channel {channel.name} is not this host",
            f"write host={configuration.names.full}",
        )
    if not channel.lname:
        yield Problem(channel.origin, f"the channel {channel.name} does not know our name", "put MLNAME above it")


def _of_queues(configuration: TailorConfiguration) -> Iterator[Problem]:
    first: dict[str, TailorChannel] = {}
    for channel in configuration.channels:
        other = first.setdefault(channel.que, channel)
        if other.tbl != channel.tbl:
            yield Problem(
                channel.origin,
                f"the channels {other.name} and {channel.name} share the queue {channel.que}, not the table",
                "give them one table, or two queues",
            )


def _of_unused(configuration: TailorConfiguration) -> Iterator[Problem]:
    """A reserved name needs nobody to name it."""
    used = {"auth", "users", "mailids", "rmail.chans", "mboxquota"}
    used |= {domain.table.lower() for domain in configuration.domains}
    used |= {alias.table.lower() for alias in configuration.aliases}
    used |= {table.name.lower() for table in configuration.tables if table.reject}  # the SMTP server asks these
    for channel in configuration.channels:
        names = (channel.tbl, channel.insrc, channel.outsrc, channel.indest, channel.outdest, channel.known)
        used |= {name.lower() for name in names}
    for table in configuration.tables:
        if table.name.lower() not in used:
            yield Problem(table.origin, f"nothing uses the table {shown(table.name)}", "name it, or leave it out")


def _of_unserved(configuration: TailorConfiguration) -> Iterator[Problem]:
    for table in configuration.tables:
        if table.lines is Lines.TEST:
            wrong = f"the table {shown(table.name)}: tables of type {table.lines.value} answer nothing"
            yield Problem(table.origin, wrong, "use another type: an address that needs this one is deferred")


# Tables.


def _of_tables(configuration: TailorConfiguration, read: ReadTable) -> Iterator[Problem]:
    keys: dict[str, set[str]] = {}
    hops: Hops = {}
    domains: dict[str, list[str]] = {}
    for domain in configuration.domains:
        domains.setdefault(domain.table.lower(), []).append(domain.dmn.lower())
    channels = {channel.tbl.lower() for channel in configuration.channels}
    known = {channel.known.lower() for channel in configuration.channels if channel.known}
    aliases = AliasMistakes(configuration)
    has_nameserver = False
    for table in configuration.tables:
        name = table.name.lower()
        has_nameserver |= table.lines not in HASHED and name in channels
        if table.lines not in HASHED or name in keys:
            continue
        kept = keys.setdefault(name, set())
        try:
            for entry in read(table):
                if isinstance(entry, Problem):
                    yield entry
                    continue
                if name in channels or name in known:
                    kept.add(entry.key)
                yield from _of_domain_entry(entry, domains.get(name, ()), hops)
                yield from aliases.of_entry(name, entry.key, entry.value, entry.origin)
                if name == _AUTHORIZATIONS:
                    yield from _of_rights(configuration, entry)
        except OSError as error:
            del keys[name]  # nothing is concluded from a table that nobody has read
            wrong = f"the table {table.name}: {error.filename or table.file}: {error.strerror or error}"
            yield Problem(table.origin, wrong, "write the file, or name one that is there")
    yield from aliases.circles()
    yield from _of_our_names(configuration, keys)
    if not has_nameserver and channels <= keys.keys():
        yield from _unreachable(configuration, keys, channels, hops)


def _of_domain_entry(entry: TableEntry, dmns: Sequence[str], hops: Hops) -> Iterator[Problem]:
    if not dmns:
        return
    fields = split_fields(entry.value).flat()
    if not fields or not fields[-1]:
        yield Problem(entry.origin, f"{shown(entry.key)} has no host", "write the official domain, then the host")
        return
    for dmn in dmns:
        hops.setdefault(f"{entry.key}.{dmn}" if dmn else entry.key, (fields[-1].lower(), entry.origin))


def _of_rights(configuration: TailorConfiguration, entry: TableEntry) -> Iterator[Problem]:
    for name in value_fields(entry.value)[1:]:
        if configuration.channel(name) is None:
            wrong = f"{shown(entry.key)} has rights on {shown(name)}, which is no channel"
            yield Problem(entry.origin, wrong, "name channels of the tailor file behind the first word")


def _of_our_names(configuration: TailorConfiguration, keys: dict[str, set[str]]) -> Iterator[Problem]:
    names, local = configuration.names, configuration.local_channel
    if local is not None and names.local:
        # Mail to ourselves takes the domain tables first and the local channel's table then.
        table = keys.get(local.tbl.lower())
        for name in dict.fromkeys((names.full, names.local)) if table is not None else ():
            if name.lower() not in (table or ()):
                right = f"add {name}: {names.local} to the table {local.tbl}"
                yield Problem(
                    local.origin, f"the table of the channel {local.name} does not have our name {name}", right
                )
    for channel in configuration.channels:
        table = keys.get(channel.known.lower()) if channel.known else None
        if table is not None and channel.full_name.lower() not in table:
            wrong = f"the known table of the channel {channel.name} does not have our name {channel.full_name}"
            yield Problem(channel.origin, wrong, "add it, or every address of ours is turned around")


def _unreachable(
    configuration: TailorConfiguration, keys: dict[str, set[str]], channels: set[str], hops: Hops
) -> Iterator[Problem]:
    """A host that no channel has is looked up as a domain again: that must end at a host that a channel has."""
    reached: set[str] = set().union(*(keys.get(name, set()) for name in channels))
    told: set[str] = set()
    for host, origin in hops.values():
        passed: list[str] = []
        while host not in reached and not configuration.names.are_us(host) and host not in passed and host not in told:
            passed.append(host)
            host = hops.get(host, (host, origin))[0]  # noqa: PLW2901 - the next hop of the same address
        if passed and host not in reached and not configuration.names.are_us(host) and host not in told:
            if len(passed) > 1 and host != passed[-1]:
                circle = " to ".join((*passed[passed.index(host) :], host))
                yield Problem(origin, f"the domain tables lead in a circle: {circle}", "end it at a host of a channel")
            else:
                right = "add it to the table of a channel, or correct the entry"
                yield Problem(origin, f"no channel has the host {shown(host)}", right)
        told.update(passed)
