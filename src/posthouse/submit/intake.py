"""The one intake: for SMTP, for commands and for bounces.

The rule: whatever way a message comes, it comes through a Transaction made here.
"""

from __future__ import annotations  # so that the ports are imported by the type checker alone

import itertools
import os
from typing import TYPE_CHECKING

from posthouse.mail.reply import Reply
from posthouse.site.model import Site
from posthouse.submit.client import Client
from posthouse.submit.parts import Parts
from posthouse.submit.transaction import Transaction

if TYPE_CHECKING:
    from posthouse.ports import Clock, EventLog, Meter, SpoolIntake, Wakeup
    from posthouse.submit.router import Router


class Intake:
    """Makes transactions, and answers VRFY and EXPN."""

    def __init__(
        self,
        site: Site,
        router: Router,
        *,
        spool: SpoolIntake,
        clock: Clock,
        log: EventLog,
        meter: Meter,
        wakeup: Wakeup,
        resolves_later: bool = False,
    ) -> None:
        self.parts = Parts(site, router, spool, clock, log, meter, wakeup, resolves_later)
        self._born = f"{int(clock.now().timestamp() * 1000):x}"
        self._numbers = itertools.count(1)

    def begin(self, client: Client) -> Transaction:
        """Begin a mail transaction."""
        # Instant, process and number make the name unique on this host without drawing lots; the process is
        # asked for here because workers are forked.
        return Transaction(self.parts, client, f"{self._born}.{os.getpid():x}.{next(self._numbers):x}")

    async def verify(self, argument: str, client: Client) -> Reply:
        """VRFY."""
        return await self.parts.router.verify(argument, client)

    async def close(self) -> None:
        """Let go of what the routing holds open; nothing is taken in afterwards."""
        await self.parts.router.close()

    async def expand(self, argument: str, client: Client) -> Reply:
        """EXPN."""
        return await self.parts.router.expand(argument, client)
