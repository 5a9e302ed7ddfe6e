"""Table, as a list of addresses in the DNS (``type=rbl``): is the peer on it?  RFC 5782.

The key is an address; who is listed has the page to cite as its value.
"""

from collections.abc import Iterator, Sequence
from ipaddress import ip_address

from posthouse.adapters.dns_questions import DnsClient
from posthouse.mail.lookup import NOT_FOUND, Answer
from posthouse.site.tailor.entries import TailorTable

_LISTED = "127."  # RFC 5782 section 2.1: what else a zone answers is a mistake of the zone


class BlockListTable:
    """Port Table on one list.  Names that are no addresses are on none."""

    def __init__(self, table: TailorTable, nameservers: Sequence[str], seconds: float) -> None:
        self.name = table.name
        self._zone = table.zone.strip(".")
        self._value = table.link or f"listed by {self._zone}"
        self._origin = table.origin
        self._client = DnsClient(nameservers, seconds)

    async def lookup(self, key: str) -> Answer:
        """Ask whether an address is listed."""
        if not self._zone:
            return Answer(unavailable=f"{self._origin}: type=rbl without domain=")
        try:
            address = ip_address(key.strip("[]"))
        except ValueError:
            return NOT_FOUND
        reverse = address.reverse_pointer.removesuffix(".in-addr.arpa").removesuffix(".ip6.arpa")
        found = await self._client.ask(f"{reverse}.{self._zone}", "A")
        if found.trouble:
            return Answer(unavailable=f"{self._zone}: {found.trouble}")
        listed = any(record.startswith(_LISTED) for record in found.records)
        return Answer((self._value,), self._origin) if listed else NOT_FOUND

    @property
    def version(self) -> object:
        """A new one each time: nobody tells when DNS changes."""
        return object()

    def entries(self) -> Iterator[tuple[str, Answer]]:
        """None that could be listed."""
        return iter(())
