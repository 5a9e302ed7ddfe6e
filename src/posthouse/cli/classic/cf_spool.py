"""What is left of a message of a sendmail site, into the spool: its header bound, its recipients with their mailers."""

from __future__ import annotations  # so that the ports are imported by the type checker alone

import os
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from posthouse.deliver.cf_envelope import Standing
from posthouse.mail.address import NULL_PATH, Address, Path
from posthouse.mail.envelope import Body, Envelope, Recipient
from posthouse.mail.outcome import deferred
from posthouse.mail.queued import Batch, Ending, LeaseRequest, Settlement
from posthouse.mail.route import Route
from posthouse.mailers.fields import Nature
from posthouse.mailers.stored import StoredHeader, write_stored
from posthouse.submit.eager import run

if TYPE_CHECKING:
    from posthouse.adapters.spool_sqlite.direct import DirectSpool
    from posthouse.deliver.cf_envelope import CfEnvelope, Way
    from posthouse.mail.limits import RetryPolicy
    from posthouse.ports import Draft
    from posthouse.site.model import Site

_MOMENT: Final = timedelta(minutes=5)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")


def keep_rest(site: Site, envelope: CfEnvelope) -> None:
    """Commit a message for the recipients that wait, with what was said to them.  Raises SpoolError."""
    if envelope.queue_id:  # it is there already
        return
    from posthouse.wiring.spool import open_spool_queue

    spool = open_spool_queue(site)
    try:
        envelope.queue_id = run(_commit(spool, envelope))
        if any(way.attempted is not None for way in envelope.standing(Standing.QUEUED)):
            run(_note_attempt(site, spool, envelope))
    finally:
        run(spool.close())


async def _commit(spool: DirectSpool, envelope: CfEnvelope) -> str:
    draft = spool.begin()
    try:
        await draft.write(write_stored(_settled(envelope)))
        await _copy_body(envelope, draft)
        return await draft.commit(envelope_of(envelope), envelope.accepted)
    except BaseException:
        await draft.abandon()
        raise


async def _note_attempt(site: Site, spool: DirectSpool, envelope: CfEnvelope) -> None:
    """Record that it was tried, and why it waits."""
    now = envelope.accepted
    request = LeaseRequest(f"command-{os.getpid()}", now, now + _MOMENT, batches=1000, default_spare=1000)
    batches = await spool.take(request, envelope.queue_id)
    waiting = envelope.standing(Standing.QUEUED, Standing.WAITING)
    numbered = dict(enumerate(waiting))
    await spool.settle(_settlements(numbered, batches, now, site.retry))
    await spool.release_owner(request.owner)


def settlements_of(
    envelope: CfEnvelope, batches: Sequence[Batch], now: datetime, retry: RetryPolicy
) -> list[Settlement]:
    """Return what became of every recipient of a message that was taken out of the spool."""
    return _settlements({way.addressee.number: way for way in envelope.ways}, batches, now, retry)


def _settlements(
    ways: Mapping[int, Way], batches: Sequence[Batch], now: datetime, retry: RetryPolicy
) -> list[Settlement]:
    found = []
    for batch in batches:
        for leased in batch.recipients:
            way = ways[leased.number]
            key = (batch.message.queue_id, leased.number, batch.token)
            if way.standing in (Standing.SENT, Standing.BAD):
                found.append(Settlement(*key, Ending.GONE, attempted=way.attempted))
            elif way.ending is not None and way.attempted is not None:
                outcome = deferred(way.ending.message, status=way.ending.status)
                due = now + retry.first_delay
                found.append(Settlement(*key, Ending.RETRY, outcome, due, attempted=way.attempted or now))
    return found


def _settled(envelope: CfEnvelope) -> StoredHeader:
    """Leave out what was empty when the message came, which is not to appear later; note how it stands."""
    stored = envelope.opened.stored
    fields = tuple(one for one in stored.header.fields if not one.is_template or Nature.LATE in one.nature)
    circumstances = replace(
        stored.circumstances,
        octets=stored.circumstances.octets or envelope.octets,
        sender_type=envelope.sender_type,
        author=envelope.author,
        precedence=envelope.precedence,
        recipients=sum(way.standing is not Standing.BAD or way.attempted is not None for way in envelope.ways),
        attempts=envelope.attempts,
        message=envelope.message,
        is_split=envelope.is_split,
    )
    return StoredHeader(replace(stored.header, fields=fields), circumstances)


async def _copy_body(envelope: CfEnvelope, draft: Draft) -> None:
    async for chunk in envelope.opened.body():
        await draft.write(chunk)


def envelope_of(envelope: CfEnvelope) -> Envelope:
    """Return what the spool keeps besides the text."""
    waiting = envelope.standing(Standing.QUEUED, Standing.WAITING)
    sender = NULL_PATH if envelope.is_report else Path(address_of(envelope.sender))
    body = Body.EIGHT_BIT_MIME if ("8BITMIME", "BODY=8BITMIME") in envelope.parameters else Body.SEVEN_BIT
    return Envelope(
        sender,
        tuple(map(_recipient, waiting)),
        body,
        ret=envelope.ret,
        envid=envelope.envid,
        is_held=envelope.is_held,
    )


def _recipient(way: Way) -> Recipient:
    address = address_of(way.who.user)
    original = address_of(way.final.partition("; ")[2] or way.who.written)
    route = Route(way.addressee.mailer, way.addressee.host, address)
    return Recipient(address, route, original, way.original, way.notify, way.who)


def address_of(text: str) -> Address:
    """Return octet text as an address, for listings and who looks by it: what rules say stays in the triple."""
    shown = _CONTROL.sub(" ", text.encode("latin-1", "replace").decode("utf-8", "replace"))
    local_part, at, domain = shown.rpartition("@")
    if not at or not local_part:
        return Address(shown or " ", "")
    return Address(local_part, domain)
