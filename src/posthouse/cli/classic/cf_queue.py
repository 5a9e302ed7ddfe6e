"""``sendmail -q`` of a site that has a sendmail.cf: what is queued is tried here and now, message by message."""

from __future__ import annotations  # so that the ports are imported by the type checker alone

import asyncio
import itertools
import os
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from posthouse.cli.classic.cf_order import run_order
from posthouse.cli.classic.cf_recipients import Reports
from posthouse.cli.classic.cf_runs import delivery_of
from posthouse.cli.classic.cf_selection import selected_messages
from posthouse.cli.classic.cf_site import CfSite
from posthouse.cli.classic.cf_spool import keep_rest, settlements_of
from posthouse.cli.classic.command_line import QueueRun
from posthouse.deliver.cf_envelope import CfEnvelope, Standing, Way
from posthouse.mail.envelope import MailerUser
from posthouse.mail.queued import Batch, LeasedRecipient, LeaseRequest
from posthouse.mailers.batches import Addressee
from posthouse.mailers.names import message_name
from posthouse.mailers.priority import precedence_word
from posthouse.mailers.stored import Circumstances, final_recipient_of
from posthouse.rewriting.recipients import ERROR

if TYPE_CHECKING:
    from posthouse.ports import SpoolQueue, StoredText

_LEASE: Final = timedelta(hours=2)


def run_cf_queue(
    path: Path, wanted: QueueRun, *, settings: Sequence[str] = (), users: Path | None = None, verbose: bool = False
) -> int:
    """Try what is meant; return the exit status."""
    return asyncio.run(_run(CfSite(path, settings, users, keep_rest), wanted, verbose=verbose))


async def _run(site: CfSite, wanted: QueueRun, *, verbose: bool) -> int:
    try:
        await run_queue_of(site, wanted, verbose=verbose)
    finally:
        await site.close()
    return os.EX_OK


async def run_queue_of(site: CfSite, wanted: QueueRun, *, verbose: bool = False) -> None:
    """Try what is meant of the queue of a site that is open."""
    from posthouse.wiring.spool import open_spool_queue

    spool = open_spool_queue(site.site)
    try:
        is_asked_for = wanted.selector in ("I", "R", "S")
        for queue_id in await run_order(site, spool, await selected_messages(spool, wanted)):
            await _try_message(site, spool, queue_id, verbose=verbose, is_asked_for=is_asked_for)
    finally:
        await spool.close()


async def _try_message(site: CfSite, spool: SpoolQueue, queue_id: str, *, verbose: bool, is_asked_for: bool) -> None:
    now = site.clock.now()
    request = LeaseRequest(f"queue-run-{os.getpid()}", now, now + _LEASE, batches=1000, default_spare=1000)
    batches = await spool.take(request, queue_id)
    if not batches:
        return
    try:
        envelope = await envelope_of_batches(site, batches, await spool.read_text(queue_id))
        numbers = itertools.count()
        delivery = delivery_of(site, lambda: message_name(site.clock.now(), os.getpid(), next(numbers)))
        delivery.is_verbose = verbose
        delivery.is_asked_for = is_asked_for
        await _resolve_anew(site, envelope)
        await delivery.run(envelope)
        await spool.settle(settlements_of(envelope, batches, site.clock.now(), site.site.retry))
    finally:
        await spool.release_owner(request.owner)


async def envelope_of_batches(site: CfSite, batches: Sequence[Batch], text: StoredText) -> CfEnvelope:
    """Return a message as it was when it was put into the queue."""
    message = batches[0].message
    opened = await site.renderer.open(message, text, batches[0].recipients)
    circumstances = opened.stored.circumstances
    everyone = sorted(
        ((leased, batch.hop.channel) for batch in batches for leased in batch.recipients),
        key=lambda one: one[0].number,
    )
    return CfEnvelope(
        name=circumstances.macros.get("i", message.queue_id),
        sender=circumstances.sender,
        sender_is_local="@" not in circumstances.sender,
        sender_type=circumstances.sender_type,
        opened=opened,
        octets=circumstances.octets or message.octets,
        accepted=message.accepted,
        came_from=circumstances.macros.get("_", "localhost"),
        ways=[_way(leased, channel, circumstances, site.routing.host_name) for leased, channel in everyone],
        is_report=message.reverse_path.is_null,
        ret=message.ret,
        envid=message.envid,
        precedence=site.configuration.priorities.get(precedence_word(opened.stored.header.fields), 0),
        queue_id=message.queue_id,
    )


async def _resolve_anew(site: CfSite, envelope: CfEnvelope) -> None:
    """Ask the rules again about addresses for which they had no mailer yet."""
    for way in envelope.ways:
        if way.addressee.mailer != ERROR:
            continue
        found = await Reports(site).ways_to([way.who.written])
        if not found:
            continue
        anew = found[0]
        way.addressee = replace(anew.addressee, number=way.addressee.number)
        way.standing, way.ending = anew.standing, anew.ending
        if anew.standing is Standing.BAD and anew.ending is not None:
            envelope.transcript.append(anew.ending.reply)


def _way(leased: LeasedRecipient, channel: str, circumstances: Circumstances, host: str) -> Way:
    recipient = leased.recipient
    written = str(recipient.original)
    who = recipient.mailer or MailerUser(str(recipient.address), written)
    return Way(
        Addressee(leased.number, channel, recipient.route.host, who),
        original=recipient.orcpt,
        final=final_recipient_of(recipient, circumstances, host),
        notify=recipient.notify,
        attempted=_last(leased),
    )


def _last(leased: LeasedRecipient) -> datetime | None:
    return leased.attempted
