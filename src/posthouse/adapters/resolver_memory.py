"""A resolver that knows what it was told: for tests and for questions about other worlds."""

from collections.abc import Mapping

from posthouse.mail.outcome import deferred, failed
from posthouse.ports import MailHosts, MxHost


class MemoryResolver:
    """Port Resolver over two dictionaries.

    ``mail`` maps a domain to its hosts or to what DNS would say instead;
    ``hosts`` maps a host to its addresses.  A domain that is only in ``hosts``
    is its own mail host (RFC 5321 section 5.1).  What is in neither does not exist;
    a name in ``silent`` gets no answer.
    """

    def __init__(
        self,
        mail: Mapping[str, MailHosts | tuple[MxHost, ...]] | None = None,
        hosts: Mapping[str, tuple[str, ...]] | None = None,
        silent: frozenset[str] = frozenset(),
    ) -> None:
        self._mail = dict(mail or {})
        self._hosts = dict(hosts or {})
        self._silent = silent

    async def mail_hosts(self, domain: str) -> MailHosts:
        """Resolve a mail domain."""
        domain = domain.lower().removesuffix(".")
        known = self._mail.get(domain)
        if known is None:
            return await self.addresses(domain)
        if isinstance(known, MailHosts):
            return known
        steps = tuple(f"MX {host.preference} {host.name}" for host in known)
        return MailHosts(known, steps=steps)

    async def addresses(self, host: str) -> MailHosts:
        """Resolve a host."""
        host = host.lower().removesuffix(".")
        if host in self._silent:
            return MailHosts(failure=deferred(f"DNS gave no answer for {host}", status="4.4.3"))
        known = self._hosts.get(host)
        if known is None:
            return MailHosts(failure=failed(f"{host} does not exist", status="5.1.2"))
        return MailHosts((MxHost(host, 0, known),), steps=(f"{host} has {', '.join(known)}",))
