"""From tables that were read to a Site, and what only shows when all of them are known.

References to tables and channels, values that contradict each other, files that are
not there: each is one more Problem of the walk, at the key that is to blame.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from posthouse.mail.limits import Concurrency, Limits, RetryPolicy, Timeouts
from posthouse.mail.lookup import BUILTIN
from posthouse.site import names
from posthouse.site.model import (
    LOGIN_NAMES,
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
from posthouse.site.toml import language
from posthouse.site.toml.channels import read_channels
from posthouse.site.toml.features import beside_rules, read_mailertables, read_virtual
from posthouse.site.toml.keys import Section
from posthouse.site.toml.listeners import read_listeners
from posthouse.site.toml.positions import TomlPath
from posthouse.site.toml.references import check_reference, check_references, kind_of
from posthouse.site.toml.tables import look_for_file, read_tables
from posthouse.site.toml.walk import Walk

_CATCH_ALL = RouteRule("*", "smtp", origin=BUILTIN)
_Part = TypeVar("_Part")


def assemble(walk: Walk, file: Path) -> Site:
    """Read everything; the Site counts only if the walk has no problems afterwards."""
    walk.unknown_sections(language.SECTIONS)
    own = walk.single(language.SITE)
    run = own.setdefault("run", walk.home / "run")
    own.setdefault("spool", walk.home / "spool")
    own.setdefault("name", "localhost")
    timeouts = _part(Timeouts, walk, language.TIMEOUTS)
    tables = read_tables(walk)
    channels = read_channels(walk, timeouts)
    concurrency = _part(Concurrency, walk, language.CONCURRENCY)
    if concurrency.per_host_initial > concurrency.per_host:
        _contradiction(walk, "concurrency", "per-host-initial", "more than per-host", "write at most per-host")
    beside_rules(walk, tables)
    passwd = _passwd(walk)
    return Site(
        home=walk.home,
        file=file,
        domains=_domains(walk, tables, channels),
        channels=channels,
        routes=_routes(walk, channels),
        tables=tables,
        aliases=_aliases(walk, tables),
        virtual=read_virtual(walk, tables),
        mailertables=read_mailertables(walk, tables),
        listeners=read_listeners(walk, run if isinstance(run, Path) else walk.home),
        limits=_part(Limits, walk, language.LIMITS),
        timeouts=timeouts,
        retry=_retry(walk),
        concurrency=concurrency,
        log=_part(LogDeclaration, walk, language.LOG),
        metrics=str(walk.single(language.METRICS).get("listen", "")),
        nameservers=walk.single(language.DNS).get("servers", ()),  # type: ignore[arg-type]  # the language says texts
        passwd=passwd,
        files=(file, *(table.path for table in tables.values() if table.path), *([passwd] if passwd else [])),
        **own,  # type: ignore[arg-type]  # the language describes [site] by the fields of Site
    )


def _part(model: Callable[..., _Part], walk: Walk, section: Section) -> _Part:
    """Read a table that is a part of the model of its own."""
    return model(**walk.single(section))


def _passwd(walk: Walk) -> Path | None:
    file = walk.single(language.ACCOUNTS).get("passwd")
    if not isinstance(file, Path):
        return None
    look_for_file(walk, TableKind.FILE, file, ("accounts", "passwd"))
    return file


def _retry(walk: Walk) -> RetryPolicy:
    retry = _part(RetryPolicy, walk, language.RETRY)
    if retry.first_delay > retry.max_delay:
        _contradiction(walk, "retry", "first-delay", "longer than max-delay", "write at most max-delay")
    if retry.warn_after is not None and retry.warn_after >= retry.expire_after:
        hint = 'write less than expire-after, or "never"'
        _contradiction(walk, "retry", "warn-after", "not before expire-after, when the mail is returned", hint)
    return retry


def _contradiction(walk: Walk, section: str, key: str, wrong: str, right: str) -> None:
    """Blame the key, or its table when the key has its default."""
    walk.wrong((section, key), f"{key} is {wrong}", right)


def _domains(
    walk: Walk, tables: Mapping[str, TableSource], channels: Mapping[str, ChannelDeclaration]
) -> dict[str, Domain]:
    domains: dict[str, Domain] = {}
    for written, table, path in walk.named(language.DOMAINS):
        kind = kind_of(table, DomainKind.LOCAL)
        values = walk.table(language.DOMAINS, table, path, kind.value)
        values["kind"] = kind
        try:
            name = names.domain_name(written)
        except ValueError as error:
            walk.wrong(path, str(error), 'a domain with dots in it stands in quotes: [domains."example.org"]')
            continue
        if name in domains:
            walk.wrong(
                path,
                f"the domain {name} is declared twice",
                f"keep one; the first is in line {domains[name].origin.line}",
            )
            continue
        users = check_references(walk, values, "users", (*path, "users"), {*tables, LOGIN_NAMES})
        check_references(walk, values, "recipients", (*path, "recipients"), tables)
        check_reference(walk, values.get("channel"), (*path, "channel"), channels, "channel")
        values["login_names"] = LOGIN_NAMES in users
        values["users"] = tuple(user for user in users if user != LOGIN_NAMES)
        domains[name] = Domain(name=name, origin=walk.origin(path), **values)  # type: ignore[arg-type]  # as above
    return domains


def _aliases(walk: Walk, tables: Mapping[str, TableSource]) -> tuple[AliasSource, ...]:
    if isinstance(walk.document.get("aliases"), dict):
        values = walk.single(language.ALIASES_SHORT)
        path: TomlPath = ("aliases", "tables")
        found = check_references(walk, values, "tables", path, tables)
        public = bool(values.get("public", False))
        return tuple(AliasSource(name, public, walk.origin((*path, i))) for i, name in enumerate(found))
    sources = []
    for values, path in walk.repeated(language.ALIASES):
        name = values.get("table")
        if check_reference(walk, name, (*path, "table"), tables, "table"):
            sources.append(AliasSource(str(name), bool(values.get("public", False)), walk.origin(path)))
    return tuple(sources)


def _routes(walk: Walk, channels: Mapping[str, ChannelDeclaration]) -> tuple[RouteRule, ...]:
    routes: list[RouteRule] = []
    for values, path in walk.repeated(language.ROUTE):
        name = values.get("channel")
        if not check_reference(walk, name, (*path, "channel"), channels, "channel") or "pattern" not in values:
            continue
        rule = RouteRule(origin=walk.origin(path), **values)  # type: ignore[arg-type]  # as above
        _check_relay(walk, rule, channels[rule.channel], path)
        routes.append(rule)
    if not any(rule.pattern == "*" for rule in routes):
        routes.append(_CATCH_ALL)
    return tuple(routes)


def _check_relay(walk: Walk, rule: RouteRule, channel: ChannelDeclaration, path: TomlPath) -> None:
    if not rule.relay:
        return
    relay = (*path, "relay")
    if channel.kind not in (ChannelKind.SMTP, ChannelKind.LMTP):
        walk.wrong(
            relay, f"the channel {channel.name} connects to no host", "use relay with a channel of kind smtp or lmtp"
        )
    elif rule.relay.startswith("unix:") and channel.kind is ChannelKind.SMTP:
        walk.wrong(relay, "an smtp channel connects to hosts, not to Unix sockets", "use a channel of kind lmtp")
