"""One message on its way in: from MAIL to the spool's word.

The rule: every answer is per command and true when it is given; 250 to the
final dot is made only after the commit returned.
"""

from __future__ import annotations  # so that the ports are imported by the type checker alone

import enum
from typing import TYPE_CHECKING

from msgspec.structs import replace

from posthouse.mail.address import NULL_PATH, Address, Path, WrittenAddress
from posthouse.mail.envelope import Envelope
from posthouse.mail.errors import SpoolError, SpoolFullError
from posthouse.mail.outcome import Disposition, Outcome
from posthouse.mail.queued import QueueId
from posthouse.mail.received import ReceivedField
from posthouse.mail.reply import Reply
from posthouse.mail.status import Status
from posthouse.routing.resolution import Deferred, Resolution, Resolved
from posthouse.smtp.parameters import NO_MAIL_PARAMETERS, MailParameters, RcptParameters
from posthouse.submit import authorise, replies
from posthouse.submit.client import Client
from posthouse.submit.journal import Journal
from posthouse.submit.local import Origination, complete_text
from posthouse.submit.notices import send_notices
from posthouse.submit.parts import Parts
from posthouse.submit.recipients import Recipients
from posthouse.submit.text import IncomingText

if TYPE_CHECKING:
    from posthouse.ports import Draft


class _Stage(enum.Enum):
    """Where the transaction stands.  The session sees to the order of commands; this refuses what it let through."""

    NEW = enum.auto()
    ADDRESSED = enum.auto()  # the sender is known, recipients come
    TEXT = enum.auto()
    OVER = enum.auto()


class Transaction:
    """Made by ``Intake.begin``.  Every method answers with the reply to give; exceptions are bugs."""

    __slots__ = (
        "_client",
        "_draft",
        "_envelopes",
        "_journal",
        "_message",
        "_more_drafts",
        "_name",
        "_parameters",
        "_parts",
        "_recipients",
        "_reverse_path",
        "_stage",
        "_text",
        "_trouble",
        "queue_id",
    )

    def __init__(self, parts: Parts, client: Client, name: str) -> None:
        """``name`` is the ``id`` of our Received field: the queue id does not exist before the text is written."""
        self._parts = parts
        self._client = client
        self._name = name
        self._journal = Journal(parts, client)
        self._message = parts.router.begin(client)
        self._stage = _Stage.NEW
        self._reverse_path = NULL_PATH
        self._parameters: MailParameters = NO_MAIL_PARAMETERS
        self._recipients = Recipients(parts.site.limits)
        self._envelopes: tuple[Envelope, ...] = ()  # known once the text begins
        self._draft: Draft | None = None
        self._more_drafts: tuple[Draft, ...] = ()  # one for each envelope but the first
        self._text: IncomingText | None = None
        self._trouble: SpoolError | None = None
        self.queue_id: QueueId = ""  # known once ``finish`` has answered 250

    async def sender(self, path: Path, parameters: MailParameters) -> Reply:
        """MAIL."""
        answer = self.sender_now(path, parameters)
        if answer is not None:
            return answer
        return self._take_sender(path, parameters, await self._message.sender(path, parameters))

    def sender_now(self, path: Path, parameters: MailParameters) -> Reply | None:
        """Answer MAIL without waiting; None where the site's rules must be asked first, which ``sender`` does."""
        if self._stage is not _Stage.NEW:
            return replies.NO_SENDER
        refusal = authorise.refuse_size(parameters.size, self._parts.site.limits.text_octets)
        if refusal is None and path.address is not None:
            refusal = authorise.refuse_unannounced(path.address, self._client, smtputf8=parameters.smtputf8)
        if refusal is not None:
            return self._refused("MAIL", refusal, sender=str(path))
        answer = self._message.sender_now(path, parameters)
        return None if answer is None else self._take_sender(path, parameters, answer)

    def _take_sender(self, path: Path, parameters: MailParameters, answer: Reply) -> Reply:
        if not answer.is_positive:
            return self._refused("MAIL", answer, sender=str(path))
        self._reverse_path = path
        self._parameters = parameters
        self._stage = _Stage.ADDRESSED
        return answer

    async def recipient(self, path: Path, parameters: RcptParameters) -> Reply:
        """RCPT."""
        answer = self.recipient_now(path, parameters)
        if answer is not None or path.address is None:
            return answer or replies.NOT_AN_ADDRESS
        asked = self._asked(path, path.address)
        return self._take(path.address, await self._message.recipient(asked, parameters), parameters, asked)

    def recipient_now(self, path: Path, parameters: RcptParameters) -> Reply | None:
        """Answer RCPT without waiting; None where a table must be asked first, which ``recipient`` does."""
        address = path.address
        if self._stage is not _Stage.ADDRESSED:
            return replies.NO_SENDER
        if address is None:
            return replies.NOT_AN_ADDRESS
        refusal = self._refusal_unseen(address)
        if refusal is not None:
            return self._refused("RCPT", refusal, recipient=str(address))
        asked = self._asked(path, address) if path.route else address
        if self._recipients.has(asked):
            return replies.RECIPIENT_ACCEPTED  # once is enough, and a list is costly to expand
        resolution = self._message.recipient_now(asked, parameters)
        return None if resolution is None else self._take(address, resolution, parameters, asked)

    def _asked(self, path: Path, address: Address) -> Address:
        """Return what is to be resolved of a path: its source route, too, where the site follows it."""
        if not path.route or not self._message.follows_routes:
            return address
        route = ",".join(f"@{hop}" for hop in path.route)
        whole = f"{route}:{address}"
        return WrittenAddress(whole, typed=f"<{whole}>")

    def _take(self, address: Address, resolution: Resolution, parameters: RcptParameters, asked: Address) -> Reply:
        # Whoever resolves later sees the address alone: a route would be lost.
        if isinstance(resolution, Deferred) and self._parts.resolves_later and asked is address:
            self._recipients.postpone(address, parameters)
            return replies.RECIPIENT_ACCEPTED
        if not isinstance(resolution, Resolved):
            return self._refused(
                "RCPT", resolution.reply, recipient=str(address), reason=resolution.reason, via=resolution.via
            )
        if not self._recipients.add(address, resolution, parameters, asked):
            reason = f"with the {len(resolution.recipients)} that it expands to there would be too many"
            return self._refused("RCPT", replies.TOO_MANY_RECIPIENTS, recipient=str(address), reason=reason)
        return replies.RECIPIENT_ACCEPTED

    def _refusal_unseen(self, address: Address) -> Reply | None:
        """Return why a recipient is refused before the site is asked about it."""
        if self._recipients.are_full:
            return replies.TOO_MANY_RECIPIENTS
        return authorise.refuse_unannounced(address, self._client, smtputf8=self._parameters.smtputf8)

    def fail_recipient(self, path: Path, parameters: RcptParameters, refusal: Reply) -> None:
        """Take a recipient that was refused as one that failed: who gave it is gone and will be sent a report."""
        if path.address is not None and self._stage is _Stage.ADDRESSED:
            self._recipients.fail(path.address, parameters, _failure(refusal))

    async def start_text(self) -> Reply:
        """DATA: 354, or a refusal."""
        answer = self.start_text_now()
        return self._begin_text(await self._message.text()) if answer is None else answer

    def start_text_now(self) -> Reply | None:
        """Answer DATA without waiting; None where the site's rules must be asked first, which ``start_text`` does."""
        if self._stage is not _Stage.ADDRESSED:
            return replies.NO_SENDER
        if not self._recipients:
            return self._refused("DATA", replies.NO_RECIPIENTS)
        answer = self._message.text_now()
        return None if answer is None else self._begin_text(answer)

    def _begin_text(self, answer: Reply) -> Reply:
        if not answer.is_positive:
            return self._refused("DATA", answer)
        self._envelopes = self._message.envelopes(self._envelope())
        try:
            self._draft = self._parts.spool.begin()
            self._more_drafts = tuple([self._parts.spool.begin() for _ in self._envelopes[1:]])
        except SpoolError as error:
            return self._spool_failed(error)
        complete = self._complete if self._client.local_submission else None
        self._text = IncomingText(self._parts.site.limits, self._received(), complete)
        self._stage = _Stage.TEXT
        return answer

    async def write(self, chunk: bytes) -> None:
        """Take text, dots unstuffed, CRLF line ends.  Never raises for the spool: ``finish`` answers."""
        if self._text is None or self._draft is None or self._trouble is not None:
            return
        due = self._text.feed(chunk)
        if due:
            try:
                await self._write(due)
            except SpoolError as error:
                self._trouble = error

    async def _write(self, due: bytes) -> None:
        """Write what is due to every draft; the site may look at the header first.  Raises SpoolError."""
        if self._message.checks_header and self._text is not None:
            header = self._text.take_header()
            refusal = None if header is None else await self._message.header(header)
            if refusal is not None:
                self._text.refuse(refusal)
                return
        if self._draft is not None:
            await self._draft.write(due)
        for draft in self._more_drafts:
            await draft.write(due)

    async def finish(self, last: bytes = b"") -> Reply:
        """The final dot, with what of the text came before it: 250 only after the commit returned."""
        if self._stage is not _Stage.TEXT or self._text is None or self._draft is None:
            return replies.NO_TEXT
        due = self._text.feed(last) + self._text.finish()
        try:
            if self._trouble is not None:
                raise self._trouble
            if due and self._text.refusal is None:
                await self._write(due)
            if self._text.refusal is not None:
                await self.abandon()
                return self._refused("DATA", self._text.refusal, octets=self._text.octets)
            if self._message.is_discarded:
                return await self._discard()
            queue_id = await self._commit(self._draft)
        except SpoolError as error:
            await self.abandon()
            return self._spool_failed(error)
        self._stage = _Stage.OVER
        self.queue_id = queue_id
        self._parts.wakeup.notify()
        self._note_accepted(queue_id, self._envelopes[0])
        self._journal.resolved(queue_id, self._recipients.resolved())
        if self._message.has_afterword:
            await send_notices(self._parts, await self._message.after_commit(queue_id, self._octets))
        return replies.accepted(queue_id)

    async def _commit(self, draft: Draft) -> QueueId:
        """Commit every envelope, the first one last: what fails before it was not promised to anybody."""
        now = self._parts.clock.now()
        if self._message.hold_reason:
            self._envelopes = tuple([replace(envelope, is_held=True) for envelope in self._envelopes])
        for more, envelope in zip(self._more_drafts, self._envelopes[1:], strict=True):
            queue_id = await more.commit(envelope, now)
            self._note_accepted(queue_id, envelope)
        return await draft.commit(self._envelopes[0], now)

    def _note_accepted(self, queue_id: QueueId, envelope: Envelope) -> None:
        recipients = len(envelope.recipients) + len(envelope.failed)
        self._journal.accepted(queue_id, str(envelope.reverse_path), recipients, self._octets, self._name)
        if envelope.failed:
            self._journal.failed(queue_id, envelope.failed)
        if envelope.is_held:
            self._journal.held(queue_id, self._message.hold_reason)

    async def _discard(self) -> Reply:
        """Promise what the site has decided to drop."""
        await self.abandon()
        self._journal.discarded(str(self._reverse_path), len(self._recipients), self._octets, self._name)
        return replies.accepted(self._name)

    @property
    def _octets(self) -> int:
        return 0 if self._text is None else self._text.octets

    def text_refused(self, refusal: Reply) -> None:
        """The session refused the text for its form and has said so; ``abandon`` follows."""
        self._refused("DATA", refusal)

    async def abandon(self) -> None:
        """RSET, QUIT, a lost connection, text that the session refused.  Harmless at any time and when called twice."""
        self._stage = _Stage.OVER
        draft, self._draft = self._draft, None
        if draft is not None and not self.queue_id:
            await draft.abandon()
            for more in self._more_drafts:
                await more.abandon()

    def _envelope(self) -> Envelope:
        parameters = self._parameters
        return Envelope(
            self._reverse_path,
            self._recipients.queued(),
            parameters.body,
            parameters.smtputf8,
            parameters.ret,
            parameters.envid,
            tuple(self._recipients.failed),
        )

    def _received(self) -> bytes:
        client, single = self._client, self._recipients.single
        # RFC 6531 section 3.7.3: UTF-8 in our field only where the message may have it.
        shown = single is not None and (self._parameters.smtputf8 or single.is_ascii)
        said = ReceivedField(
            by=self._parts.site.name,
            id=self._name,
            at=self._parts.clock.now(),
            helo=client.name,
            address=client.address,
            protocol=client.wire_protocol,
            user=client.user,
            recipient=str(single) if shown else "",
        )
        return self._message.trace(said)

    def _complete(self, text: bytes) -> bytes:
        site = self._parts.site
        at = self._parts.clock.now()
        author = self._reverse_path.address or Address("MAILER-DAEMON", site.default_local_domain)
        message_id = f"{at:%Y%m%d%H%M%S}.{self._name}@{site.name}"
        return complete_text(text, Origination(author, self._client.full_name, at, message_id))

    def _spool_failed(self, error: SpoolError) -> Reply:
        reply = replies.SPOOL_FULL if isinstance(error, SpoolFullError) else replies.SPOOL_TROUBLE
        return self._refused("DATA", reply, reason=f"spool: {error}")

    def _refused(self, command: str, reply: Reply, **fields: object) -> Reply:
        if command != "MAIL":
            fields["sender"] = str(self._reverse_path)
        return self._journal.refused(command, reply, **fields)


def _failure(refusal: Reply) -> Outcome:
    """Return a refusal as the end of a recipient.  What was "try again" is over, too, when this is asked for."""
    status = refusal.status or Status(5, 0, 0)
    final = Status(5, status.subject, status.detail)
    return Outcome(Disposition.FAILED, final, refusal.text, tried=False)
