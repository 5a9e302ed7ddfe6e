"""DNS for a site whose mail seldom or never depends on it: made for the first question.

The library behind it takes some 5 MiB in the processes of a daemon, and a tenth of a second at a command's start.
"""

from collections.abc import Callable

from posthouse.ports import MailHosts, Resolver


class LateResolver:
    """Port Resolver over another one."""

    def __init__(self, make: Callable[[], Resolver]) -> None:
        self._make = make
        self._made: Resolver | None = None

    async def mail_hosts(self, domain: str) -> MailHosts:
        """Resolve a mail domain to its hosts."""
        return await self._resolver().mail_hosts(domain)

    async def addresses(self, host: str) -> MailHosts:
        """Resolve one host name without MX."""
        return await self._resolver().addresses(host)

    def _resolver(self) -> Resolver:
        if self._made is None:
            self._made = self._make()
        return self._made
