"""``posthouse queue export --to sendmail``: queued messages as files of a queue directory of sendmail.

The body is written and synced before the control file takes its name: a queue runner never sees half a message.
"""

from __future__ import annotations  # so that the ports are imported by the type checker alone

import os
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

import click
from msgspec import Struct

from posthouse.cli.errors import CommandError
from posthouse.cli.formats import plural
from posthouse.cli.options import print_json
from posthouse.cli.site_access import open_queue
from posthouse.mail.errors import MalformedError
from posthouse.mail.queued import QueueFilter, QueueRow, RecipientState
from posthouse.mailers.control_file import OfSite, control_of
from posthouse.mailers.names import message_name
from posthouse.mailers.priority import factors_of
from posthouse.mailers.stored import StoredHeader, is_stored, read_stored
from posthouse.queueing.sendmail_qf import control_lines
from posthouse.submit.eager import run

if TYPE_CHECKING:
    from posthouse.ports import SpoolQueue, StoredText
    from posthouse.site.model import Site

MOST_HEADER: Final = 1024 * 1024  # octets
_LEFT: Final = "finished; only a report is owed"


class Exported(Struct, frozen=True):
    """What became of one message: its control file, or why there is none."""

    queue_id: str
    file: str = ""
    reason: str = ""
    recipients: int = 0


def export_queue(site_file: Path, directory: Path, query: QueueFilter, *, as_json: bool) -> int:
    """Write what matches; return 65 when something of it was left out."""
    exported: list[Exported] = []
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        run(_export_all(site_file, directory, query, exported, as_json=as_json))
    except OSError as error:
        raise CommandError(f"{error.filename or directory}: {error.strerror}", os.EX_CANTCREAT) from error
    written = sum(bool(one.file) for one in exported)
    if not as_json:
        click.echo(f"{plural(written, 'message')} written to {directory}, {len(exported) - written} left out")
    return os.EX_OK if written == len(exported) else os.EX_DATAERR


async def _export_all(
    site_file: Path, directory: Path, query: QueueFilter, exported: list[Exported], *, as_json: bool
) -> None:
    async with open_queue(site_file) as (site, spool):
        async for one in _messages(site, spool, directory, query):
            exported.append(one)
            if as_json:
                print_json(one)
            else:
                click.echo(f"{one.queue_id}: {one.file or f'left out: {one.reason}'}")


async def _messages(site: Site, spool: SpoolQueue, directory: Path, query: QueueFilter) -> AsyncIterator[Exported]:
    """Write each message that matches; say what became of it.  Raises OSError."""
    number = 0
    async for rows in _by_message(await spool.find(query)):
        queue_id = rows[0].message.queue_id
        waiting = [row for row in rows if row.state is not RecipientState.REPORTING]
        if not waiting:
            yield Exported(queue_id, reason=_LEFT)
            continue
        name = message_name(rows[0].message.accepted, os.getpid(), number)
        number += 1
        file = await _write(site, waiting, await spool.read_text(queue_id), directory, name)
        yield Exported(queue_id, file, recipients=len(waiting))


async def _by_message(rows: AsyncIterator[QueueRow]) -> AsyncIterator[list[QueueRow]]:
    """Gather the rows of each message, which stand together."""
    gathered: list[QueueRow] = []
    async for row in rows:
        if gathered and gathered[0].message.queue_id != row.message.queue_id:
            yield gathered
            gathered = []
        gathered.append(row)
    if gathered:
        yield gathered


async def _write(site: Site, rows: Sequence[QueueRow], text: StoredText, directory: Path, name: str) -> str:
    octets = await text.header(MOST_HEADER)
    header = _read(octets.removesuffix(b"\r\n"))
    if isinstance(header, StoredHeader):
        name = header.circumstances.macros.get("i") or name
    is_ascii = True
    with _create(directory / f"df{name}") as body:
        async for chunk in _body(text, len(octets)):
            is_ascii = is_ascii and chunk.isascii()
            body.write(chunk)
        body.flush()
        os.fsync(body.fileno())
    control = control_of(rows, header, _of_site(site), is_ascii=is_ascii)
    lines = "".join(f"{line}\n" for line in control_lines(control)).encode("latin-1", "replace")
    is_held = all(row.state is RecipientState.HELD for row in rows)
    path = directory / f"{'Qf' if is_held else 'qf'}{name}"
    unfinished = directory / f"tf{name}"
    with _create(unfinished) as file:
        file.write(lines)
        file.flush()
        os.fsync(file.fileno())
    unfinished.rename(path)
    return str(path)


def _create(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600), "wb")


def _read(header: bytes) -> StoredHeader | bytes:
    if not is_stored(header):
        return header
    try:
        return read_stored(header)
    except MalformedError:
        return header


async def _body(text: StoredText, skip: int) -> AsyncIterator[bytes]:
    """Yield what follows the header, with line feeds alone."""
    held = b""
    async for chunk in text.chunks():
        rest = held + chunk[skip:]
        skip = max(skip - len(chunk), 0)
        held = b"\r" if rest.endswith(b"\r") else b""
        yield rest.removesuffix(held).replace(b"\r\n", b"\n")
    yield held


def _of_site(site: Site) -> OfSite:
    from posthouse.site.cf.declared import CfConfiguration

    if not isinstance(site.cf, CfConfiguration):
        return OfSite(site.name)
    from posthouse.adapters.cf_accounts import default_identity

    configuration = site.cf
    return OfSite(
        configuration.program.macros.get("j") or site.name,
        factors_of(configuration),
        default_identity(configuration)[0],
    )
