"""The DoD Internet host table, hosts.txt, and the tables that nictable(8) makes of it.  RFC 952.

    HOST : 26.0.0.73, 10.0.0.51 : SRI-NIC.ARPA,NIC.ARPA : DEC-2060 : TOPS20 : TCP/TELNET,TCP/SMTP,UDP/TIME :

An entry ends with its line; a comment begins with a semicolon.  Entries for networks and gateways are not hosts.
"""

from collections.abc import Iterable, Iterator

from msgspec import Struct


class HostEntry(Struct, frozen=True):
    """One host.  ``services`` are pairs of a transport protocol and a service, in capitals."""

    addresses: tuple[str, ...]
    names: tuple[str, ...]  # the official one first
    services: frozenset[tuple[str, str]]

    def offers(self, transport: str, service: str) -> bool:
        """Does it support both?  "" is any."""
        return any(
            transport.upper() in ("", one[0]) and service.upper() in ("", one[1]) for one in self.services
        ) or not (transport or service)


def read_hosts(lines: Iterable[str]) -> Iterator[HostEntry]:
    """Yield the hosts.  A line that is no entry is left out."""
    for line in lines:
        fields = [field.strip() for field in line.partition(";")[0].split(":")]
        if len(fields) < 3 or fields[0].upper() != "HOST" or not fields[2]:
            continue
        protocols = _listed(fields[5]) if len(fields) > 5 else ()
        pairs = ((protocol.partition("/")[0], protocol.partition("/")[2]) for protocol in protocols)
        services = frozenset((transport.upper(), service.upper()) for transport, service in pairs)
        yield HostEntry(_listed(fields[1]), _listed(fields[2]), services)


def channel_lines(hosts: Iterable[HostEntry], domain: str) -> Iterator[str]:
    """Yield a channel table: the official names in a domain ("" is all), with each of their addresses."""
    for host in hosts:
        if not domain or _is_below(host.names[0], domain):
            yield from (f"{host.names[0]}:\t{address}" for address in host.addresses)


def domain_lines(hosts: Iterable[HostEntry], domain: str) -> Iterator[str]:
    """Yield the table of a domain: each name in it, without it, and the official name."""
    for host in hosts:
        for name in host.names:
            if _is_below(name, domain):
                yield f"{name[: -len(domain) - 1]}:\t{host.names[0]}"


def root_lines(hosts: Iterable[HostEntry], without: str) -> Iterator[str]:
    """Yield the table of the root domain: every full name but those in a domain that has its own table."""
    for host in hosts:
        for name in host.names:
            if not without or not _is_below(name, without):
                yield f"{name}:\t{host.names[0]}"


def _listed(field: str) -> tuple[str, ...]:
    return tuple(word for word in field.replace(",", " ").split() if word)


def _is_below(name: str, domain: str) -> bool:
    return name.lower().endswith(f".{domain.lower()}")
