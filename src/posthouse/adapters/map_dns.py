"""The map classes that DNS answers: dns (any record), bestmx (where mail of a domain goes), and arpa beside them.

Names come without their final dot, but those of bestmx with it: so rules can tell them from what a person wrote.
"""

from __future__ import annotations  # so that the ports are imported by the type checker alone

import re
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING, Final

from posthouse.adapters.dns_questions import ascii_name
from posthouse.adapters.map_flagged import NOT_FOUND
from posthouse.mail.errors import MalformedError
from posthouse.mail.lookup import MapAnswer, MapStatus
from posthouse.mail.map_arguments import MapArguments
from posthouse.mail.outcome import Disposition

if TYPE_CHECKING:
    from posthouse.adapters.map_host import Records
    from posthouse.ports import Resolver

# Which word of a record's text is its value.
_WORDS: Final = {"A": 0, "AAAA": 0, "AFSDB": 1, "CNAME": 0, "MX": 1, "NS": 0, "PTR": 0, "SRV": 3}
TYPES: Final = frozenset({*_WORDS, "TXT"})
_MOST_CHARACTERS: Final = 1024  # of all values together: an address is no longer
_STRING: Final = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPE: Final = re.compile(r"\\([0-9]{3}|.)", re.DOTALL)
_UNPRINTABLE: Final = re.compile(r"[^\x20-\x7e]")


class DnsSource:
    """One type of records (``-R``).  With ``-z`` all values, at most as many as ``-Z`` says; else the first."""

    kept_seconds = 60.0

    def __init__(self, records: Records, flags: MapArguments, kind: str) -> None:
        self._records = records
        self._kind = kind
        self._base = flags.others.get("B", "").strip(".")
        self._delimiter = flags.delimiter
        most = flags.others.get("Z", "")
        self._most = int(most) if most.isdigit() and len(most) < 6 and int(most) else None

    async def find(self, key: str, arguments: Sequence[str]) -> MapAnswer:  # noqa: ARG002 - the port's
        """Ask for the records of a name; with ``-B`` of a name below that domain."""
        try:
            name = ascii_name(f"{key}.{self._base}" if self._base else key)
        except MalformedError:
            return NOT_FOUND
        found = await self._records.ask(name, self._kind)
        if not found.records:
            reason = f"DNS: {found.trouble}"
            return MapAnswer(MapStatus.TEMPORARY, reason=reason) if found.trouble else NOT_FOUND
        records = sorted(found.records, key=_preference) if self._kind == "MX" else found.records
        values = [record_value(self._kind, record) for record in records][: self._most]
        return MapAnswer(MapStatus.FOUND, _joined(values, self._delimiter))


class BestMxSource:
    """Where mail of a domain goes first; with ``-z`` all its hosts, the best first."""

    kept_seconds = 60.0

    def __init__(self, resolver: Resolver, flags: MapArguments) -> None:
        self._resolver = resolver
        self._delimiter = flags.delimiter

    async def find(self, key: str, arguments: Sequence[str]) -> MapAnswer:  # noqa: ARG002 - the port's
        """Resolve a mail domain."""
        resolved = await self._resolver.mail_hosts(key)
        if resolved.failure is not None:
            is_deferred = resolved.failure.disposition is Disposition.DEFERRED
            reason = resolved.failure.diagnostic
            return MapAnswer(MapStatus.TEMPORARY, reason=reason) if is_deferred else NOT_FOUND
        domain = key.lower().removesuffix(".")
        # A domain without MX records is its own host, and keeps the form in which it came.
        names = [host.name if host.name == domain else f"{host.name}." for host in resolved.hosts]
        return MapAnswer(MapStatus.FOUND, _joined(names, self._delimiter))


class ArpaSource:
    """Addresses turned round, for look-ups below in-addr.arpa and in lists of addresses: 192.0.2.1 is 1.2.0.192."""

    kept_seconds = 60.0

    async def find(self, key: str, arguments: Sequence[str]) -> MapAnswer:  # noqa: ARG002 - the port's
        """Turn an address round; one of IP version 6 is written ``IPv6:...``."""
        is_six = key[:5].lower() == "ipv6:"
        try:
            address = ip_address(key[5:] if is_six else key)
        except ValueError:
            return NOT_FOUND
        if not isinstance(address, IPv6Address if is_six else IPv4Address):
            return NOT_FOUND
        return MapAnswer(
            MapStatus.FOUND, address.reverse_pointer.removesuffix(".in-addr.arpa").removesuffix(".ip6.arpa")
        )


def record_value(kind: str, record: str) -> str:
    """Return the value of a record in the format of zone files: a host, an address, the first string of a TXT."""
    if kind == "TXT":
        string = _STRING.match(record)
        text = _ESCAPE.sub(_unescaped, string[1]) if string else record
        return _UNPRINTABLE.sub("X", text)
    words = record.split()
    value = words[min(_WORDS[kind], len(words) - 1)] if words else ""
    if kind == "AAAA":
        return "IPv6:" + ":".join(f"{int(group, 16):x}" for group in ip_address(value).exploded.split(":"))
    return _UNPRINTABLE.sub("X", value).removesuffix(".")


def _preference(record: str) -> int:
    first = record.partition(" ")[0]
    return int(first) if first.isdigit() else 0


def _unescaped(escape: re.Match[str]) -> str:
    return chr(int(escape[1])) if escape[1].isdigit() and int(escape[1]) < 256 else escape[1]


def _joined(values: Sequence[str], delimiter: str) -> str:
    """Join values as far as they are not too long together."""
    if not delimiter:
        return values[0]
    joined = values[0]
    for value in values[1:]:
        if len(joined) + len(value) >= _MOST_CHARACTERS:
            break
        joined += delimiter + value
    return joined
