"""The one intake: for SMTP, for commands and for bounces."""

from collections.abc import Mapping

from posthouse.mail.reply import Reply
from posthouse.ports import Clock, EventLog, Meter, SpoolIntake, Table, Wakeup
from posthouse.routing.compiled import Routing
from posthouse.site.model import Site
from posthouse.submit.client import Client
from posthouse.submit.transaction import Transaction


class Intake:
    """Makes transactions, and answers VRFY and EXPN."""

    def __init__(
        self,
        site: Site,
        routing: Routing,
        *,
        tables: Mapping[str, Table],
        spool: SpoolIntake,
        clock: Clock,
        log: EventLog,
        meter: Meter,
        wakeup: Wakeup,
    ) -> None:
        raise NotImplementedError

    def begin(self, client: Client) -> Transaction:
        """Begin a mail transaction."""
        raise NotImplementedError

    async def verify(self, argument: str) -> Reply:
        """VRFY: 252 unless the site allows it (RFC 5321 section 7.3)."""
        raise NotImplementedError

    async def expand(self, argument: str) -> Reply:
        """EXPN: public aliases only."""
        raise NotImplementedError
