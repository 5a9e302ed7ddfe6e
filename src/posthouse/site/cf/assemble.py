"""From a configuration file of sendmail to a Site: what each option, mailer and class becomes.

What has no place in a Site is listed with its reason; it is not an error.
"""

from datetime import timedelta
from pathlib import Path
from typing import Final

from posthouse.mail.limits import Limits, RetryPolicy, Timeouts
from posthouse.mail.problem import Problem
from posthouse.rewriting.macros import expand
from posthouse.rewriting.symbols import MACRO
from posthouse.site import names
from posthouse.site.cf.channels import read_channels
from posthouse.site.cf.declared import CfConfiguration
from posthouse.site.cf.idle import without_effect
from posthouse.site.cf.listeners import read_listeners
from posthouse.site.model import (
    AliasSource,
    ChannelDeclaration,
    ChannelKind,
    Domain,
    DomainKind,
    LogDeclaration,
    RouteRule,
    Site,
    TableKind,
    TableSource,
)
from posthouse.site.problems import SiteError

DEFAULT_QUEUE: Final = "/var/spool/mqueue"
_BLOCK: Final = 1024  # octets, of MinFreeBlocks
_SMALLEST_TEXT: Final = 64 * 1024  # RFC 5321 section 4.5.3.1.7
_FEWEST_RECIPIENTS: Final = 100  # RFC 5321 section 4.5.3.1.8
_NO_LIMIT: Final = 2**40  # octets: no message is longer than a disk of today


def assemble(configuration: CfConfiguration) -> Site:
    """Return the Site.  Raises SiteError with every error that the file has."""
    if configuration.errors:
        raise SiteError(complaint.problem for complaint in configuration.errors)
    complaints: list[Problem] = [complaint.problem for complaint in configuration.complaints]
    file = configuration.file.absolute()
    spool = Path(configuration.text("QueueDirectory") or DEFAULT_QUEUE) / "posthouse"
    run = spool / "run"
    channels = read_channels(configuration, complaints)
    tables = _alias_tables(configuration, file.parent)
    drop = configuration.text("DeadLetterDrop")
    return Site(
        name=site_name(configuration),
        home=file.parent,
        file=file,
        spool=spool,
        run=run,
        domains=_domains(configuration),
        channels=channels,
        routes=_routes(channels),
        tables=tables,
        aliases=tuple(AliasSource(name, origin=table.origin) for name, table in tables.items()),
        listeners=read_listeners(configuration, run, complaints),
        postmaster=configuration.text("DoubleBounceAddress") or "postmaster",
        user=configuration.text("RunAsUser").partition(":")[0],
        vrfy=not {"novrfy", "goaway"} & set(configuration.words("PrivacyOptions")),
        limits=_limits(configuration),
        timeouts=_timeouts(configuration),
        retry=_retry(configuration),
        log=LogDeclaration(spool / "log"),
        dead_letters=Path(drop) if drop else None,
        files=tuple(Path(read.path) for read in configuration.files if read.digest),
        complaints=tuple(complaints),
        without_effect=tuple(without_effect(configuration)),
        cf=configuration,
    )


def site_name(configuration: CfConfiguration) -> str:
    """Return ``$j``: what this host calls itself."""
    return expand(f"{MACRO}j", configuration.program.macros).strip().lower() or "localhost"


def _domains(configuration: CfConfiguration) -> dict[str, Domain]:
    """Return class w as the domains whose mail is for this machine."""
    domains: dict[str, Domain] = {}
    for word in sorted(configuration.program.classes.get("w", ())):
        try:
            name = names.domain_name(word)
        except ValueError:
            continue  # a word that is no domain matches in rules and nowhere else
        domains[name] = Domain(name, DomainKind.LOCAL, login_names=True)
    return domains


def _routes(channels: dict[str, ChannelDeclaration]) -> tuple[RouteRule, ...]:
    """Return the way for every other domain: the SMTP mailer that m4's rules prefer, or the first one."""
    smtp = [name for name, channel in channels.items() if channel.kind is ChannelKind.SMTP]
    preferred = next((name for name in ("esmtp", "smtp", *smtp) if name in smtp), "")
    return (RouteRule("*", preferred, origin=channels[preferred].origin),) if preferred else ()


def _alias_tables(configuration: CfConfiguration, home: Path) -> dict[str, TableSource]:
    tables: dict[str, TableSource] = {}
    for setting in configuration.settings.get("AliasFile", ()):
        for specification in setting.text.replace(",", " ").split():
            path = specification.rpartition(":")[2]
            if not path or path.startswith("-"):
                continue  # ``implicit:`` alone, or a flag of the map
            name = f"aliases-{len(tables) + 1}" if tables else "aliases"
            tables[name] = TableSource(name, TableKind.FILE, home / path, is_aliases_file=True, origin=setting.origin)
    return tables


def _limits(configuration: CfConfiguration) -> Limits:
    def at_least(minimum: int, name: str, otherwise: int) -> int:
        number = configuration.number(name)
        return max(number, minimum) if number > 0 else otherwise

    ours = Limits()
    blocks, _, largest = configuration.text("MinFreeBlocks").partition("/")
    message = _number(largest)
    return Limits(
        text_octets=at_least(_SMALLEST_TEXT, "MaxMessageSize", max(message, _SMALLEST_TEXT) if message else _NO_LIMIT),
        header_octets=at_least(1024, "MaxHeadersLength", ours.header_octets),
        recipients=at_least(_FEWEST_RECIPIENTS, "MaxRecipientsPerMessage", ours.recipients),
        hops=at_least(1, "MaxHopCount", ours.hops),
        connections=at_least(1, "MaxDaemonChildren", ours.connections),
        alias_depth=at_least(1, "MaxAliasRecursion", ours.alias_depth),
        spool_free_octets=_number(blocks) * _BLOCK,
    )


def _timeouts(configuration: CfConfiguration) -> Timeouts:
    def limit(name: str) -> timedelta:
        return max(configuration.duration(f"Timeout.{name}"), timedelta(seconds=1))

    connect = configuration.duration("Timeout.connect")
    return Timeouts(
        command=limit("command"),
        text=limit("datablock"),
        connect=connect or Timeouts().connect,
        greeting=limit("initial"),
        mail=limit("mail"),
        rcpt=limit("rcpt"),
        data_command=limit("datainit"),
        data_block=limit("datablock"),
        data_end=limit("datafinal"),
        quit=limit("quit"),
    )


def _retry(configuration: CfConfiguration) -> RetryPolicy:
    ours = RetryPolicy()

    def given(name: str, otherwise: timedelta) -> timedelta:
        return configuration.duration(name) or otherwise if configuration.is_set(name) else otherwise

    first = given("MinQueueAge", ours.first_delay)
    return RetryPolicy(
        first_delay=first,
        max_delay=max(given("MaxQueueAge", ours.max_delay), first),
        warn_after=configuration.duration("Timeout.queuewarn.normal") or None,
        expire_after=configuration.duration("Timeout.queuereturn.normal"),
        dead_host=given("Timeout.hoststatus", ours.dead_host),
    )


def _number(text: str) -> int:
    digits = text.strip()
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 16 else 0
