"""Port Resolver by the table of an MMDF channel: hosts to addresses, as smtp(8) reads them.

A value is one or several IP addresses; several lines of one host are alternatives in their order.  A name in the
place of an address is asked of DNS.
"""

from ipaddress import ip_address

from posthouse.mail.octet_text import octets
from posthouse.mail.outcome import deferred
from posthouse.ports import MailHosts, MxHost, Resolver, Table


class ChannelTableResolver:
    """Port Resolver.  A host that is not in the table any more waits: whoever mends the table meant no bounce."""

    def __init__(self, table: Table, others: Resolver) -> None:
        """``others`` answers for names in the place of addresses."""
        self._table = table
        self._others = others

    async def mail_hosts(self, domain: str) -> MailHosts:
        """Return the hosts at which mail for a host of the channel is handed over."""
        answer = await self._table.lookup(octets(domain))
        if answer.unavailable:
            return MailHosts(failure=deferred(f"channel table: {answer.unavailable}", status="4.4.3"))
        hosts: list[MxHost] = []
        failure = deferred(f"{domain} has no address in the table of its channel, {self._table.name}", status="4.4.4")
        for place in " ".join(answer.values).replace(",", " ").split():
            if _is_address(place):
                hosts.append(MxHost(domain.lower(), len(hosts), (place,)))
                continue
            found = await self._others.addresses(place)
            hosts += [MxHost(one.name, len(hosts), one.addresses) for one in found.hosts]
            failure = found.failure or failure
        steps = (f"{domain} in the table {self._table.name} ({answer.origin})",) if answer.found else ()
        return MailHosts(tuple(hosts), steps=steps) if hosts else MailHosts(failure=failure, steps=steps)

    async def addresses(self, host: str) -> MailHosts:
        """Return the same: a channel's relay is in its table like any other host."""
        return await self.mail_hosts(host)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
