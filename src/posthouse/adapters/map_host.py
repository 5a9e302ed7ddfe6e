"""The map class host: canonical names of hosts, from the hosts file and from DNS.

``$[ www $]`` becomes ``www.example.org`` (and a dot, by the flag ``-a.`` of the built-in declaration); an address
in brackets becomes the name that belongs to it.  The service switch says who is asked, in which order; one that
cannot answer lets the next one speak, and defers only when none knows the host.
"""

from __future__ import annotations  # so that the ports are imported by the type checker alone

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from posthouse.adapters.dns_questions import Found, ascii_name
from posthouse.adapters.map_flagged import NOT_FOUND
from posthouse.adapters.table_watch import FileWatch, UnreadableError
from posthouse.mail.errors import MalformedError
from posthouse.mail.lookup import MapAnswer, MapStatus
from posthouse.tables.text_columns import canonical_name

if TYPE_CHECKING:
    from posthouse.ports import Clock

MAX_HOSTS_OCTETS: Final = 1024 * 1024
_MOST_ALIASES: Final = 10  # CNAME records, one after the other


class Records(Protocol):
    """Single questions to DNS (dns_questions.DnsClient)."""

    async def ask(self, name: str, kind: str) -> Found: ...


class HostsFile:
    """The hosts file, read again when it changes.  hosts(5)."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._watch = FileWatch(path, clock)
        self._lines: list[str] = []
        self._trouble = ""

    def canonical(self, name: str, domain: str) -> MapAnswer:
        """Return the canonical name of a host.  A file that is not there knows nobody."""
        return self._answer(canonical_name(self._read(), name, domain))

    def name_of(self, address: IPv4Address | IPv6Address) -> MapAnswer:
        """Return the first name of an address."""
        for line in self._read():
            first, *names = line.partition("#")[0].split() or [""]
            if names and _address(first) == address:
                return self._answer(names[0])
        return self._answer(None)

    def addresses_of(self, name: str) -> list[str]:
        """Return the addresses of a host by any of its names."""
        rows = (line.partition("#")[0].lower().split() for line in self._read())
        return [row[0] for row in rows if name.lower() in row[1:] and _address(row[0]) is not None]

    def _answer(self, name: str | None) -> MapAnswer:
        if name is not None:
            return MapAnswer(MapStatus.FOUND, name)
        return MapAnswer(MapStatus.TEMPORARY, reason=self._trouble) if self._trouble else NOT_FOUND

    def _read(self) -> list[str]:
        if self._watch.has_changed():
            self._lines, self._trouble = [], ""
            try:
                self._lines = self._watch.read(MAX_HOSTS_OCTETS).decode("latin-1").split("\n")
            except UnreadableError as error:
                self._trouble = "" if isinstance(error.__cause__, FileNotFoundError) else str(error)
        return self._lines


class HostSource:
    """Canonical names.  ``domain`` completes short names: the macro ``$m``."""

    kept_seconds = 60.0

    def __init__(self, services: Sequence[str], hosts: HostsFile, records: Records | None, domain: str) -> None:
        self._services = services
        self._hosts = hosts
        self._records = records
        self._domain = domain

    async def find(self, key: str, arguments: Sequence[str]) -> MapAnswer:  # noqa: ARG002 - the port's
        """Find the canonical name of a host, or the name of ``[address]``."""
        if not key.startswith("["):
            return await self._first(key, None)
        address = _address(key[1:].partition("]")[0]) if "]" in key else None
        return NOT_FOUND if address is None else await self._first(key, address)

    async def _first(self, key: str, address: IPv4Address | IPv6Address | None) -> MapAnswer:
        trouble = NOT_FOUND
        for service in self._services:
            if service == "files":
                answer = self._hosts.canonical(key, self._domain) if address is None else self._hosts.name_of(address)
            elif service == "dns" and self._records is not None:
                answer = await self._from_dns(key, address, self._records)
            else:
                continue  # nis and its kind, which nobody can ask any more
            if answer.status is MapStatus.FOUND:
                return answer
            if answer.status is MapStatus.TEMPORARY:
                trouble = answer
        return trouble

    async def _from_dns(self, key: str, address: IPv4Address | IPv6Address | None, records: Records) -> MapAnswer:
        if address is not None:
            found = await records.ask(address.reverse_pointer, "PTR")
            return _named(found.records[0].removesuffix(".")) if found.records else _nothing(found)
        try:
            name = ascii_name(key)
        except MalformedError:
            return NOT_FOUND
        if "." in name or not self._domain:
            return await self._canonical(name, records)
        return await self._canonical(f"{name}.{self._domain}", records)

    async def _canonical(self, name: str, records: Records) -> MapAnswer:
        """Follow aliases, then see that mail or connections can go there."""
        for _ in range(_MOST_ALIASES):
            found = await records.ask(name, "CNAME")
            if found.missing or found.trouble:
                return _nothing(found)
            if not found.records:
                break
            name = found.records[0].removesuffix(".")
        else:
            return NOT_FOUND  # a circle
        trouble = NOT_FOUND
        for kind in ("MX", "A", "AAAA"):
            found = await records.ask(name, kind)
            if found.records:
                return _named(name)
            if found.trouble:
                trouble = _nothing(found)
        return trouble


def _named(name: str) -> MapAnswer:
    return MapAnswer(MapStatus.FOUND, name)


def _nothing(found: Found) -> MapAnswer:
    return MapAnswer(MapStatus.TEMPORARY, reason=f"DNS: {found.trouble}") if found.trouble else NOT_FOUND


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text.lower().removeprefix("ipv6:"))
    except ValueError:
        return None
