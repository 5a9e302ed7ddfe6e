"""The channel of one mailer of a sendmail.cf: port Channel over mailer_runs.py."""

from __future__ import annotations  # so that the ports are imported by the type checker alone

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from posthouse.channels.mailer_runs import MailerRuns
from posthouse.deliver.cf_envelope import Message
from posthouse.deliver.mailer_text import Renderer
from posthouse.mail import events
from posthouse.mail.envelope import MailerUser
from posthouse.mail.outcome import Disposition, Outcome
from posthouse.mail.queued import Batch, LeasedRecipient
from posthouse.mail.status import Status
from posthouse.mailers.batches import Addressee, loads_of
from posthouse.mailers.exits import Ending
from posthouse.ports import AttemptReport
from posthouse.rewriting.tokens import fold
from posthouse.smtp.parameters import format_notify

if TYPE_CHECKING:
    from posthouse.ports import EventLog, StoredText

_LONGEST: Final = 1000  # characters of a diagnostic


class MailerChannel:
    """Delivers by one mailer: its program, the dialogue with it, or the file."""

    def __init__(self, name: str, runs: MailerRuns, renderer: Renderer, log: EventLog) -> None:
        self._mailer = name
        self._runs = runs
        self._renderer = renderer
        self._log = log

    async def attempt(self, batch: Batch, text: StoredText) -> AttemptReport:
        """Deliver to everybody in the batch, together as far as the mailer takes them together."""
        opened = await self._renderer.open(batch.message, text, batch.recipients)
        octets = opened.stored.circumstances.octets or text.octets
        addressees = [_addressee(leased, self._mailer) for leased in batch.recipients]
        words = {leased.number: parameters for leased in batch.recipients if (parameters := _parameters(leased))}
        message = Message(opened, octets, _mail_parameters(batch), words)
        outcomes: dict[int, Outcome] = {}
        mailers = {fold(self._mailer): self._renderer.configuration.mailers[fold(self._mailer)]}
        for load in loads_of(addressees, mailers):
            done = await self._runs.deliver(load, message)
            told = (*done.transcript, done.trouble) if done.trouble else done.transcript
            for one, ending in zip(load.addressees, done.endings, strict=True):
                outcomes[one.number] = outcome_of(ending, told, done.remote)
            if told and not all(ending.is_success for ending in done.endings):
                said = " / ".join(told)[:_LONGEST]
                self._log.event(events.TROUBLE, queue_id=batch.message.queue_id, channel=self._mailer, said=said)
        return AttemptReport(tuple(outcomes[leased.number] for leased in batch.recipients))

    async def close(self) -> None:
        """Nothing is kept."""


def outcome_of(ending: Ending, transcript: Sequence[str], remote: str) -> Outcome:
    """Return an ending as the outcome of an attempt, with what the mailer said."""
    said = " / ".join(transcript)[:_LONGEST]
    if ending.is_success:
        return Outcome(Disposition.DELIVERED, Status(2, 0, 0), said or ending.message)
    disposition = Disposition.DEFERRED if ending.is_temporary else Disposition.FAILED
    given = Status.leading(ending.status) or Status(disposition.value, 0, 0)
    status = Status(disposition.value, given.subject, given.detail)
    has_code = ending.diagnostic[:3].isdigit() and ending.diagnostic[3:4] == " "
    if has_code and remote:
        return Outcome(disposition, status, ending.diagnostic[4:] or ending.message, remote, int(ending.diagnostic[:3]))
    words = f"{ending.message}: {said}" if said else ending.message
    return Outcome(disposition, status, words or os.strerror(5))


def _addressee(leased: LeasedRecipient, mailer: str) -> Addressee:
    recipient = leased.recipient
    written = str(recipient.address).encode().decode("latin-1")
    who = recipient.mailer or MailerUser(written, written)
    return Addressee(leased.number, mailer, recipient.route.host, who)


def _parameters(leased: LeasedRecipient) -> str:
    recipient = leased.recipient
    words = [] if recipient.notify is None else [f"NOTIFY={format_notify(recipient.notify)}"]
    if recipient.orcpt:
        words.append(f"ORCPT={recipient.orcpt}")
    return "".join(f" {word}" for word in words)


def _mail_parameters(batch: Batch) -> tuple[tuple[str, str], ...]:
    message = batch.message
    words = []
    if message.body.value != "7BIT":
        words.append(("8BITMIME", f"BODY={message.body.value}"))
    if message.ret is not None:
        words.append(("DSN", f"RET={message.ret.value}"))
    if message.envid:
        words.append(("DSN", f"ENVID={message.envid}"))
    return tuple(words)
