"""Mailers that connect ([IPC]), for commands that deliver in their own process: port MailerPort.

Mail goes out by the same SMTP channels that the daemon has; programs and files are left to the runs of mailers.
"""

from __future__ import annotations  # so that the ports are imported by the type checker alone

import os
from typing import TYPE_CHECKING, Final

from posthouse.adapters.dialect_cf import RenderedText
from posthouse.channels.mailer_dialogue import ending_of_reply
from posthouse.cli.classic.cf_spool import address_of
from posthouse.deliver.cf_envelope import Delivered, Message
from posthouse.deliver.mailer_text import Renderer
from posthouse.mail.address import NULL_PATH, Path
from posthouse.mail.envelope import Recipient
from posthouse.mail.errors import DialectUnavailableError
from posthouse.mail.outcome import Disposition, Outcome
from posthouse.mail.queued import Batch, Hop, Lane, LeasedRecipient, MessageInfo
from posthouse.mail.reply import Reply
from posthouse.mail.route import Route
from posthouse.mailers.batches import Addressee, Load
from posthouse.mailers.exits import Ending, ending_of_exit
from posthouse.smtp.sendmail_commands import read_mail, read_rcpt

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from posthouse.channels.mailer_runs import MailerRuns
    from posthouse.ports import Channel, Clock

OVER_THE_NET: Final = "[IPC]"


class NetworkMailers:
    """``open_channels`` is called for the first message that goes over the net: most commands have none."""

    def __init__(
        self, runs: MailerRuns, renderer: Renderer, clock: Clock, open_channels: Callable[[], Mapping[str, Channel]]
    ) -> None:
        self._runs = runs
        self._renderer = renderer
        self._clock = clock
        self._open_channels = open_channels
        self._channels: Mapping[str, Channel] = {}

    async def deliver(self, load: Load, message: Message) -> Delivered:
        """Deliver once."""
        largest = load.mailer.largest_message
        if load.mailer.path != OVER_THE_NET or 0 < largest < message.octets:
            return await self._runs.deliver(load, message)
        try:
            sender = await self._renderer.sender_for(message.opened, load.mailer)
            macros = {"g": sender, "h": load.host, "u": load.addressees[-1].who.user}
            outgoing = await self._renderer.write(message.opened, load.mailer, macros, is_smtp=True)
        except DialectUnavailableError as error:
            ending = ending_of_exit(os.EX_TEMPFAIL, is_unix=False, reason=str(error))
            return Delivered((ending,) * len(load.addressees))
        batch = self._batch(load, message, sender)
        self._channels = self._channels or self._open_channels()
        channel = self._channels.get(load.mailer.name)
        if channel is None:  # `posthouse check` says why
            ending = ending_of_exit(os.EX_TEMPFAIL, is_unix=False, reason=f"mailer {load.mailer.name} is no channel")
            return Delivered((ending,) * len(load.addressees))
        report = await channel.attempt(batch, RenderedText(outgoing))
        return _delivered(report.outcomes)

    async def close(self) -> None:
        """Give up connections."""
        for channel in self._channels.values():
            await channel.close()

    def _batch(self, load: Load, message: Message, sender: str) -> Batch:
        words = " ".join(word for _, word in message.parameters)
        parameters = read_mail(f"FROM:<> {words}".encode())[2]
        circumstances = message.opened.stored.circumstances
        info = MessageInfo(
            queue_id=message.opened.macros.get("i", ""),
            accepted=self._clock.now(),
            reverse_path=NULL_PATH if circumstances.is_report or not sender else Path(address_of(sender)),
            body=parameters.body,
            smtputf8=False,
            ret=parameters.ret,
            envid=parameters.envid,
            octets=message.octets,
            recipients=len(load.addressees),
        )
        hop = Hop(load.mailer.name, load.host.removesuffix("."))
        leased = tuple(_leased(one, hop, message.recipient_parameters.get(one.number, "")) for one in load.addressees)
        return Batch(info, hop, Lane.SINGLE, 0, leased)


def _leased(one: Addressee, hop: Hop, words: str) -> LeasedRecipient:
    parameters = read_rcpt(f"TO:<x>{words}".encode())[2]
    address = address_of(one.who.user)
    route = Route(hop.channel, hop.host, address)
    recipient = Recipient(address, route, address, parameters.orcpt, parameters.notify, one.who)
    return LeasedRecipient(one.number, recipient, attempts=0, warned=False)


def _delivered(outcomes: tuple[Outcome, ...]) -> Delivered:
    transcript: list[str] = []
    for outcome in outcomes:
        if outcome.disposition is not Disposition.DELIVERED and outcome.code:
            said = (f"... while talking to {outcome.remote}:", f"<<< {outcome.code} {_words(outcome)}")
            transcript += [line for line in said if line not in transcript]
    remote = next((outcome.remote for outcome in outcomes if outcome.remote), "")
    return Delivered(tuple(_ending(outcome) for outcome in outcomes), tuple(transcript), remote)


def _words(outcome: Outcome) -> str:
    """Return what the other side said, without its code and without what it was said to."""
    said = outcome.diagnostic.partition(" (in reply to ")[0]
    return said.removeprefix(f"{outcome.code} ")


def _ending(outcome: Outcome) -> Ending:
    if outcome.disposition is Disposition.DELIVERED:
        return Ending(os.EX_OK, f"250 2.0.0 Sent ({outcome.diagnostic})", "2.0.0")
    if outcome.code:
        ending = ending_of_reply(Reply(outcome.code, (_words(outcome),)))
    elif outcome.disposition is Disposition.DEFERRED:
        ending = ending_of_exit(os.EX_TEMPFAIL, is_unix=False, reason=outcome.diagnostic)
    else:
        ending = ending_of_exit(os.EX_NOHOST, is_unix=False)
        return Ending(ending.exit_status, f"550 {outcome.status} {outcome.diagnostic}", str(outcome.status))
    return Ending(ending.exit_status, ending.reply, str(outcome.status), ending.diagnostic)
