"""A client of a sendmail site from its connection to its greeting: who it is decides what the session says."""

from __future__ import annotations  # so that the ports are imported by the type checker alone

from typing import TYPE_CHECKING

from posthouse.site.cf.personality import personality_of
from posthouse.smtp.sendmail_session import SendmailSession
from posthouse.submit.sendmail.clients import plain_address, tagged

if TYPE_CHECKING:
    from collections.abc import Mapping

    from posthouse.ports import Clock
    from posthouse.site.model import Site
    from posthouse.smtp.sendmail_session import Personality
    from posthouse.submit.client import Client, Welcome
    from posthouse.submit.sendmail.router import SendmailRouter


class SendmailReception:
    """One client's reception, as smtpd/service.py asks for it."""

    def __init__(self, site: Site, router: SendmailRouter, client: Client, clock: Clock) -> None:
        self._site = site
        self._router = router
        self._client = client
        self._clock = clock
        self.session = SendmailSession(
            site.name, site.limits, self._personality(f"[{tagged(plain_address(client.address))}]", {})
        )

    async def welcome(self) -> Welcome:
        """Find out who it is and ask check_relay, then tell the session."""
        welcome = await self._router.welcome(self._client)
        self.session.introduce(self._personality(welcome.shown, welcome.macros), welcome.refusal)
        return welcome

    def _personality(self, shown: str, macros: Mapping[str, str]) -> Personality:
        configuration = self._router.routing.configuration
        return personality_of(configuration, self._site.limits, shown, self._clock.now(), macros=macros)
