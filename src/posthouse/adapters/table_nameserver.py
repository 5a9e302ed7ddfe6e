"""Table, answered by name servers: MMDF's tables with ``flags=ns``.

A domain table says the official name of a domain that exists.  A channel table says the addresses of
the mail exchangers of a host, the best first; those that are no better than ourselves are left out (RFC 974).
An alias table says whom a mailbox of this machine stands for, by MG, MR and MB records of ``user.our.name``.
"""

from collections.abc import Iterator, Sequence

from posthouse.adapters.dns_mailboxes import mailbox_address, register_mailbox_types
from posthouse.adapters.dns_questions import DnsClient, Found, ascii_name
from posthouse.mail.errors import MalformedError
from posthouse.mail.lookup import NOT_FOUND, Answer
from posthouse.site.tailor.entries import NameserverUse, TailorTable
from posthouse.site.tailor.model import MxSelf, TailorConfiguration

MOST_ADDRESSES = 30
MOST_ADDRESSES_OF_ONE = 6
_MOST_EXCHANGERS = 30
_MOST_MEMBERS = 100


class NameserverTable:
    """Port Table over the site's name servers, or the system's when none are given.

    Known limits: answers are kept by the name server only.
    """

    def __init__(
        self, table: TailorTable, configuration: TailorConfiguration, nameservers: Sequence[str], seconds: float
    ) -> None:
        self.name = table.name
        self._origin = table.origin
        self._use = table.use
        self._names = configuration.names
        self._ourselves = {self._names.full.lower(), self._names.full_machine.lower()}
        self._is_strict = configuration.switches.mx_self is MxSelf.STRICT
        self._client = DnsClient(nameservers, seconds)
        if self._use is NameserverUse.ALIAS:
            register_mailbox_types()

    async def lookup(self, key: str) -> Answer:
        """Ask for the official name, or the addresses."""
        is_alias = self._use is NameserverUse.ALIAS
        try:
            name = ascii_name(f"{key}.{self._names.full}" if is_alias else key)
        except MalformedError:
            return NOT_FOUND
        if is_alias:
            return await self._members(name, key)
        exchangers = await self._client.ask(name, "MX")
        if exchangers.trouble:
            return Answer(unavailable=f"{name}: {exchangers.trouble}")
        if exchangers.missing:
            return NOT_FOUND
        return await (
            self._addresses(name, exchangers) if self._use is NameserverUse.CHANNEL else self._official(key, name)
        )

    @property
    def version(self) -> object:
        """A new one each time: nobody tells when DNS changes."""
        return object()

    def entries(self) -> Iterator[tuple[str, Answer]]:
        """None that could be listed."""
        return iter(())

    async def _members(self, name: str, key: str) -> Answer:
        """Ask for the members of a group, for the new name of a mailbox, and for the host that has it."""
        for kind in ("MG", "MR", "MB"):
            found = await self._client.ask(name, kind)
            if found.trouble:
                return Answer(unavailable=f"{name}: {found.trouble}")
            if found.missing:
                return NOT_FOUND
            members: list[str] = []
            for record in found.records[:_MOST_MEMBERS]:
                try:
                    host = record.removesuffix(".").lower()
                    members.append(f"{key}@{host}" if kind == "MB" else mailbox_address(record))
                except MalformedError:
                    continue
            # The host of the mailbox may be ourselves: then the name is no alias.
            members = [one for one in members if one.lower() != f"{key}@{self._names.full}".lower()]
            if members:
                # A server may turn its answers about; the queue and the log are to be the same each time.
                return Answer((", ".join(sorted(members)),), self._origin)
        return NOT_FOUND

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
        ours = min((preference for preference, host in listed if host in self._ourselves), default=None)
        for preference, host in listed:
            if host and (ours is None or preference < ours):
                yield preference, host


def _exchanger(record: str) -> tuple[int, str]:
    preference, _, host = record.partition(" ")
    return int(preference), host.removesuffix(".").lower()
