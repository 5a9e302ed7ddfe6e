"""What routing made of addresses, as recipients of a delivery: whom mail goes to, and whom nobody can reach."""

from __future__ import annotations  # so that the ports are imported by the type checker alone

import os
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from posthouse.deliver.cf_envelope import CfEnvelope, Standing, Way
from posthouse.deliver.cf_report import final_recipient
from posthouse.mail.envelope import MailerUser, Notify
from posthouse.mailers.batches import Addressee as MailerAddressee
from posthouse.mailers.exits import Ending, without_codes
from posthouse.rewriting.recipients import ERROR
from posthouse.rewriting.triples import exit_status_of, status_of_refusal
from posthouse.routing.sendmail.addressee import Addressee, State
from posthouse.routing.sendmail.complaints import NO_USER, USAGE, AddressComplaint
from posthouse.routing.sendmail.expansion import Expansion, Remark

if TYPE_CHECKING:
    from posthouse.cli.classic.cf_site import CfSite


_FINAL: Final = 500  # reply codes from here on are final


class Reports:
    """The way in for reports: port ReportPort."""

    def __init__(self, world: CfSite) -> None:
        self._world = world

    async def ways_to(self, addresses: Sequence[str]) -> list[Way]:
        """Resolve whom a report goes to."""
        expansion = Expansion(self._world.routing, self._world.environment(self._world.configuration.program.macros))
        for address in reversed(addresses):  # who was added last comes first: so it has always been
            await self._world.routing_world.answer_all(expansion.add(address))
        daemon = self._world.configuration.mailers["local"].address_type
        return ways_of(expansion, daemon, self._world.routing.host_name, None)

    async def keep(self, envelope: CfEnvelope) -> None:
        """Put it into the spool."""
        await self._world.keep(envelope)


def ways_of(expansion: Expansion, sender_type: str, host: str, notify: Notify | None) -> list[Way]:
    """Return the recipients that mail goes to, and those whose sender is to be told."""
    ways = []
    alone = Counter(id(one.root) for one in expansion.queue if one.state.is_sendable)
    for number, one in enumerate(expansion.queue):
        if not (one.state.is_sendable or one.state is State.BAD):
            continue
        root = one.root
        way = Way(
            MailerAddressee(number, one.mailer, one.host or "", _mailer_user(one, is_alone=alone[id(one.root)] == 1)),
            final=final_recipient(sender_type, root.user, root.written, host),
            notify=notify,
        )
        if one.state is State.BAD:
            way.standing = Standing.BAD
            way.ending = ending_of_bad(one, expansion.complaints)
        elif one.state is State.DEFERRED:
            way.standing = Standing.QUEUED
            reply = one.reason if one.mailer == ERROR else f"250 2.0.0 Deferred: {one.reason}"
            way.ending = Ending(os.EX_TEMPFAIL, reply, "4.4.3")
        ways.append(way)
    return ways


def ending_of_bad(one: Addressee, complaints: Sequence[AddressComplaint]) -> Ending:
    """Return how an address ended that cannot be delivered to."""
    if one.mailer == ERROR and one.user:
        host = one.host or ""
        return Ending(exit_status_of(host), one.reason, status_of_refusal(host, one.user))
    if one.mailer == ERROR:
        status = exit_status_of(one.host or "")
    else:
        said = next((each.exit_status for each in complaints if str(each.reply) == one.reason), 0)
        status = said or USAGE
    words = one.reason.split(" ", 2)
    enhanced = words[1] if len(words) > 2 else "5.0.0"
    diagnostic = "550 5.1.1 User unknown" if status == NO_USER and one.mailer != ERROR else ""
    return Ending(status, one.reason, enhanced, diagnostic)


def note_complaints(envelope: CfEnvelope, complaints: Sequence[AddressComplaint], notes: Sequence[Remark] = ()) -> None:
    """Put what was wrong with addresses into the transcript, notes between them, and remember the status."""
    for number, complaint in enumerate(complaints):
        envelope.transcript += [note.text for note in notes if note.after == number]
        envelope.transcript.append(str(complaint.reply))
        is_unknown = complaint.complaint.text == "User unknown"
        envelope.message = "User unknown" if is_unknown else without_codes(str(complaint.reply))
        if complaint.exit_status not in (os.EX_OK, os.EX_TEMPFAIL) and complaint.reply.code < _FINAL:
            envelope.exit_status = complaint.exit_status  # tried again, but the rule named another status
    envelope.transcript += [note.text for note in notes if note.after >= len(complaints)]
    for way in envelope.standing(Standing.BAD):
        if way.ending is not None:
            envelope.exit_status = way.ending.exit_status


def _mailer_user(one: Addressee, *, is_alone: bool) -> MailerUser:
    controller = one.controller
    alias = one.alias.written if one.alias is not None else ""
    is_of_alias = one.alias is not None and one.alias.state in (State.EXPANDED, State.OK)
    flags = ("P" if is_alone or one.is_primary else "") + ("A" if is_of_alias else "")
    if controller is None:
        return MailerUser(one.user, one.written, alias, queue_flags=flags)
    home = one.home or controller.home
    return MailerUser(one.user, one.written, alias, controller.login, controller.uid, controller.gid, home, flags)
