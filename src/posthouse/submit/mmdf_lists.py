"""Who answers for a list of an MMDF site: where its failures go.  MMDF list(8)."""

from collections.abc import Mapping

from posthouse.mail.address import Address, Path
from posthouse.mail.address_list import parse_address_list
from posthouse.mail.octet_text import octets
from posthouse.ports import Table
from posthouse.site.tailor.model import TailorConfiguration

_REQUEST = "-request"


class ListOwners:
    """Finds the return address of a list: NAME-request where there is such an alias, else MSUPPORT."""

    def __init__(self, configuration: TailorConfiguration, tables: Mapping[str, Table]) -> None:
        self._configuration = configuration
        self._tables = tables

    async def owner(self, name: str) -> Path | None:
        """Return it; None when a table cannot say now."""
        request = f"{name}{_REQUEST}"
        for source in self._configuration.aliases:
            table = self._tables.get(source.table)
            if table is None:
                continue
            answer = await table.lookup(octets(request))
            if answer.unavailable:
                return None
            if answer.found:
                return Path(Address(request, self._configuration.names.full))
        return Path(self._support())

    def _support(self) -> Address:
        given = parse_address_list(self._configuration.support, 1).addresses
        address = given[0] if given else Address("postmaster")
        return address if address.domain else Address(address.local_part, self._configuration.names.full)
