"""Sites, tables and a driver for the tests of routing and submit."""

from collections.abc import Mapping
from pathlib import Path

from posthouse.adapters.table_inline import InlineTable
from posthouse.mail.address import Address
from posthouse.mail.limits import Limits
from posthouse.mail.lookup import NOT_FOUND, Answer, Asked, Lookup, Origin
from posthouse.mail.route import Route
from posthouse.routing.compiled import Routing, compile_routing
from posthouse.routing.resolution import Resolution, Resolved
from posthouse.routing.resolve import resolve
from posthouse.site.model import (
    LOGIN_NAMES,
    AliasSource,
    ChannelDeclaration,
    ChannelKind,
    Domain,
    DomainKind,
    Listener,
    RouteRule,
    Site,
)

Entries = Mapping[str, Mapping[str, str | Answer]]

LOCAL = Domain("example.org", DomainKind.LOCAL, users=("users",), origin=Origin("site.toml", 4))
SUBDOMAINS = Domain("sub.example", DomainKind.LOCAL, subdomains=True, users=("users",), origin=Origin("site.toml", 8))
RELAY = Domain("relay.example", DomainKind.RELAY, origin=Origin("site.toml", 12))
CHANNELS = {
    "local": ChannelDeclaration("local", ChannelKind.LOCAL),
    "smtp": ChannelDeclaration("smtp", ChannelKind.SMTP),
    "smarthost": ChannelDeclaration("smarthost", ChannelKind.SMTP, relay="smart.example.net"),
    "program": ChannelDeclaration("program", ChannelKind.PROGRAM),
}
ANYWHERE = RouteRule("*", "smtp", origin=Origin("site.toml", 20))


def make_site(**changes: object) -> Site:
    """Return a site: example.org with users, sub.example with subdomains, relay.example, the rest by smtp."""
    home = Path("/etc/posthouse")
    parts: dict[str, object] = {
        "name": "example.org",
        "home": home,
        "file": home / "site.toml",
        "spool": home / "spool",
        "run": home / "run",
        "domains": {domain.name: domain for domain in (LOCAL, SUBDOMAINS, RELAY)},
        "channels": CHANNELS,
        "routes": (ANYWHERE,),
        "aliases": (AliasSource("aliases"), AliasSource("lists", public=True)),
        "listeners": (Listener("192.0.2.1:25"), Listener("[2001:db8::1]:25"), Listener("unix:/run/x")),
    }
    return Site(**(parts | changes))  # type: ignore[arg-type]


def make_routing(**changes: object) -> Routing:
    """Return the same site compiled."""
    return compile_routing(make_site(**changes))


def make_tables(entries: Entries) -> dict[str, InlineTable]:
    """Return the tables that the site names; those that are not given are empty."""
    return {
        name: InlineTable(
            name,
            [
                (key, (value,), Origin(name, line))
                for line, (key, value) in enumerate(entries.get(name, {}).items(), 1)
                if isinstance(value, str)
            ],
        )
        for name in {"aliases", "lists", "users", LOGIN_NAMES, *entries}
    }


def answer_from(entries: Entries, lookup: Lookup) -> Answer:
    """Answer a question from plain dictionaries, whose keys are in lower case."""
    table = entries.get(lookup.table, {})
    value = table.get(lookup.key.lower(), NOT_FOUND)
    return value if isinstance(value, Answer) else Answer((value,), Origin(lookup.table, 1))


def resolve_with(routing: Routing, text: str, entries: Entries) -> tuple[Resolution, list[object]]:
    """Drive the engine from dictionaries; return the resolution and every step in order."""
    steps = resolve(routing, address(text))
    trace: list[object] = []
    answer: Answer | None = None
    while True:
        try:
            step = steps.send(answer)
        except StopIteration as end:
            return end.value, trace
        answer = answer_from(entries, step) if isinstance(step, Lookup) else None
        trace.append(step if answer is None else Asked(step, answer))


def address(text: str) -> Address:
    """Read ``joe@example.org`` or ``joe``."""
    local_part, _, domain = text.rpartition("@")
    return Address(local_part, domain) if local_part else Address(text)


def places(resolution: Resolution) -> list[str]:
    """Return where a resolution leads, as ``channel host address``; a refusal as its reply code and status."""
    if isinstance(resolution, Resolved):
        return [place(routed.route) for routed in resolution.recipients]
    return [f"{resolution.reply.code} {resolution.reply.status}"]


def place(route: Route) -> str:
    """Return a route on one line."""
    return " ".join(filter(None, (route.channel, route.host, str(route.address))))


def limits(**changes: int) -> Limits:
    """Return Limits with changes."""
    return Limits(**changes)
