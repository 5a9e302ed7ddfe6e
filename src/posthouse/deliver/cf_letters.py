"""What the daemon of a sendmail site tells senders: reports in sendmail's words, as messages of the site.

Port LetterWriter.  A letter begins with the header as this site stores it, so that each mailer edits it on its way.
"""

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

from posthouse.deliver.cf_delivery import duration_in_words
from posthouse.deliver.cf_envelope import CfEnvelope, Standing, Way
from posthouse.deliver.cf_report import ReportBody, ReportWriter
from posthouse.deliver.letter_writer import LetterKind
from posthouse.deliver.mailer_text import Opened, Renderer
from posthouse.mail.envelope import MailerUser, Notify
from posthouse.mail.errors import DialectUnavailableError, SpoolError
from posthouse.mail.outcome import Disposition, Outcome
from posthouse.mail.queued import LeasedRecipient, MessageInfo
from posthouse.mailers.batches import Addressee
from posthouse.mailers.exits import Ending, transcript_line
from posthouse.mailers.priority import precedence_word
from posthouse.mailers.stored import Circumstances, final_recipient_of, write_stored
from posthouse.ports import Clock, StoredText

_TEMPORARY, _UNAVAILABLE, _NO_USER = 75, 69, 67  # sysexits(3)


class CfLetter:
    """Port Letter."""

    def __init__(self, opened: Opened, body: ReportBody) -> None:
        self._head = write_stored(opened.stored)
        self._body = body
        self.octets = len(self._head) + body.octets
        self.is_ascii = True  # what comes back from elsewhere is sent as it is, whatever it holds

    async def chunks(self) -> AsyncIterator[bytes]:
        """Stream it."""
        yield self._head
        async for chunk in self._body.chunks():
            yield chunk


class CfLetters:
    """Port LetterWriter."""

    def __init__(self, renderer: Renderer, writer: ReportWriter, clock: Clock, *, expires_after: timedelta) -> None:
        self._renderer = renderer
        self._configuration = renderer.configuration
        self._writer = writer
        self._clock = clock
        self._expires_after = expires_after
        self._host = renderer.configuration.program.macros.get("j", "localhost")

    async def write(
        self,
        message: MessageInfo,
        text: StoredText,
        recipients: Sequence[LeasedRecipient],
        to: str,
        kind: LetterKind,
        *,
        returns_body: bool,
    ) -> CfLetter:
        """Compose one report.  Raises SpoolError, also when a map cannot answer: it is owed until it can."""
        try:
            return await self._write(message, text, recipients, to, kind, returns_body=returns_body)
        except DialectUnavailableError as error:
            raise SpoolError(str(error)) from error

    async def _write(
        self,
        message: MessageInfo,
        text: StoredText,
        recipients: Sequence[LeasedRecipient],
        to: str,
        kind: LetterKind,
        *,
        returns_body: bool,
    ) -> CfLetter:
        now = self._clock.now()
        opened = await self._renderer.open(message, text, recipients)
        circumstances = opened.stored.circumstances
        name = circumstances.macros.get("i", message.queue_id)
        envelope = CfEnvelope(
            name=name,
            sender=circumstances.sender,
            sender_is_local="@" not in circumstances.sender,
            sender_type=circumstances.sender_type,
            opened=opened,
            octets=message.octets,
            accepted=message.accepted,
            came_from=circumstances.macros.get("_", "localhost"),
            ways=[self._way(leased, kind, circumstances) for leased in recipients],
            ret=message.ret,
            envid=message.envid,
        )
        envelope.transcript = _transcript(recipients)
        delayed_for = ""
        if kind is LetterKind.DELAY:
            delayed_for = duration_in_words(int((now - message.accepted).total_seconds()) // 3600 * 3600)
            until = duration_in_words(int(self._expires_after.total_seconds()))
            envelope.transcript += [
                f"Warning: message still undelivered after {delayed_for}",
                f"Will keep trying until message is {until} old",
            ]
        is_postmasters = kind is LetterKind.POSTMASTER
        report, body = await self._writer.report(
            envelope,
            f"{name}.{int(now.timestamp())}/{self._host}",
            now,
            to_postmaster=is_postmasters,
            returns_body=returns_body and self._may_return(opened),
            delayed_for=delayed_for,
        )
        return CfLetter(self._writer.open(report, body, [to], name, now, pm=is_postmasters), body)

    def _way(self, leased: LeasedRecipient, kind: LetterKind, circumstances: Circumstances) -> Way:
        recipient = leased.recipient
        written = str(recipient.original)
        who = recipient.mailer or MailerUser(str(recipient.address), written)
        standing = {LetterKind.SUCCESS: Standing.SENT, LetterKind.DELAY: Standing.QUEUED}.get(kind, Standing.BAD)
        outcome = leased.outcome
        return Way(
            Addressee(leased.number, recipient.route.channel, recipient.route.host, who),
            standing,
            None if outcome is None else _ending(outcome),
            original=recipient.orcpt,
            final=final_recipient_of(recipient, circumstances, self._host),
            notify=Notify.SUCCESS | Notify.FAILURE | Notify.DELAY,
            remote=outcome.remote if outcome is not None else "",
            attempted=leased.attempted,
        )

    def _may_return(self, opened: Opened) -> bool:
        """May a report hold the body?  Not of mail of a low class, and not where the site keeps bodies back."""
        word = precedence_word(opened.stored.header.fields)
        is_low = self._configuration.priorities.get(word, 0) < 0
        return not is_low and "nobodyreturn" not in self._configuration.words("PrivacyOptions")


def _ending(outcome: Outcome) -> Ending:
    diagnostic = f"{outcome.code} {outcome.diagnostic}" if outcome.code else ""
    if outcome.disposition is Disposition.DELIVERED:
        return Ending(0, "250 2.0.0 Sent", "2.0.0")
    if outcome.disposition is Disposition.DEFERRED:
        return Ending(_TEMPORARY, f"250 2.0.0 Deferred: {outcome.diagnostic}", str(outcome.status), diagnostic)
    is_user = str(outcome.status) == "5.1.1"
    text = "550 5.1.1 User unknown" if is_user else f"554 {outcome.status} {outcome.diagnostic}"
    return Ending(_NO_USER if is_user else _UNAVAILABLE, text, str(outcome.status), diagnostic)


def _transcript(recipients: Sequence[LeasedRecipient]) -> list[str]:
    lines: list[str] = []
    for leased in recipients:
        outcome, who = leased.outcome, leased.recipient.mailer
        if outcome is None:
            continue
        written = who.written if who is not None else str(leased.recipient.original)
        if outcome.disposition is Disposition.DELIVERED:
            words = "relayed; expect no further notifications" if outcome.relayed else "Successfully delivered"
            lines.append(f"{written}... {words}")
            continue
        if outcome.remote and outcome.code:
            lines += [f"... while talking to {outcome.remote}:", f"<<< {outcome.code} {outcome.diagnostic}"]
        ending = _ending(outcome)
        said = transcript_line(ending.reply, written)
        lines.append(said if ending.exit_status != _TEMPORARY else f"{written}... {ending.message}")
    return lines
