"""checkup: looks over an MMDF site and says what its programs would stumble over, checkup(8).

The findings are a list of items in the order and the words of the original.  Items with problems, and some others,
always show; the rest only when the whole list is asked for.  The machine is asked through a Ground.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Protocol

from msgspec import Struct

from posthouse.mail.problem import Problem
from posthouse.site.tailor.entries import Lines, TailorChannel
from posthouse.site.tailor.mistakes import HASHED
from posthouse.site.tailor.model import TailorConfiguration
from posthouse.site.tailor.site import CHANNEL_PROGRAMS

_LOG_MODES: Final = (0o501, 0o705)  # at least, at most
_TABLE_MODES: Final = (0o500, 0o777)
_SHOWN_MODE = 0o707  # the group is the mail system's own
_OUR_PROGRAMS: Final = (
    ("Posting/submission", "submit"),
    ("Delivery management", "deliver"),
    ("V6Mail (for notices)", "v6mail"),
)


class PathStatus(Struct, frozen=True):
    """What stat(2) says of a path; ``error`` is its reason when it says nothing."""

    error: str = ""
    mode: int = 0
    is_folder: bool = False
    modified: float = 0.0  # seconds since 1970


class Ground(Protocol):
    """What a checkup asks of the machine."""

    def status(self, path: Path) -> PathStatus:
        """Stat a path."""

    def account(self, login: str) -> tuple[int, int] | None:
        """Return user and group number of a login."""

    def group(self, name: str) -> int | None:
        """Return the number of a group."""

    def is_alias(self, name: str) -> bool:
        """Is this name in one of the alias tables?"""


class Item(Struct, frozen=True):
    """One line of the list, with what is wrong about it and what stands below it.

    ``gap`` asks for an empty line before it.
    """

    text: str
    gap: bool = False
    always: bool = False
    problems: tuple[str, ...] = ()
    advice: tuple[str, ...] = ()
    children: "tuple[Item, ...]" = ()

    @property
    def is_bad(self) -> bool:
        """Is something wrong here or below?"""
        return bool(self.problems) or any(child.is_bad for child in self.children)


def check_up(configuration: TailorConfiguration, mistakes: Sequence[Problem], ground: Ground) -> list[Item]:
    """Look everything over; ``mistakes`` are what find_mistakes found."""
    return [*_begin(configuration, mistakes), *_paths(configuration, ground), *_lists(configuration, ground)]


def write_list(items: Sequence[Item], *, only_problems: bool) -> Iterator[str]:
    """Yield the lines for people."""
    for item in items:
        if only_problems and not (item.always or item.is_bad):
            continue
        if item.gap:
            yield ""
        yield item.text
        yield from (f"**    {problem}" for problem in item.problems)
        if not only_problems:
            yield from (f"\t[ {advice} ]" for advice in item.advice)
        yield from write_list(item.children, only_problems=only_problems)


def _line(label: str, value: str, depth: int = 0) -> str:
    """Write a label and its value; the colons of all depths stand in one column."""
    return f"{' ' * depth}{label:<{24 - depth}}: {value}"


def _problem(label: str, text: str) -> str:
    return f"{label:<18}: {text}"


def _begin(configuration: TailorConfiguration, mistakes: Sequence[Problem]) -> Iterator[Item]:
    names = configuration.names
    yield Item("**  Asterisks indicate potentially serious anomolies.", gap=True)
    found = (*configuration.complaints, *mistakes)
    idle = tuple(f"{note.origin}: {note.wrong}; {note.right}" for note in configuration.without_effect)
    file = _line("Tailor file", str(configuration.file))
    yield Item(file, gap=True, problems=tuple(map(str, found)), advice=idle)
    if names.machine:
        yield Item(_line("Default local machine name", names.machine), gap=True, always=True)
        yield Item(_line("Default full local machine name", names.full_machine), gap=True, always=True)
    yield Item(_line("Default local name", names.local), gap=True, always=True)
    yield Item(_line("Default full local name", names.full), gap=True, always=True)
    yield Item(_line("Default domain name", names.domain), gap=True, always=True)


def _paths(configuration: TailorConfiguration, ground: Ground) -> Iterator[Item]:
    people, folders = configuration.people, configuration.folders
    account, group = ground.account(people.login), ground.group(people.group)
    said = "unknown" if account is None else f"uid ({account[0]}), gid ({account[1]})"
    problems = (() if account else (_problem("No such login", people.login),)) + _no_alias(ground, people.login)
    yield Item(_line(f"MMDF login {people.login}", said), gap=True, always=True, problems=problems)
    text = _line(f"MMDF group {people.group}", "unknown" if group is None else f"gid ({group})")
    missing = () if group is not None else (_problem("No such group", people.group),)
    yield Item(text, gap=True, always=True, problems=missing)
    database = configuration.database_path
    problems = _missing(ground, database) or _out_of_date(configuration, ground)
    yield Item(_line("MMDF DBM database", str(database)), gap=True, always=True, problems=problems)
    text = _line("Trouble report address", "Postmaster")
    yield Item(text, gap=True, always=True, problems=_no_alias(ground, "Postmaster"))
    logs = configuration.under(folders.logs)
    inner = (
        _folder("Logging directory", logs, ground, _LOG_MODES),
        Item(_line("message-level log", str(logs / configuration.logs.message.file), 4)),
        Item(_line("channel log", str(logs / configuration.logs.channel.file), 4)),
        _folder(
            "Phase (timestamps)",
            configuration.under(folders.phases),
            ground,
            _LOG_MODES,
            gap=True,
        ),
        _folder("Tables & scripts", configuration.under(folders.tables), ground, _TABLE_MODES, gap=True),
    )
    yield Item(_line("Checking directories", ""), gap=True, children=inner)


def _out_of_date(configuration: TailorConfiguration, ground: Ground) -> tuple[str, ...]:
    """Name the dbm tables whose texts are newer than the database: somebody forgot dbmbuild."""
    built = ground.status(configuration.database_path).modified
    return tuple(
        _problem("Out of date", f"'{table.file}' is newer; run dbmbuild")
        for table in configuration.tables
        if table.lines is Lines.DBM and ground.status(configuration.table_path(table)).modified > built
    )


def _lists(configuration: TailorConfiguration, ground: Ground) -> Iterator[Item]:
    channels = configuration.channels
    names = tuple(_channel(configuration, channel, ground, gap=n > 0) for n, channel in enumerate(channels))
    yield Item("Channel name tables & associated system entries:", gap=True, children=names)
    yield Item(_line("Domain tables", ""), gap=True, children=tuple(_domains(configuration, ground)))
    yield Item(_line("Additional tables", ""), gap=True, children=tuple(_additional(configuration, ground)))
    folders = configuration.folders
    programs = tuple(Item(_line(label, program, 4)) for label, program in _OUR_PROGRAMS)
    yield Item(_line("MMDF Commands", str(configuration.under(folders.commands))), gap=True, children=programs)
    place = configuration.under(folders.channels)
    yield Item(
        _line("Channel programs", str(place)),
        gap=True,
        advice=("Posthouse brings its own channel programs",),
        children=tuple(_program(configuration, channel) for channel in channels),
    )
    yield from _queue(configuration, ground)


def _channel(configuration: TailorConfiguration, channel: TailorChannel, ground: Ground, *, gap: bool) -> Item:
    table = configuration.table(channel.tbl)
    file = table.file if table else channel.tbl
    is_text = table is not None and table.lines in HASHED
    problems = _missing(ground, configuration.table_path(table)) if table and is_text else ()
    children = (
        Item(_line("Queue name", channel.que, 4)),
        Item(_line("Local host name", channel.lname, 6)),
        Item(_line("Local domain name", channel.ldomain, 6)),
        Item(_line("Channel table", file, 4), problems=problems),
    )
    return Item(_line(channel.show, channel.name, 4), gap=gap, children=children)


def _domains(configuration: TailorConfiguration, ground: Ground) -> Iterator[Item]:
    for domain in configuration.domains:
        yield Item(
            _line(domain.dmn or "(root)", domain.show, 4),
            children=(_file(configuration, domain.table, ground),),
        )


def _additional(configuration: TailorConfiguration, ground: Ground) -> Iterator[Item]:
    named = {domain.table for domain in configuration.domains} | {channel.tbl for channel in configuration.channels}
    for table in configuration.tables:
        if table.name not in named:
            yield Item(_line(table.show, table.name, 4), children=(_file(configuration, table.name, ground),))


def _file(configuration: TailorConfiguration, name: str, ground: Ground) -> Item:
    table = configuration.table(name)
    is_text = table is not None and table.lines in HASHED
    problems = _missing(ground, configuration.table_path(table)) if table and is_text else ()
    return Item(_line("", table.file if table else name), problems=problems)


def _program(configuration: TailorConfiguration, channel: TailorChannel) -> Item:
    is_ours = channel.program in CHANNEL_PROGRAMS
    problems = () if is_ours else (_problem("No such program", f"Posthouse has no '{channel.pgm}'; mail waits"),)
    log = configuration.under(configuration.folders.logs, channel.log.file)
    children = (
        Item(_line("Channel program", channel.pgm, 4), problems=problems),
        Item(_line("logfile", str(log), 4)),
    )
    return Item(_line(channel.show, "", 4), children=children)


def _queue(configuration: TailorConfiguration, ground: Ground) -> Iterator[Item]:
    folders = configuration.folders
    home = configuration.under(folders.queue)
    inner = (
        Item(_line("Queue lock", "home's parent directory", 4)),
        Item(_line("Address-building", folders.building, 4)),
        Item(_line("Queued addresses", folders.addresses, 4)),
        Item(_line("Message text", folders.texts, 4)),
    )
    problems = _missing(ground, home)
    yield Item(_line("Mail queue home", str(home)), gap=True, problems=problems, children=inner)
    queues = tuple(Item(_line(channel.show, f"q.{channel.que}", 4)) for channel in configuration.channels)
    yield Item("Queueing directories:", children=queues)


def _folder(label: str, path: Path, ground: Ground, modes: tuple[int, int], *, gap: bool = False) -> Item:
    status = ground.status(path)
    least, most = modes
    problems: tuple[str, ...] = ()
    if status.error:
        problems = _missing(ground, path)
    elif not status.is_folder:
        problems = (_problem("Not a directory", f"'{path}'"),)
    elif status.mode & _SHOWN_MODE & ~most or status.mode & least != least:
        said = f"({status.mode & _SHOWN_MODE:04o}) for '{path}'; should be ({least:04o} to {most:04o})"
        problems = (_problem("Wrong mode", said),)
    return Item(_line(label, str(path), 4), gap=gap, problems=problems)


def _missing(ground: Ground, path: Path) -> tuple[str, ...]:
    error = ground.status(path).error
    return (_problem("unable to stat", error),) if error else ()


def _no_alias(ground: Ground, name: str) -> tuple[str, ...]:
    return () if ground.is_alias(name) else (_problem("No mail alias", f"for address '{name}'"),)
