"""From a tailor file to the Site that the rest of the program works with.

Where addresses go is not decided by what stands here: the Site carries the whole
TailorConfiguration, and routing by MMDF's rules reads that.
"""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Final

from posthouse.mail.limits import Limits, RetryPolicy
from posthouse.mail.lookup import Origin
from posthouse.mail.problem import Problem
from posthouse.site.model import (
    AliasSource,
    ChannelDeclaration,
    ChannelKind,
    Domain,
    DomainKind,
    LogDeclaration,
    LogFormat,
    MailboxFormat,
    Site,
    TableKind,
    TableSource,
)
from posthouse.site.names import domain_name, relay_host
from posthouse.site.problems import SiteError
from posthouse.site.tailor.entries import Lines, TailorChannel, TailorTable
from posthouse.site.tailor.listeners import read_listeners
from posthouse.site.tailor.model import Compatibility, TailorConfiguration
from posthouse.site.tailor.reader import read_tailor_file

_TABLE_KINDS: Final = {Lines.FILE: TableKind.FILE, Lines.DBM: TableKind.DBM, Lines.REGEXP: TableKind.REGEXP}
RESUBMITTING: Final = frozenset({"list", "delay"})  # programs of channels whose mail comes in again
_OWN: Final = RESUBMITTING | {"uucp"}  # opened from the tailor file itself
CHANNEL_PROGRAMS: Final = frozenset({"smtp", "local", "sendprog"}) | _OWN  # what Posthouse has for pgm=
# Variables of the sendprog channel, and what a program channel calls them.
_SENDPROG: Final = {
    "$(from)": "{sender}",
    "$(to)": "{recipient}",
    "$(to.address)": "{recipient}",
    "$(to.user)": "{user}",
    "$(to.host)": "{domain}",
    "$(local)": "{user}",
}
_MOST_HOURS: Final = 100 * 365 * 24  # a time that can still be added to a date
_TEXT_MINIMUM: Final = 64 * 1024  # RFC 5321 section 4.5.3.1.7


def read_site(path: Path, compatibility: Compatibility = Compatibility.DOCUMENTS) -> Site:
    """Read a tailor file as a Site.  Raises SiteError when it can't be read or does not say who we are."""
    return site_of(read_tailor_file(path, compatibility))


def site_of(configuration: TailorConfiguration) -> Site:
    """Make a Site of a tailor file.  Raises SiteError when it does not say who we are."""
    name = _own_name(configuration)
    complaints = list(configuration.complaints)
    channels = dict(_channels(configuration, complaints))
    queue = configuration.under(configuration.folders.queue)
    return Site(
        name=name,
        home=configuration.file.parent,
        file=configuration.file,
        spool=queue / "posthouse",
        run=queue / "posthouse" / "run",
        domains=dict(_domains(configuration)),
        channels=channels,
        tables=dict(_tables(configuration)),
        listeners=read_listeners(configuration, queue / "posthouse" / "run", complaints),
        aliases=tuple(AliasSource(alias.table, alias.public, alias.origin) for alias in configuration.aliases),
        postmaster=configuration.people.support or "postmaster",
        user=configuration.people.login if "MLOGIN" in configuration.origins else "",
        limits=_limits(configuration),
        retry=_retry(configuration),
        log=LogDeclaration(
            configuration.under(configuration.folders.logs, configuration.logs.message.file), LogFormat.TEXT
        ),
        dead_letters=_dead_letters(configuration, queue),
        passwd=configuration.passwd_file,
        files=tuple(_files(configuration)),
        complaints=tuple(complaints),
        without_effect=configuration.without_effect,
        mmdf=configuration,
    )


def tailor_of(site: Site) -> TailorConfiguration | None:
    """Return the tailor file that a Site was read from; None for a site in another language."""
    return site.mmdf if isinstance(site.mmdf, TailorConfiguration) else None


def _own_name(configuration: TailorConfiguration) -> str:
    names = configuration.names
    if not names.local:
        origin = Origin(str(configuration.file))
        raise SiteError([Problem(origin, "nothing says who we are", "write MLNAME and MLDOMAIN")])
    try:
        return domain_name(names.full_machine)
    except ValueError as error:
        places = (configuration.origins.get(each) for each in ("MLNAME", "MLOCHOST", "MLDOMAIN", "MLOCMACHINE"))
        origin = next((place for place in places if place), Origin(str(configuration.file)))
        right = "correct MLNAME, MLDOMAIN and MLOCMACHINE, which make our full name"
        raise SiteError([Problem(origin, str(error), right)]) from error


def _domains(configuration: TailorConfiguration) -> Iterator[tuple[str, Domain]]:
    """Yield every form of our own name that is a domain; what else is local, the local channel's table says."""
    names = configuration.names
    for name in (names.full, names.full_machine, names.local):
        yield (
            name.lower(),
            Domain(
                name.lower(),
                DomainKind.LOCAL,
                login_names=True,
                channel=configuration.switches.default_channel,
                origin=configuration.origins.get("MLNAME", Origin(str(configuration.file))),
            ),
        )


def _files(configuration: TailorConfiguration) -> Iterator[Path]:
    yield configuration.file
    yield from map(configuration.table_path, _text_tables(configuration))
    if configuration.passwd_file is not None:
        yield configuration.passwd_file


def _text_tables(configuration: TailorConfiguration) -> Iterator[TailorTable]:
    return (table for table in configuration.tables if table.lines in _TABLE_KINDS)


def _tables(configuration: TailorConfiguration) -> Iterator[tuple[str, TableSource]]:
    for table in _text_tables(configuration):
        if configuration.table(table.name) is not table:
            continue  # of two with one name the first is found
        kind = _TABLE_KINDS[table.lines]
        is_dbm = kind is TableKind.DBM
        path = configuration.database_path if is_dbm else configuration.table_path(table)
        yield table.name, TableSource(table.name, kind, path, table.name if is_dbm else "", origin=table.origin)


def _limits(configuration: TailorConfiguration) -> Limits:
    octets = configuration.limits.message_octets
    if octets <= 0:
        return Limits(hops=configuration.limits.most_hops)
    return Limits(hops=configuration.limits.most_hops, text_octets=max(octets, _TEXT_MINIMUM))


def _retry(configuration: TailorConfiguration) -> RetryPolicy:
    """MMDF asks for the age at which mail is returned only when that of the warning is past."""
    warn = timedelta(hours=min(configuration.limits.warn_hours, _MOST_HOURS))
    fail = timedelta(hours=min(configuration.limits.fail_hours, _MOST_HOURS))
    ttl = min((channel.ttl for channel in configuration.channels), default=120)
    return RetryPolicy(
        warn_after=warn if warn < fail else None,
        expire_after=max(warn, fail, timedelta(hours=1)),
        dead_host=timedelta(minutes=min(ttl, _MOST_HOURS)),
    )


def _dead_letters(configuration: TailorConfiguration, queue: Path) -> Path | None:
    written = configuration.people.dead_letter
    if written is None:
        return queue / "DeadLetters"
    return configuration.under(written) if written else None


# Channels.


def _channels(
    configuration: TailorConfiguration, complaints: list[Problem]
) -> Iterator[tuple[str, ChannelDeclaration]]:
    for channel in configuration.channels:
        program = channel.program
        try:
            if program in _OWN or asks_its_table(channel):
                continue
            if program == "smtp":
                yield channel.name, _smtp(channel)
            elif program == "local":
                yield channel.name, _local(configuration, channel)
            elif program == "sendprog":
                yield channel.name, _program(channel)
            else:
                raise ValueError(f"Posthouse has no channel program {channel.pgm}")
        except ValueError as error:
            right = "its mail waits in the queue until the channel can be had, or is returned"
            complaints.append(Problem(channel.origin, f"channel {channel.name}: {error}", right))


def _smtp(channel: TailorChannel) -> ChannelDeclaration:
    relay = relay_host(channel.host) if channel.host else ""
    helo = domain_name(channel.confstr or channel.full_name)
    return ChannelDeclaration(
        channel.name, ChannelKind.SMTP, relay=relay, helo=helo, sends_paths=True, origin=channel.origin
    )


def _local(configuration: TailorConfiguration, channel: TailorChannel) -> ChannelDeclaration:
    boxes = configuration.mailboxes
    folder = configuration.under(boxes.folder) if boxes.folder else Path("/home/{user}")
    return ChannelDeclaration(
        channel.name,
        ChannelKind.LOCAL,
        mailbox=str(folder / (boxes.name or "{user}")),
        mailbox_format=MailboxFormat.MBOX,
        origin=channel.origin,
    )


def asks_its_table(channel: TailorChannel) -> bool:
    """Does the command stand in the channel's table, for each host its own?  MMDF sendprog(8)."""
    return channel.program == "sendprog" and not channel.confstr.strip()


def _program(channel: TailorChannel) -> ChannelDeclaration:
    return sendprog(channel, channel.confstr)


def sendprog(channel: TailorChannel, command: str) -> ChannelDeclaration:
    """Return a channel that runs a command.  Raises ValueError for what is none."""
    words = command.split()
    if not words or not words[0].startswith("/"):
        raise ValueError("its command does not begin with the path of a program")
    for variable, placeholder in _SENDPROG.items():
        words = [word.replace(variable, placeholder) for word in words]
    return ChannelDeclaration(channel.name, ChannelKind.PROGRAM, argv=tuple(words), origin=channel.origin)
