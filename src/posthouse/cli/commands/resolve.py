"""``posthouse resolve``: where addresses go by an mmdftailor, one at a time or as a stream of JSON Lines."""

import asyncio
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import click
import msgspec
from msgspec import Struct, field

from posthouse.cli.errors import CommandError
from posthouse.cli.formats import printable
from posthouse.cli.mmdf.opened import OpenedSite, open_site
from posthouse.routing.mmdf.authorization import Submitter
from posthouse.routing.mmdf.verdict import Checked
from posthouse.routing.trace import as_lines
from posthouse.site.tailor.model import Compatibility

TAILOR_FILE = "mmdftailor"
_MOST_OCTETS = 1024 * 1024  # of one line of the batch
_CHUNK = 64 * 1024  # octets read at once


class Question(Struct):
    """One line of a batch.

    Without the rest root asks, on this machine; ``return`` is a user of this machine, or with ``channel`` and
    ``host`` the return address of a message that comes from there.
    """

    address: str
    site: str = ""
    channel: str = ""
    host: str = ""
    return_: str = field(default="root", name="return")

    def submitter(self, full_name: str) -> Submitter:
        """Say who sends."""
        if self.channel:
            return Submitter(self.return_, self.channel, self.host, self.return_)
        return Submitter(self.return_, answers_to=f"{self.return_}@{full_name}")


class ReplyRecord(Struct, frozen=True):
    """One reply of an answer."""

    code: str
    octal: str
    text: str


class NoticeRecord(Struct, frozen=True):
    """One notice of an answer."""

    to: tuple[str, ...]
    subject: str
    text: str


class Record(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One answer of a batch, with the names that the recorded answers have."""

    site: str = ""
    address: str
    ok: bool
    replies: Sequence[ReplyRecord]
    trace: Sequence[str]
    queued: Sequence[str]
    queue_dirs: tuple[str, ...] = ()
    notices: tuple[NoticeRecord, ...] = ()
    authlog: tuple[str, ...] = ()


@click.command()
@click.option(
    "--site",
    "site_path",
    metavar="FILE",
    required=True,
    type=click.Path(path_type=Path),
    help="The mmdftailor, or a folder of sites.",
)
@click.option("--batch", is_flag=True, help='Read {"site"?, "address"} from standard input, a line each; print JSON.')
@click.option("--users", metavar="FILE", type=click.Path(path_type=Path), help="Login names: passwd(5), or a list.")
@click.option("--tables", "folder", metavar="DIR", type=click.Path(path_type=Path), help="Stands for MTBLDIR.")
@click.option(
    "--compat", type=click.Choice([one.value for one in Compatibility]), help="Overrule the COMPAT of the site."
)
@click.option(
    "--nameserver", "nameservers", metavar="ADDRESS", multiple=True, help="Ask this server, not the system's."
)
@click.option("--explain", "is_explained", is_flag=True, help="Show every question and decision, with file and line.")
@click.argument("addresses", nargs=-1)
def resolve(  # noqa: PLR0917 - click passes by name, one parameter for each option
    site_path: Path,
    batch: bool,
    users: Path | None,
    folder: Path | None,
    compat: str | None,
    nameservers: tuple[str, ...],
    is_explained: bool,
    addresses: tuple[str, ...],
) -> int:
    """Show where addresses go by the tables of an mmdftailor.

    FILE is the mmdftailor, or a folder of sites, of which a line of the batch names one. Where MTBLDIR is not on this
    machine, a folder "tables" beside the mmdftailor stands for it. A line may also have "return", "channel" and "host":
    who sends, and the channel and host that the message comes from. The exit code is 1 when an
    address was refused, 75 when a table could not answer.
    """
    sites = _Sites(site_path, users, folder, Compatibility(compat) if compat else None, nameservers)
    if not batch:
        if not addresses:
            raise CommandError("give addresses, or --batch", os.EX_USAGE)
        return asyncio.run(_each(sites, addresses, is_explained=is_explained))
    return asyncio.run(_stream(sites, _portions(sys.stdin.fileno())))


class _Sites:
    """The sites of one run, each read when it is first asked for."""

    def __init__(
        self,
        path: Path,
        users: Path | None,
        folder: Path | None,
        compatibility: Compatibility | None,
        nameservers: tuple[str, ...],
    ) -> None:
        self._path = path
        self._users = users
        self._folder = folder
        self._compatibility = compatibility
        self._nameservers = nameservers
        self._read: dict[Path, OpenedSite] = {}
        self._named: dict[str, OpenedSite] = {}

    def site(self, name: str) -> OpenedSite:
        """Return a site by its name; "" is the one that was given.  Raises SiteError and CommandError."""
        found = self._named.get(name)
        if found is None:
            path = self._file(name)
            if path not in self._read:
                self._read[path] = self._open(path)
            found = self._named[name] = self._read[path]
        return found

    def _file(self, name: str) -> Path:
        if not self._path.is_dir():
            beside = self._path.parent.parent / name / self._path.name
            return beside if name and name != self._path.parent.name and beside.is_file() else self._path
        if Path(name).name != name:
            raise CommandError(f"{name!r} is no name of a site", os.EX_DATAERR)
        return self._path / name / TAILOR_FILE

    def _open(self, path: Path) -> OpenedSite:
        return open_site(
            path,
            users=self._users,
            folder=self._folder,
            compatibility=self._compatibility,
            nameservers=self._nameservers,
        )


async def _check(site: OpenedSite, question: Question) -> Checked:
    return await site.check(question.address, question.submitter(site.configuration.names.full))


async def _each(sites: _Sites, addresses: Iterable[str], *, is_explained: bool) -> int:
    site = sites.site("")
    code = os.EX_OK
    for address in addresses:
        checked = await _check(site, Question(address))
        steps = [f"    {line}" for line in as_lines(checked.trace)] if is_explained else []
        for line in (*steps, *checked.said, *(reply.text for reply in checked.replies)):
            click.echo(printable(line))
        if any(reply.code.is_deferred for reply in checked.replies):
            code = os.EX_TEMPFAIL
        elif not checked.is_accepted and code == os.EX_OK:
            code = 1
    return code


async def _stream(sites: _Sites, portions: Iterable[Sequence[Question]]) -> int:
    """Answer what has come so far, then wait for more: whoever asks on only after an answer gets it."""
    encoder, output = msgspec.json.Encoder(), sys.stdout.buffer
    for questions in portions:
        for question in questions:
            checked = await _check(sites.site(question.site), question)
            output.write(encoder.encode(as_record(question, checked)) + b"\n")
        output.flush()
    return os.EX_OK


def _portions(stream: int) -> Iterator[Sequence[Question]]:
    """Yield the questions that each read brings.  Raises CommandError for a line that is none."""
    decoder, number, rest = msgspec.json.Decoder(Question), 0, b""
    while chunk := os.read(stream, _CHUNK):
        *lines, rest = (rest + chunk).split(b"\n")
        too_long = next((at for at, line in enumerate([*lines, rest], start=1) if len(line) > _MOST_OCTETS), 0)
        if too_long:
            raise CommandError(f"line {number + too_long} is longer than {_MOST_OCTETS} octets", os.EX_DATAERR)
        yield list(_questions(decoder, lines, number))
        number += len(lines)
    yield list(_questions(decoder, [rest], number))


def _questions(decoder: msgspec.json.Decoder[Question], lines: Iterable[bytes], before: int) -> Iterator[Question]:
    for number, line in enumerate(lines, start=before + 1):
        if not line.strip():
            continue
        try:
            yield decoder.decode(line)
        except msgspec.DecodeError as error:
            raise CommandError(f'line {number} is not {{"site"?, "address"}}: {error}', os.EX_DATAERR) from error


def as_record(question: Question, checked: Checked) -> Record:
    """Say of an address what submit says, with the names that the recorded answers have."""
    return Record(
        site=question.site,
        address=question.address,
        ok=checked.is_accepted,
        replies=[ReplyRecord(one.code.name, one.code.octal, one.text) for one in checked.replies],
        trace=checked.said,
        queued=[one.line for one in checked.queued],
        queue_dirs=checked.queue_folders,
        notices=tuple(NoticeRecord(one.to, one.subject, one.text) for one in checked.notices),
        authlog=checked.authlog,
    )
