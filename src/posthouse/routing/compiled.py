"""A Site's domains, aliases and routes, compiled once for looking up by dictionary.

The rule: the cost of a look-up grows with the number of labels in the name,
never with the number of domains or routes.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from ipaddress import IPv6Address

from msgspec import Struct

from posthouse.mail.address import Address
from posthouse.mail.route import Route
from posthouse.routing.resolution import Destination
from posthouse.site.model import (
    AliasSource,
    ChannelDeclaration,
    ChannelKind,
    Domain,
    DomainKind,
    RouteRule,
    Site,
    VirtualUsers,
)

_CHANNELS_WITH_HOSTS = frozenset({ChannelKind.SMTP, ChannelKind.LMTP})
_DESTINATIONS = {DomainKind.LOCAL: Destination.LOCAL, DomainKind.RELAY: Destination.RELAY}
_LOOPBACK = ("127.0.0.1", "::1")


class Routing(Struct, frozen=True):
    """What ``resolve`` needs of a site.  All names are in lower case."""

    default_domain: str
    postmaster: str
    domains: Mapping[str, Domain]
    parents: Mapping[str, Domain]  # those whose subdomains are meant too
    own_literals: frozenset[str]  # "[192.0.2.1]": addresses at which we listen
    aliases: tuple[AliasSource, ...]
    hosts: Mapping[str, RouteRule]  # rules that match the host itself
    suffixes: Mapping[str, RouteRule]  # rules that match everything below
    otherwise: RouteRule | None  # the rule "*"
    channels: Mapping[str, ChannelDeclaration]
    virtual_tables: tuple[str, ...]
    virtual_domains: frozenset[str]  # besides the local ones
    mailertables: tuple[str, ...]
    alias_depth: int
    alias_width: int

    def domain_of(self, name: str) -> Domain | None:
        """Return what the site says of a domain (lower case): itself, else the nearest parent with subdomains."""
        domain = self.domains.get(name)
        if domain is not None or name.startswith("["):
            return domain
        return next((self.parents[parent] for parent in _parents(name) if parent in self.parents), None)

    def rule_for(self, host: str) -> RouteRule | None:
        """Return the most specific rule for a host (lower case)."""
        rule = self.hosts.get(host)
        if rule is not None:
            return rule
        if not host.startswith("["):
            for parent in _parents(host):
                if parent in self.suffixes:
                    return self.suffixes[parent]
        return self.otherwise

    def is_ours(self, name: str) -> bool:
        """Is the domain "" (this site alone) or an address at which we listen?"""
        return not name or name in self.own_literals

    def destination_of(self, address: Address) -> Destination:
        """Return what we are for an address's domain."""
        name = canonical_domain(address.domain)
        if self.is_ours(name):
            return Destination.LOCAL
        domain = self.domain_of(name)
        return Destination.EXTERNAL if domain is None else _DESTINATIONS[domain.kind]

    def route(self, channel: str, address: Address, relay: str = "") -> Route:
        """Make the triple.  A relay, the rule's before the channel's, takes the place of the address's domain."""
        declared = self.channels.get(channel)
        if declared is None or declared.kind not in _CHANNELS_WITH_HOSTS:
            return Route(channel, "", address)
        host = _relay_host(relay or declared.relay) or canonical_domain(address.domain)
        return Route(channel, host, address)


def compile_routing(site: Site) -> Routing:
    """Compile the routing part of a site."""
    hosts: dict[str, RouteRule] = {}
    suffixes: dict[str, RouteRule] = {}
    everything = [rule for rule in site.routes if rule.pattern == "*"]
    for rule in site.routes:
        if rule.pattern.startswith(("*.", ".")):
            suffixes.setdefault(canonical_domain(rule.pattern.lstrip("*").lstrip(".")), rule)
        elif rule.pattern != "*":
            hosts.setdefault(canonical_domain(rule.pattern), rule)
    # ".domain" also means the domain itself, unless a rule names exactly that.
    for rule in site.routes:
        if rule.pattern.startswith("."):
            hosts.setdefault(canonical_domain(rule.pattern[1:]), rule)
    domains = {canonical_domain(domain.name): domain for domain in site.domains.values()}
    virtual = site.virtual or VirtualUsers()
    virtual_domains = [canonical_domain(name) for name in virtual.domains]
    for name in virtual_domains:  # mail for whom no table knows goes the way of its domain
        domains.setdefault(name, Domain(name, DomainKind.RELAY, origin=virtual.origin))
    default_domain = _default_domain(site, domains)
    # A site without local domains still has a postmaster (RFC 5321 section 4.5.1).
    domains.setdefault(default_domain, Domain(default_domain, DomainKind.LOCAL))
    return Routing(
        default_domain=default_domain,
        postmaster=site.postmaster,
        domains=domains,
        parents={name: domain for name, domain in domains.items() if domain.subdomains},
        own_literals=frozenset(_own_literals(site)),
        aliases=site.aliases,
        hosts=hosts,
        suffixes=suffixes,
        otherwise=everything[0] if everything else None,
        channels=site.channels,
        virtual_tables=virtual.tables,
        virtual_domains=frozenset(virtual_domains),
        mailertables=site.mailertables,
        alias_depth=site.limits.alias_depth,
        alias_width=site.limits.alias_width,
    )


def _default_domain(site: Site, domains: Mapping[str, Domain]) -> str:
    """Return what completes a bare local-part.  Never a relay domain: the postmaster of this host is here."""
    local = [name for name, domain in domains.items() if domain.kind is DomainKind.LOCAL]
    preferred = canonical_domain(site.default_local_domain)
    if preferred in local or preferred not in domains:
        return preferred
    return local[0] if local else f"localhost.{preferred}"


def canonical_domain(name: str) -> str:
    """Return a domain as it is compared: lower case, A-labels (RFC 5890), without the dot of the root.

    An IPv6 literal has many spellings, of which one is compared (RFC 5952).
    """
    name = name.lower().removesuffix(".")
    if name.startswith("[ipv6:"):
        return _with_one_spelling(name)
    return name if name.isascii() else _with_a_labels(name)


@lru_cache(maxsize=1024)
def _with_a_labels(name: str) -> str:
    import idna

    try:
        return idna.encode(name, uts46=True).decode("ascii")
    except idna.IDNAError:
        return name  # matches nothing that is declared


def _with_one_spelling(literal: str) -> str:
    try:
        return f"[ipv6:{IPv6Address(literal[6:-1])}]"
    except ValueError:
        return literal


def _parents(name: str) -> Iterator[str]:
    """Yield b.c and c for a.b.c: the most specific first."""
    dot = name.find(".")
    while dot >= 0:
        name = name[dot + 1 :]
        yield name
        dot = name.find(".")


def _own_literals(site: Site) -> Iterator[str]:
    """Yield the address literals that mean this host: where it listens.  A wildcard listener means loopback."""
    for listener in site.listeners:
        if listener.address.startswith("unix:"):
            continue
        host = listener.address.rpartition(":")[0].strip("[]").lower()
        for address in _LOOPBACK if host in ("", "*", "0.0.0.0", "::") else (host,):  # noqa: S104 - compared only
            yield canonical_domain(f"[ipv6:{address}]") if ":" in address else f"[{address}]"


def _relay_host(relay: str) -> str:
    """Return a relay as a Route has it: in brackets or with a port, so that no MX is asked for it."""
    if not relay or relay.startswith(("[", "unix:")) or ":" in relay:
        return relay
    return f"[{relay}]"
