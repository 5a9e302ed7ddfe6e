"""What is left of a message of a sendmail site, into the spool: its header bound, its recipients with their mailers."""

from __future__ import annotations  # so that the ports are imported by the type checker alone

import re
from typing import TYPE_CHECKING

from posthouse.deliver.cf_envelope import Standing
from posthouse.mail.address import NULL_PATH, Address, Path
from posthouse.mail.envelope import Body, Envelope, Recipient
from posthouse.mail.route import Route
from posthouse.mailers.stored import write_stored
from posthouse.submit.eager import run

if TYPE_CHECKING:
    from posthouse.deliver.cf_envelope import CfEnvelope, Way
    from posthouse.ports import Draft
    from posthouse.site.model import Site

_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")


def keep_rest(site: Site, envelope: CfEnvelope) -> None:
    """Commit a message for the recipients that wait.  Raises SpoolError."""
    from posthouse.wiring import direct_intake

    spool = direct_intake(site).parts.spool
    draft = spool.begin()
    try:
        run(draft.write(write_stored(envelope.opened.stored)))
        run(_copy_body(envelope, draft))
        run(draft.commit(envelope_of(envelope), envelope.accepted))
    except BaseException:
        run(draft.abandon())
        raise


async def _copy_body(envelope: CfEnvelope, draft: Draft) -> None:
    async for chunk in envelope.opened.body():
        await draft.write(chunk)


def envelope_of(envelope: CfEnvelope) -> Envelope:
    """Return what the spool keeps besides the text."""
    waiting = envelope.standing(Standing.QUEUED, Standing.WAITING)
    sender = NULL_PATH if envelope.is_report else Path(address_of(envelope.sender))
    body = Body.EIGHT_BIT_MIME if ("8BITMIME", "BODY=8BITMIME") in envelope.parameters else Body.SEVEN_BIT
    return Envelope(sender, tuple(map(_recipient, waiting)), body, ret=envelope.ret, envid=envelope.envid)


def _recipient(way: Way) -> Recipient:
    address = address_of(way.who.user)
    original = address_of(way.who.alias or way.who.written)
    route = Route(way.addressee.mailer, way.addressee.host, address)
    return Recipient(address, route, original, way.original, way.notify, way.who)


def address_of(text: str) -> Address:
    """Return octet text as an address, for listings and who looks by it: what rules say stays in the triple."""
    shown = _CONTROL.sub(" ", text.encode("latin-1", "replace").decode("utf-8", "replace"))
    local_part, at, domain = shown.rpartition("@")
    if not at or not local_part:
        return Address(shown or " ", "")
    return Address(local_part, domain)
