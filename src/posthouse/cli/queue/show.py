"""``posthouse queue show``: one message, all of its recipients."""

import os
import sys
from datetime import datetime
from pathlib import Path

import click

from posthouse.cli.errors import CommandError
from posthouse.cli.formats import due_in, iso, plural, printable, short_duration, short_size
from posthouse.cli.options import now, print_json
from posthouse.cli.queue.rows import row_as_json, row_reason
from posthouse.cli.site_access import open_queue
from posthouse.mail.queued import QueueFilter, QueueRow
from posthouse.ports import SpoolQueue
from posthouse.smtp.parameters import format_notify

_HEADER_MOST = 1024 * 1024


async def _rows(spool: SpoolQueue, queue_id: str) -> list[QueueRow]:
    # Bounded: one message's recipients (limits.recipients times limits.alias_width at the very worst).
    rows = [row async for row in await spool.find(QueueFilter(queue_ids=(queue_id,)))]
    if not rows:
        raise CommandError(
            f"{queue_id} is not in the queue; `posthouse log {queue_id}` knows what became of it", os.EX_NOINPUT
        )
    return rows


async def print_message(site_file: Path, queue_id: str, *, as_json: bool) -> int:
    """Print the envelope and where each recipient stands."""
    async with open_queue(site_file) as (_, spool):
        rows = await _rows(spool, queue_id)
    if as_json:
        print_json(_message_as_json(rows))
    else:
        click.echo("\n".join(_message_as_text(rows)))
    return os.EX_OK


async def print_text(site_file: Path, queue_id: str, *, header_only: bool) -> int:
    """Print the text with this machine's line ends."""
    async with open_queue(site_file) as (_, spool):
        await _rows(spool, queue_id)
        text = await spool.read_text(queue_id)
        out = sys.stdout.buffer
        if header_only:
            out.write((await text.header(_HEADER_MOST)).replace(b"\r\n", b"\n"))
            return os.EX_OK
        held = b""  # a CR at the end of a chunk may belong to the LF that begins the next
        async for chunk in text.chunks():
            piece = held + chunk
            held = b"\r" if piece.endswith(b"\r") else b""
            out.write((piece[:-1] if held else piece).replace(b"\r\n", b"\n"))
        out.write(held)
    return os.EX_OK


def _message_as_json(rows: list[QueueRow]) -> dict[str, object]:
    message = rows[0].message
    return {
        "queue_id": message.queue_id,
        "accepted": iso(message.accepted),
        "sender": str(message.reverse_path),
        "octets": message.octets,
        "accepted_recipients": message.recipients,
        "body": message.body.value,
        "smtputf8": message.smtputf8,
        "ret": message.ret.value if message.ret else None,
        "envid": message.envid or None,
        "recipients": [row_as_json(row) for row in rows],
    }


def _message_as_text(rows: list[QueueRow]) -> list[str]:
    message, moment = rows[0].message, now()
    age = short_duration(moment - message.accepted)
    utf8 = ", SMTPUTF8" if message.smtputf8 else ""
    lines = [
        f"Queue id:   {message.queue_id}",
        f"Accepted:   {message.accepted.astimezone():%Y-%m-%d %H:%M:%S %z}, {age} ago",
        f"Sender:     {printable(str(message.reverse_path)) or '<> (a report: nothing is ever returned for it)'}",
        f"Size:       {short_size(message.octets)} octets, {message.body.value}{utf8}",
    ]
    if message.envid or message.ret:
        ret = f"RET={message.ret.value}" if message.ret else ""
        lines.append(f"DSN:        {' '.join(filter(None, [ret, f'ENVID={message.envid}' if message.envid else '']))}")
    lines.append(f"Recipients: {len(rows)} of {message.recipients} still queued")
    for row in rows:
        lines += ["", *_recipient_as_text(row, moment)]
    return lines


def _recipient_as_text(row: QueueRow, moment: datetime) -> list[str]:
    recipient, route = row.recipient, row.recipient.route
    lines = [f"  {printable(str(recipient.address))}"]
    if recipient.original != recipient.address:
        lines.append(f"    given as    {printable(str(recipient.original))}")
    lines.append(f"    goes        by channel {route.channel}{f' to {printable(route.host)}' if route.host else ''}")
    state = row.state.value
    if state == "queued":
        state += f", next try {due_in(row.due, moment)}"
    tries = f", {plural(row.attempts, 'attempt')} so far" if row.attempts else ", not tried yet"
    if row.attempted:
        tries += f", last {short_duration(moment - row.attempted)} ago"
    lines.append(f"    state       {state}{tries}")
    if recipient.notify is not None or recipient.orcpt:
        lines.append(f"    DSN         NOTIFY={format_notify(recipient.wants)} ORCPT={printable(recipient.orcpt)}")
    reason = row_reason(row)
    if reason:
        lines.append(f"    last said   {printable(reason)}")
    if row.outcome and row.outcome.remote:
        lines.append(f"    said by     {printable(row.outcome.remote)}")
    return lines
