"""Where recipients go, and who may send: what every site language answers in its own way.

One Router serves a process, one MessageRouter one message: it is asked in the order of the commands, so that
it knows the client, the sender and the recipients that came before.  The rule: a method whose name ends in
``_now`` never waits and returns None where something must be asked first; its twin without ``_now``
then answers.  A site that needs to ask nothing pays for no coroutine.
"""

from __future__ import annotations  # so that nothing is imported at run time but what tests and adapters need

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from posthouse.mail.address import Address, Path
    from posthouse.mail.envelope import Envelope
    from posthouse.mail.notice import Notice
    from posthouse.mail.queued import QueueId
    from posthouse.mail.received import ReceivedField
    from posthouse.mail.reply import Reply
    from posthouse.routing.resolution import Resolution
    from posthouse.smtp.parameters import MailParameters, RcptParameters
    from posthouse.submit.client import Client


class MessageRouter(Protocol):
    """The routing of one message.  It is dropped with its transaction, whatever became of that."""

    checks_header: bool  # ``header`` is to be asked
    # A source route is part of what is resolved, as a WrittenAddress; else it is stripped (RFC 5321 section 3.6.1).
    follows_routes: bool

    @property
    def is_discarded(self) -> bool:
        """Has the site decided to accept the message and to drop it?  Then nothing is committed."""

    @property
    def hold_reason(self) -> str:
        """Why the message is to wait for an operator; "" when it is not."""

    @property
    def has_afterword(self) -> bool:
        """Is ``after_commit`` to be told?"""

    def sender_now(self, path: Path, parameters: MailParameters) -> Reply | None:
        """MAIL: a refusal, or the positive reply."""

    async def sender(self, path: Path, parameters: MailParameters) -> Reply: ...

    def recipient_now(self, address: Address, parameters: RcptParameters) -> Resolution | None:
        """RCPT: whether this client may send there is part of the answer.

        A recipient is asked about once; what is resolved here may still be refused for want of room.
        """

    async def recipient(self, address: Address, parameters: RcptParameters) -> Resolution: ...

    def trace(self, said: ReceivedField) -> bytes:
        """Return our Received field, with CRLF; when the text begins."""

    def text_now(self) -> Reply | None:
        """DATA: a refusal, or the reply that asks for the text."""

    async def text(self) -> Reply: ...

    async def header(self, header: bytes) -> Reply | None:
        """Judge the header when all of it is here (without our Received field): a refusal, or None."""

    async def after_commit(self, queue_id: QueueId, octets: int) -> tuple[Notice, ...]:
        """Take down that the message was committed; return what is to be sent because of it.  Never raises."""

    def envelopes(self, collected: Envelope) -> tuple[Envelope, ...]:
        """Return what is to be queued, at the beginning of the text: never nothing.

        ``collected`` has every recipient once, in the order of RCPT.  Several envelopes (a list whose failures are
        its owner's) share the text; each becomes a message of its own.
        """


class Router(Protocol):
    """The routing of one site."""

    def begin(self, client: Client) -> MessageRouter:
        """Begin a message."""

    async def verify(self, argument: str, client: Client) -> Reply:
        """Answer VRFY."""

    async def expand(self, argument: str, client: Client) -> Reply:
        """Answer EXPN."""

    async def explain(self, address: Address, sender: Path) -> Resolution:
        """Resolve an address afresh, with its trace, whoever may send there."""

    async def close(self) -> None:
        """Let go of what is held open to answer questions; nothing is asked afterwards."""
