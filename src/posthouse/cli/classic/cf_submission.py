"""``sendmail`` of a site that has a sendmail.cf: the message on standard input, delivered before the command ends.

DeliveryMode decides: interactive (and background, which nobody need notice) delivers here, queue-only and deferred put
it into the spool.  The exit status is the last bad one, as sendmail(8) has it.
"""

from __future__ import annotations  # so that the ports are imported by the type checker alone

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from posthouse.cli.classic.cf_addresses import print_octets
from posthouse.cli.classic.cf_intake import Given, Intake, Names, Sender
from posthouse.cli.classic.cf_message import BodyFile, CountedInput
from posthouse.cli.classic.cf_runs import delivery_of
from posthouse.cli.classic.cf_site import CfSite
from posthouse.cli.classic.cf_spool import keep_rest
from posthouse.cli.classic.message_input import MessageInput
from posthouse.cli.submission.people import login_name
from posthouse.deliver.cf_envelope import CfEnvelope, Standing
from posthouse.mailers.checks import check_fields
from posthouse.mailers.exits import Ending, without_codes
from posthouse.mailers.fields import Field, Nature, split_fields
from posthouse.mailers.header import BoundHeader
from posthouse.rewriting.complaint import Complaint
from posthouse.rewriting.environment import Environment
from posthouse.rewriting.tokens import fold
from posthouse.routing.sendmail.addressee import Addressee
from posthouse.routing.sendmail.complaints import AddressComplaint
from posthouse.routing.sendmail.expansion import Expansion

if TYPE_CHECKING:
    from posthouse.site.cf.declared import CfConfiguration

_EIGHT_BITS = "554 5.6.1 Eight bit data not allowed"
NO_RECIPIENTS = "Recipient names must be specified"


class Submission:
    """One run of the command."""

    def __init__(self, world: CfSite, given: Given) -> None:
        self._world = world
        self._given = given
        self._configuration: CfConfiguration = world.configuration
        self._names = Names(world)
        self._intake = Intake(world, given, self._names)

    async def run(self) -> int:
        """Take the message and deliver it; return the exit status."""
        given = self._given
        if not given.addresses and not given.from_header:
            sys.stdout.write(f"{NO_RECIPIENTS}\n")
            return os.EX_USAGE
        environment = self._intake.environment()
        sender = await self._intake.sender_or_login(
            environment, login_name() if given.sender is None else given.sender or "<>"
        )
        routing = self._world.routing
        expansion = Expansion(replace(routing, no_aliases=True) if given.no_aliases else routing, environment)
        if not routing.keeps_sender and sender.mailer:
            expansion.unwanted = Addressee(sender.mailer, sender.host, sender.user, sender.written)
        for address in given.addresses:
            await self._world.routing_world.answer_all(expansion.add(address))
        self._tell_remarks(expansion)
        environment.define("addr_type", None)
        counted = CountedInput(
            sys.stdin.buffer, in_seven_bits=given.body == "7BIT" or self._configuration.flag("SevenBitInput")
        )
        message = MessageInput(counted, self._world.site.limits, ignore_dots=given.ignore_dots)
        header = message.read_header()
        own = [field for field in split_fields(header) if Nature.ENDS_HEADER not in field.nature]
        body = BodyFile(message)
        try:
            return await self._taken(expansion, environment, sender, own, body, counted.octets(given.ignore_dots))
        finally:
            body.close()

    async def _taken(
        self,
        expansion: Expansion,
        environment: Environment,
        sender: Sender,
        own: list[Field],
        body: BodyFile,
        octets: int,
    ) -> int:
        checked = await self._world.routing_world.answer_all(
            check_fields(self._world.routing.program, environment, self._configuration.headers, own)
        )
        errors_to = await self._intake.errors_to(environment, own)
        own = self._intake.warned(own)
        bound = self._intake.bind(expansion, environment, sender, own, is_named=not errors_to)
        known = len(expansion.complaints)
        if self._given.from_header:
            await self._recipients_of(own, bound, expansion)
            self._tell_remarks(expansion)
            if not len(expansion.queue):
                sys.stdout.write("No recipient addresses found in header\n")
                return os.EX_OK
        envelope = self._intake.envelope(expansion, environment, sender, bound, body, octets)
        envelope.errors_to = [*errors_to, *envelope.errors_to]
        self._print_complaints(expansion.complaints[known:], envelope)
        for verdict in checked.refusals:
            if verdict.refusal is not None:
                envelope.transcript.append(_refusal_line(verdict.refusal.reply))
                envelope.exit_status = verdict.refusal.exit_status
                sys.stdout.write(f"{verdict.refusal.reply.text}\n")
        if self._forbids_eight_bits(own, body):
            self._refuse_eight_bits(envelope)
        delivery = delivery_of(self._world, self._names.draw)
        delivery.is_verbose = self._given.verbose
        delivery.error_mode = self._configuration.text("ErrorMode")
        delivery.invoker = self._world.logins.find(login_name())
        if checked.refusals:
            self._refuse_all(envelope)
        for part in await self._intake.by_owner(envelope, expansion, environment):
            await self._intake.deliver(delivery, part, at_once=self._given.verbose)
            envelope.exit_status = part.exit_status or envelope.exit_status
        is_quiet = self._configuration.text("ErrorMode") == "berknet"
        return os.EX_OK if is_quiet else self._intake.refused_status or envelope.exit_status

    def _tell_remarks(self, expansion: Expansion) -> None:
        """Say with -v what becomes of addresses."""
        if self._given.verbose:
            print_octets([remark.text for remark in expansion.remarks])
        expansion.remarks.clear()

    def _print_complaints(self, of_header: Sequence[AddressComplaint], envelope: CfEnvelope) -> None:
        """Tell at once what was wrong with the header's addresses; then nobody else gets the message yet."""
        if self._configuration.text("ErrorMode") == "print":
            for way in envelope.standing(Standing.BAD):
                if way.ending is not None:
                    sys.stdout.write(f"{way.ending.message}\n")
            return
        for complaint in of_header:
            sys.stdout.write(f"{without_codes(str(complaint.reply))}\n")
        if of_header:
            for way in envelope.standing(Standing.WAITING):
                way.standing = Standing.QUEUED

    def _refuse_all(self, envelope: CfEnvelope) -> None:
        """A header that a rule refuses is everybody's: nobody gets the message."""
        sys.stdout.write(f"{envelope.sender}... {_text_of(envelope.transcript[-1])}\n")
        for way in envelope.standing(Standing.WAITING):
            way.standing = Standing.BAD
            way.ending = Ending(os.EX_DATAERR, envelope.transcript[-1], "5.0.0")

    def _forbids_eight_bits(self, own: Sequence[Field], body: BodyFile) -> bool:
        """EightBitMode=strict: only a message of MIME may have eight bits."""
        if body.is_ascii or self._configuration.text("EightBitMode") != "strict":
            return False
        return all(fold(field.name) != "mime-version" for field in own)

    def _refuse_eight_bits(self, envelope: CfEnvelope) -> None:
        envelope.transcript.append(_EIGHT_BITS)
        sys.stdout.write(f"{without_codes(_EIGHT_BITS)}\n")
        for way in envelope.standing(Standing.WAITING):
            way.standing = Standing.BAD
            way.ending = Ending(os.EX_DATAERR, _EIGHT_BITS, "5.0.0")

    async def _recipients_of(self, own: Sequence[Field], bound: BoundHeader, expansion: Expansion) -> None:
        for field in own:
            nature = field.nature
            if Nature.RECIPIENT in nature and (not bound.is_resent or Nature.RESENT in nature):
                await self._world.routing_world.answer_all(expansion.add(field.value.replace("\n", " ").strip()))


def _refusal_line(complaint: Complaint) -> str:
    return " ".join(part for part in (complaint.code, complaint.status, complaint.text) if part)


def _text_of(line: str) -> str:
    return line.split(" ", 2)[-1]


async def submit(path: Path, given: Given, settings: Sequence[str], users: Path | None) -> int:
    """Take the message on standard input; return the exit status."""
    site = CfSite(path, settings, users, keep_rest)
    for problem in site.take_personal(os.getuid()):
        sys.stderr.write(f"sendmail: {problem}\n")
    try:
        return await Submission(site, given).run()
    finally:
        await site.close()
