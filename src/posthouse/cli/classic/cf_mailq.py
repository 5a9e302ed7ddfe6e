"""``mailq`` of a site that has a sendmail.cf: what the real program prints, names and sizes as it has them."""

from __future__ import annotations  # so that the ports are imported by the type checker alone

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from posthouse.cli.classic.cf_site import CfSite
from posthouse.cli.classic.cf_spool import keep_rest
from posthouse.cli.classic.command_line import Options
from posthouse.cli.classic.mailq import HEADER_LINE
from posthouse.cli.formats import printable
from posthouse.cli.site_access import require_operator
from posthouse.mail.dates import DAYS, MONTHS
from posthouse.mail.queued import QueueFilter, QueueRow, RecipientState
from posthouse.mailers.fields import split_fields
from posthouse.mailers.priority import factors_of, precedence_word
from posthouse.mailers.stored import is_stored, read_stored
from posthouse.wiring.spool import open_spool_queue

if TYPE_CHECKING:
    from posthouse.ports import SpoolQueue
    from posthouse.site.cf.declared import CfConfiguration

VERBOSE_HEADER_LINE: Final = "-----Q-ID----- --Size-- -Priority- ---Q-Time--- --------Sender/Recipient--------"
_MOST_HEADER: Final = 256 * 1024  # octets
_MOST_COUNTED: Final = 1024 * 1024  # octets: of larger texts the size of the wire is good enough
_REASON_MOST: Final = 60


class ShownMessage(Struct, frozen=True):
    """What a listing shows of one message."""

    name: str
    sender: str
    body_octets: int
    octets: int  # with the header
    message: str = ""  # what was wrong with it when it was queued
    precedence: str = ""  # its Precedence field
    recipients: int = 0  # when it was first sent; 0 when nobody knows
    attempts: int = 0  # before it was queued


def print_cf_queue(path: Path, options: Options) -> int:
    """Print the queue; return the exit code."""
    users = Path(options.users) if options.users else None
    return asyncio.run(_print(CfSite(path, options.settings, users, keep_rest), options))


async def _print(site: CfSite, options: Options) -> int:
    require_operator(site.site)
    queue_run = options.queue_run
    is_quarantine = queue_run is not None and queue_run.selector == "Q"
    held = frozenset({RecipientState.HELD})
    states = held if is_quarantine else frozenset(RecipientState) - held
    spool = open_spool_queue(site.site)
    try:
        async for line in listing(site, spool, states, verbose=options.verbose):
            print(line)
    finally:
        await spool.close()
        await site.close()
    return 0


async def listing(
    site: CfSite, spool: SpoolQueue, states: frozenset[RecipientState], *, verbose: bool
) -> AsyncIterator[str]:
    """Yield the lines of the whole listing."""
    directory = site.configuration.text("QueueDirectory") or str(site.site.spool.parent)
    requests = len({row.message.queue_id async for row in await spool.find(QueueFilter(states=states))})
    if not requests:
        yield f"{directory} is empty"
        yield "\t\tTotal requests: 0"
        return
    yield f"\t\t{directory} ({requests} request{'s' if requests > 1 else ''})"
    yield VERBOSE_HEADER_LINE if verbose else HEADER_LINE
    current = ""
    async for row in await spool.find(QueueFilter(states=states)):
        if row.message.queue_id != current:
            current = row.message.queue_id
            shown = await shown_message(spool, row)
            yield _message_line(row, shown, priority_of(site.configuration, shown, [row]), verbose=verbose)
            reason = shown.message if row.outcome is None else row.outcome.diagnostic
            if reason:
                yield f"                 ({printable(reason)[:_REASON_MOST]})"
        yield ("\t\t\t\t\t\t" if verbose else "\t\t\t\t\t ") + printable(recipient_shown(row))
    yield f"\t\tTotal requests: {requests}"


def recipient_shown(row: QueueRow) -> str:
    """Return a recipient as it was written where it was found."""
    mailer = row.recipient.mailer
    return _shown_octets(mailer.written) if mailer is not None else str(row.recipient.address)


def _shown_octets(text: str) -> str:
    return text.encode("latin-1", "replace").decode("utf-8", "replace")


async def shown_message(spool: SpoolQueue, row: QueueRow) -> ShownMessage:
    """Return what a listing shows of the message of a row."""
    text = await spool.read_text(row.message.queue_id)
    header = await text.header(_MOST_HEADER)
    body = text.octets - len(header)
    if text.octets <= _MOST_COUNTED:
        # sendmail keeps, and counts, a body with line feeds alone.
        whole = b"".join([chunk async for chunk in text.chunks()])
        body -= whole[len(header) :].count(b"\r\n")
    if not is_stored(header):
        sender = str(row.message.reverse_path) or "MAILER-DAEMON"
        precedence = precedence_word(split_fields(header.removesuffix(b"\r\n")))
        return ShownMessage(row.message.queue_id, sender, body, text.octets, precedence=precedence)
    stored = read_stored(header.removesuffix(b"\r\n"))
    circumstances = stored.circumstances
    said = _shown_octets(circumstances.message)
    name = circumstances.macros.get("i", row.message.queue_id)
    sender = _shown_octets(circumstances.sender) or "MAILER-DAEMON"
    return ShownMessage(
        name,
        sender,
        body,
        circumstances.octets or text.octets,
        said,
        precedence_word(stored.header.fields),
        circumstances.recipients,
        circumstances.attempts,
    )


def priority_of(configuration: CfConfiguration, shown: ShownMessage, rows: Sequence[QueueRow]) -> int:
    """Return how urgent a message is, of which these recipients are still queued."""
    attempts = max(row.attempts for row in rows)
    return factors_of(configuration).priority(
        shown.octets,
        recipients=shown.recipients or rows[0].message.recipients,
        precedence=configuration.priorities.get(shown.precedence, 0),
        attempts=max(attempts - shown.attempts, 0),
    )


def _message_line(row: QueueRow, shown: ShownMessage, priority: int, *, verbose: bool) -> str:
    mark = "*" if row.state is RecipientState.LEASED else " "
    accepted = row.message.accepted.astimezone()
    # Not strftime: the names must not follow the user's language, programs read this.
    when = f"{MONTHS[accepted.month - 1]} {accepted.day:2} {accepted:%H:%M}"
    begin = f"{shown.name}{mark}{shown.body_octets:>8} "
    if verbose:
        return f"{begin}{priority:>10} {when} {printable(shown.sender)}"
    return f"{begin}{DAYS[accepted.weekday()]} {when} {printable(shown.sender)}"
