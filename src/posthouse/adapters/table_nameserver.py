"""Table, answered by name servers: MMDF's tables with ``flags=ns``.

A domain table says the official name of a domain that exists.  A channel table says the addresses of
the mail exchangers of a host, the best first; those that are no better than ourselves are left out (RFC 974).
"""

from collections.abc import Iterator, Sequence

from posthouse.adapters.dns_questions import DnsClient, Found, ascii_name
from posthouse.mail.errors import MalformedError
from posthouse.mail.lookup import NOT_FOUND, Answer
from posthouse.site.tailor.entries import NameserverUse, TailorTable
from posthouse.site.tailor.model import MxSelf, TailorConfiguration

MOST_ADDRESSES = 30
MOST_ADDRESSES_OF_ONE = 6
_MOST_EXCHANGERS = 30


class NameserverTable:
    """Port Table over the site's name servers, or the system's when none are given.

    Known limits: answers are kept by the name server only.
    """

    def __init__(
        self, table: TailorTable, configuration: TailorConfiguration, nameservers: Sequence[str], seconds: float
    ) -> None:
        self.name = table.name
        self._origin = table.origin
        self._is_channel = table.use is NameserverUse.CHANNEL
        self._ourselves = configuration.names.full_machine.lower()
        self._is_strict = configuration.switches.mx_self is MxSelf.STRICT
        self._client = DnsClient(nameservers, seconds)

    async def lookup(self, key: str) -> Answer:
        """Ask for the official name, or the addresses."""
        try:
            name = ascii_name(key)
        except MalformedError:
            return NOT_FOUND
        exchangers = await self._client.ask(name, "MX")
        if exchangers.trouble:
            return Answer(unavailable=f"{name}: {exchangers.trouble}")
        if exchangers.missing:
            return NOT_FOUND
        return await (self._addresses(name, exchangers) if self._is_channel else self._official(key, name))

    @property
    def version(self) -> object:
        """A new one each time: nobody tells when DNS changes."""
        return object()

    def entries(self) -> Iterator[tuple[str, Answer]]:
        """None that could be listed."""
        return iter(())

    async def _official(self, key: str, name: str) -> Answer:
        found = await self._client.ask(name, "CNAME")
        if found.trouble:
            return Answer(unavailable=f"{name}: {found.trouble}")
        official = found.records[0].removesuffix(".") if found.records else key
        return Answer((official,), self._origin)

    async def _addresses(self, name: str, exchangers: Found) -> Answer:
        listed = sorted((_exchanger(record) for record in exchangers.records), key=lambda one: one[0])
        hosts = [host for _, host in self._better(listed)][:_MOST_EXCHANGERS] if listed else [name]
        if not hosts and not self._is_strict:
            hosts = [name]
        addresses: list[str] = []
        troubles: list[str] = []
        for host in hosts:
            found = await self._client.ask(host, "A")
            addresses += found.records[:MOST_ADDRESSES_OF_ONE]
            troubles += [found.trouble] if found.trouble else []
        if addresses:
            return Answer(tuple(addresses[:MOST_ADDRESSES]), self._origin)
        if hosts and len(troubles) == len(hosts):
            return Answer(unavailable=f"{name}: {troubles[0]}")
        return NOT_FOUND

    def _better(self, listed: Sequence[tuple[int, str]]) -> Iterator[tuple[int, str]]:
        """Yield the exchangers before the first that is ourselves."""
        ours = min((preference for preference, host in listed if host == self._ourselves), default=None)
        for preference, host in listed:
            if host and (ours is None or preference < ours):
                yield preference, host


def _exchanger(record: str) -> tuple[int, str]:
    preference, _, host = record.partition(" ")
    return int(preference), host.removesuffix(".").lower()
