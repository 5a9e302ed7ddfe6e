"""One message that comes by SMTP on standard input at a site that has a sendmail.cf."""

from __future__ import annotations  # so that the ports are imported by the type checker alone

import asyncio
import os
import tempfile
from typing import IO, TYPE_CHECKING, Final

from posthouse.cli.classic.cf_intake import Given, Intake, Names, Sender
from posthouse.cli.classic.cf_message import BodyFile
from posthouse.cli.classic.cf_runs import delivery_of
from posthouse.cli.classic.message_input import MessageInput
from posthouse.deliver.cf_envelope import CfEnvelope, Standing
from posthouse.mail.address import NULL_PATH, Path, in_brackets
from posthouse.mail.envelope import Body
from posthouse.mail.errors import MalformedError, SpoolError
from posthouse.mail.reply import Reply, reply
from posthouse.mailers.fields import Nature, split_fields
from posthouse.routing.resolution import Resolved
from posthouse.smtp.parameters import NO_MAIL_PARAMETERS, MailParameters, RcptParameters
from posthouse.submit import replies
from posthouse.submit.sendmail.router import SendmailMessage, octets_of

if TYPE_CHECKING:
    from posthouse.cli.classic.cf_site import CfSite
    from posthouse.mailers.fields import Field
    from posthouse.submit.client import Client

_NO_ROOM: Final = reply(452, "4.4.5", "Insufficient disk space; try again later")
_IN_MEMORY: Final = 256 * 1024  # octets


class Arrival:
    """A message from MAIL to the final dot.  ``exit_status`` is that of the first thing that went wrong for good."""

    def __init__(self, site: CfSite, client: Client, names: Names) -> None:
        protocol = f"{client.protocol}:{client.name}" if client.protocol else ""
        self._site = site
        self._names = names
        self._protocol = protocol
        self._intake = Intake(site, Given(protocol=protocol), names)
        self._environment = self._intake.environment()
        self._message = SendmailMessage(site.routing, site.routing_world, self._environment, client)
        self._path = NULL_PATH
        self._sender = Sender("<>")
        self._parameters: MailParameters = NO_MAIL_PARAMETERS
        self._written: list[str] = []  # the recipients, as typed
        self._text: IO[bytes] = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - closed with the message
        self._line_ends = 0
        self.exit_status = os.EX_OK
        self.has_looked_up = False  # the client, by VRFY or EXPN

    async def sender(self, path: Path, parameters: MailParameters) -> Reply:
        """MAIL."""
        if not await self._has_room(parameters.size or 0):
            return _NO_ROOM
        answer = await self._message.sender(path, parameters)
        self._path, self._parameters = path, parameters
        if answer.is_positive:
            self._sender = await self._intake.sender(self._environment, octets_of(str(path)) or "<>")
        self._note(answer)
        return answer

    async def _has_room(self, octets: int) -> bool:
        """Is there room on the disk of the queue for so much, and the option MinFreeBlocks besides?"""
        folder = next(one for one in (self._site.site.spool, *self._site.site.spool.parents) if one.exists())
        disk = await asyncio.to_thread(os.statvfs, folder)
        return disk.f_bavail * disk.f_frsize >= octets + self._site.site.limits.spool_free_octets

    async def recipient(self, path: Path, parameters: RcptParameters) -> Reply:
        """RCPT."""
        if path.address is None:
            return replies.NOT_AN_ADDRESS
        resolution = await self._message.recipient(path.address, parameters)
        if isinstance(resolution, Resolved):
            self._written.append(octets_of(in_brackets(path.address)))
            return replies.RECIPIENT_ACCEPTED
        self._note(resolution.reply)
        return resolution.reply

    async def start_text(self) -> Reply:
        """DATA."""
        answer = await self._message.text()
        self._note(answer)
        return answer

    def write(self, text: bytes) -> None:
        """Take text, CRLF line ends."""
        self._line_ends += text.count(b"\n")
        self._text.write(text)

    async def finish(self) -> Reply:
        """Return the answer to the final dot: positive when the message is delivered, reported or kept."""
        octets = self._text.tell() - self._line_ends
        self._text.seek(0)
        try:
            message = MessageInput(self._text, self._site.site.limits, ignore_dots=True)
            header = message.read_header()
            body = BodyFile(message)
        except MalformedError as error:
            return reply(552, "5.6.0", str(error))
        try:
            self._environment.define("addr_type", None)
            refusal = await self._message.header(header) if self._message.checks_header else None
            if refusal is not None:
                self._note_status(os.EX_DATAERR)
                return refusal
            if self._message.is_discarded:
                return replies.accepted(self._intake.name)
            own = [field for field in split_fields(header) if Nature.ENDS_HEADER not in field.nature]
            return await self._take(own, body, octets)
        except SpoolError as error:
            self._note_status(os.EX_TEMPFAIL)
            return reply(452, "4.3.1", str(error))
        finally:
            body.close()

    def close(self) -> None:
        """Let go of the text."""
        self._text.close()

    async def _take(self, own: list[Field], body: BodyFile, octets: int) -> Reply:
        """Complete the header, and deliver or queue, as DeliveryMode has it."""
        parameters, environment, sender = self._parameters, self._environment, self._sender
        given = Given(
            addresses=tuple(self._written) if self._message.tried == 1 and not self.has_looked_up else (),
            ret=parameters.ret,
            envid=parameters.envid,
            body=parameters.body.value if parameters.body is Body.EIGHT_BIT_MIME else "",
            protocol=self._protocol,
        )
        intake = Intake(self._site, given, self._names, self._intake.name)
        expansion = self._message.expansion
        errors_to = await intake.errors_to(environment, own)
        own = intake.warned(own, over_pipe=True)
        bound = intake.bind(expansion, environment, sender, own, is_named=not errors_to)
        hops = intake.too_many_hops(bound, sender.written, self._written)
        if hops:
            self._note_status(os.EX_UNAVAILABLE)
            return reply(554, "5.4.6", hops)
        envelope = intake.envelope(expansion, environment, sender, bound, body, octets)
        envelope.errors_to = errors_to
        envelope.is_report = self._path.is_null
        if self._path.address is not None:
            envelope.sender_typed = octets_of(in_brackets(self._path.address))
        self._wishes(envelope)
        delivery = delivery_of(self._site, self._names.draw)
        for part in await intake.by_owner(envelope, expansion, environment):
            if self._message.hold_reason:
                part.is_held = True
                await intake.keep(part)
            else:
                await intake.deliver(delivery, part)
            self._note_status(part.exit_status)
        return replies.accepted(intake.name)

    def _wishes(self, envelope: CfEnvelope) -> None:
        """Give every recipient what RCPT said of its reports, and leave out whom the sender was told about."""
        given = self._message.given
        addressees = dict(enumerate(self._message.expansion.queue))
        kept = []
        for way in envelope.ways:
            one = addressees[way.addressee.number]
            how = given.get(id(one.root))
            if how is None or (way.standing is Standing.BAD and one.alias is None):
                continue
            way.notify, way.original = how.notify, how.orcpt
            kept.append(way)
        envelope.ways = kept
        # What has been said to the client is no part of a report.
        envelope.transcript.clear()
        bad = [way.ending.exit_status for way in kept if way.standing is Standing.BAD and way.ending is not None]
        envelope.exit_status = bad[-1] if bad else os.EX_OK

    def _note(self, answer: Reply) -> None:
        if not answer.is_positive:
            self._note_status(self._message.exit_status)

    def _note_status(self, exit_status: int) -> None:
        """The first that cannot be mended by trying again stays."""
        if self.exit_status in (os.EX_OK, os.EX_TEMPFAIL):
            self.exit_status = exit_status or self.exit_status
