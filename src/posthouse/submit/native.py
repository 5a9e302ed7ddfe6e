"""The Router of a native site: domains, tables and routes, as ``routing.resolve`` reads them.

The rule: what is remembered is answered without a coroutine; a stranger's relaying is refused before any table
is asked.
"""

from __future__ import annotations  # so that the ports are imported by the type checker alone

from typing import TYPE_CHECKING

from posthouse.mail.address import Address, Path
from posthouse.mail.envelope import Envelope
from posthouse.mail.received import ReceivedField, compose_received
from posthouse.mail.reply import Reply
from posthouse.routing.resolution import Refused, Resolution
from posthouse.smtp.parameters import MailParameters, RcptParameters
from posthouse.submit import authorise, inquiry, replies
from posthouse.submit.client import Client
from posthouse.submit.lookups import Lookups

if TYPE_CHECKING:
    from collections.abc import Mapping

    from posthouse.mail.notice import Notice
    from posthouse.mail.queued import QueueId
    from posthouse.ports import Table
    from posthouse.routing.compiled import Routing


class NativeRouter:
    """Port-like ``Router`` over tables; ``vrfy`` says whether VRFY answers."""

    __slots__ = ("_vrfy", "lookups")

    def __init__(self, routing: Routing, tables: Mapping[str, Table], *, vrfy: bool = False) -> None:
        self.lookups = Lookups(routing, tables)
        self._vrfy = vrfy

    def begin(self, client: Client) -> NativeMessage:
        """Begin a message."""
        return NativeMessage(self.lookups, client)

    async def verify(self, argument: str, client: Client) -> Reply:  # noqa: ARG002 - all clients are told the same
        """VRFY: 252 unless the site allows it (RFC 5321 section 7.3)."""
        return await inquiry.verify(self.lookups, argument) if self._vrfy else replies.CANNOT_VERIFY

    async def expand(self, argument: str, client: Client) -> Reply:  # noqa: ARG002 - all clients are told the same
        """EXPN: public aliases only."""
        return await inquiry.expand(self.lookups, argument)

    async def explain(self, address: Address, sender: Path) -> Resolution:  # noqa: ARG002 - senders do not matter here
        """Resolve an address afresh, with its trace."""
        return await self.lookups.explain(address)

    async def close(self) -> None:
        """Nothing is held open."""


class NativeMessage:
    """One message: only the client matters, and only for relaying."""

    __slots__ = ("_client", "_lookups")

    is_discarded = False
    checks_header = False
    follows_routes = False
    has_afterword = False
    hold_reason = ""

    def __init__(self, lookups: Lookups, client: Client) -> None:
        self._lookups = lookups
        self._client = client

    def sender_now(self, path: Path, parameters: MailParameters) -> Reply:  # noqa: ARG002 - the grammar has judged it
        """Accept any sender."""
        self._lookups.refresh()
        return replies.SENDER_ACCEPTED

    async def sender(self, path: Path, parameters: MailParameters) -> Reply:
        """Accept any sender."""
        return self.sender_now(path, parameters)

    def recipient_now(self, address: Address, parameters: RcptParameters) -> Resolution | None:  # noqa: ARG002
        """Refuse relaying; return what is remembered of the address, None when nothing is."""
        if not self._client.may_relay:
            destination = self._lookups.routing.destination_of(address)
            refusal = authorise.refuse_destination(self._client, destination)
            if refusal is not None:
                return Refused(destination, refusal, "")
        return self._lookups.cached(address)

    async def recipient(self, address: Address, parameters: RcptParameters) -> Resolution:
        """Resolve the address."""
        return self.recipient_now(address, parameters) or await self._lookups.resolve(address)

    def trace(self, said: ReceivedField) -> bytes:
        """Write the field of every site."""
        return compose_received(said)

    def text_now(self) -> Reply:
        """Ask for the text."""
        return replies.SEND_TEXT

    async def text(self) -> Reply:
        """Ask for the text."""
        return replies.SEND_TEXT

    async def header(self, header: bytes) -> Reply | None:  # noqa: ARG002 - never asked
        """Accept any header."""
        return None

    async def after_commit(self, queue_id: QueueId, octets: int) -> tuple[Notice, ...]:  # noqa: ARG002 - never told
        """Nothing is sent because of a message."""
        return ()

    def envelopes(self, collected: Envelope) -> tuple[Envelope, ...]:
        """Queue what was collected."""
        return (collected,)
