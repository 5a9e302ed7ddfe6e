"""Chooses the hosts of one attempt from what DNS said.  RFC 5321 section 5.1.

Pure: the caller brings the answer and the chance.  The rule kept: a host list
that names ourselves is cut there, so that mail never goes round in a circle
between hosts of equal or worse preference.
"""

from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from itertools import groupby, islice
from random import Random

from msgspec import Struct

from posthouse.mail.outcome import failed
from posthouse.ports import MailHosts, MxHost

# One attempt must end even when every address is dead: 10 addresses of 30 s each are five minutes.
MOST_HOSTS = 5
MOST_ADDRESSES = 10

_WILDCARDS = frozenset({"", "*", "0.0.0.0", "::"})  # noqa: S104 - compared with, not bound


class Target(Struct, frozen=True):
    """One address of one host, to be tried in its turn.  ``address`` is a path for a Unix socket."""

    host: str
    address: str
    port: int


class Ourselves(Struct, frozen=True):
    """How we recognise ourselves: by name, and by the endpoints that we listen on."""

    names: frozenset[str] = frozenset()  # lower case
    endpoints: frozenset[tuple[str, int]] = frozenset()

    def includes(self, host: MxHost, port: int) -> bool:
        """Would connecting to this host reach this very site?"""
        if host.name.lower().removesuffix(".") in self.names:
            return True
        return any(self._listens(address, port) for address in host.addresses)

    def _listens(self, address: str, port: int) -> bool:
        if (address, port) in self.endpoints:
            return True
        own = ip_address(address).is_loopback or ip_address(address).is_unspecified
        return own and any((wildcard, port) in self.endpoints for wildcard in _WILDCARDS)


def drop_ourselves(hosts: Sequence[MxHost], ourselves: Ourselves, port: int) -> tuple[MxHost, ...]:
    """Cut the list before the preference at which we appear.  Empty: the mail loops back to us."""
    ours = [host.preference for host in hosts if ourselves.includes(host, port)]
    if not ours:
        return tuple(hosts)
    return tuple(host for host in hosts if host.preference < min(ours))


def without_ourselves(domain: str, found: MailHosts, ourselves: Ourselves, port: int) -> MailHosts:
    """Return the hosts that may be tried for a mail domain, or why there are none."""
    if found.failure is not None:
        return found
    hosts = drop_ourselves(found.hosts, ourselves, port)
    if hosts:
        return MailHosts(hosts, steps=found.steps)
    return MailHosts(failure=failed(f"mail for {domain} loops back to us", status="5.4.6"), steps=found.steps)


def in_turn(hosts: Sequence[MxHost], port: int, chance: Random) -> tuple[Target, ...]:
    """Order by preference, shuffled within one, and bound the work of one attempt."""
    return tuple(islice(_addresses(hosts, port, chance), MOST_ADDRESSES))


def _addresses(hosts: Sequence[MxHost], port: int, chance: Random) -> Iterator[Target]:
    reachable = sorted((host for host in hosts if host.addresses), key=_preference)
    ordered: list[MxHost] = []
    for _, group in groupby(reachable, key=_preference):
        equals = list(group)
        chance.shuffle(equals)
        ordered.extend(equals)
    for host in ordered[:MOST_HOSTS]:
        for address in host.addresses:
            yield Target(host.name, address, port)


def _preference(host: MxHost) -> int:
    return host.preference
