"""Names of the clients that connect, and whether they lead back: the hosts file and DNS, as the service switch says.

The first service that knows a name says where it leads; what another one would say does not count, as in
nsswitch.conf(5).
"""

from __future__ import annotations  # so that the ports are imported by the type checker alone

from collections.abc import Sequence
from ipaddress import ip_address
from typing import TYPE_CHECKING

from posthouse.adapters.dns_questions import ascii_name
from posthouse.adapters.map_host import HostsFile, HostSource
from posthouse.mail.errors import MalformedError
from posthouse.mail.lookup import MapStatus
from posthouse.submit.sendmail.driver import ClientName

if TYPE_CHECKING:
    from posthouse.adapters.map_host import Records


class LookedUpNames:
    """Port ClientNames."""

    def __init__(self, services: Sequence[str], hosts: HostsFile, records: Records | None) -> None:
        """Without ``records`` DNS is not asked."""
        self._services = services
        self._hosts = hosts
        self._records = records
        self._source = HostSource(services, hosts, records, "")

    async def name_of(self, address: str) -> ClientName:
        """Look an address up, and its name."""
        found = await self._source.find(f"[{address}]", ())
        if found.status is MapStatus.TEMPORARY:
            return ClientName("", "TEMP")
        try:
            name = ascii_name(found.value or "")
        except MalformedError:
            return ClientName("", "FAIL")
        return ClientName(name, await self._judge(name, address))

    async def _judge(self, name: str, address: str) -> str:
        is_troubled = False
        for service in self._services:
            known: Sequence[str] = ()
            if service == "files":
                known = self._hosts.addresses_of(name)
            elif service == "dns" and self._records is not None:
                found = await self._records.ask(name, "AAAA" if ":" in address else "A")
                known, is_troubled = found.records, is_troubled or bool(found.trouble)
            if known:
                return "OK" if any(ip_address(one) == ip_address(address) for one in known) else "FORGED"
        return "TEMP" if is_troubled else "FORGED"
