"""MDBM: one database for all tables of an MMDF site, as dbmbuild makes it and dbmedit changes it.

Two files.  The database is a SQLite file that is never changed in place: a new one is written beside it and renamed.
What dbmedit changed since stands in ``<database>.edits``: a line for each record, the last one of a record counts.
So readers ask without any lock, an edit costs the same whatever the number of entries, and everybody sees
a record before or after its change, whole.  Keys compare without case and keep their spelling.

Known limits: the process waits while a page of the database that is not in memory is read from the disk.
"""

from __future__ import annotations  # so that the ports are imported by the type checker alone

import contextlib
import os
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import msgspec
from msgspec import Struct

from posthouse.adapters.table_watch import LOOK_EVERY, FileWatch, UnreadableError, read_whole
from posthouse.mail.lookup import NOT_FOUND, Answer, Origin
from posthouse.mail.problem import Problem
from posthouse.tables.syntax import fold_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from posthouse.ports import Clock

APPLICATION: Final = 0x50484D46  # "PHMF", in the database's header (PRAGMA application_id)
MAX_EDITS_OCTETS: Final = 4 * 1024 * 1024  # then dbmbuild is due
_CACHE: Final = "PRAGMA cache_size = -8192"  # KiB, whatever the size of the database
# What all tables say of a key: a host is looked for in one channel's table after the other.
_SELECT: Final = "SELECT member, value, line FROM entry WHERE key = ? ORDER BY member, place"
_RECENT_KEYS: Final = 2048  # the domains that a site writes to most; some hundred kilobytes
_ALL: Final = (
    "SELECT entry.key, source.member, coalesce(spelled, entry.key), value, line FROM entry"
    " JOIN source ON source.id = entry.member"
)


class DatabaseEntry(Struct, frozen=True, array_like=True):
    """One entry: the table's name in lower case, the key as it was spelled, and the line of the text; 0 for an edit."""

    member: str
    key: str
    value: str
    line: int = 0


class EditedRecord(Struct, frozen=True):
    """A line of the edits: all that a table of one build of the database has for a key from now on."""

    build: int
    member: str
    key: str  # folded
    entries: tuple[DatabaseEntry, ...]


Edits = dict[tuple[str, str], tuple[DatabaseEntry, ...]]


class Source(Struct, frozen=True):
    """A table of the database: its number there, and the text that it was built from."""

    id: int
    path: str


Record = dict[int, list[tuple[str, int]]]  # of one key, by table: its values with their lines


class OpenDatabase(Struct, frozen=True):
    """One state of the database."""

    cursor: sqlite3.Cursor
    sources: dict[str, Source]  # by the table's name in lower case
    edits: Edits
    recent: dict[str, Record]  # keys that were asked for last

    def ask(self, key: str) -> Record:
        """Return what every table has for a key, and remember it.  Raises sqlite3.Error."""
        record: Record = {}
        for table, value, line in self.cursor.execute(_SELECT, (key,)):
            if table in record:
                record[table].append((value, line))
            else:
                record[table] = [(value, line)]
        if len(self.recent) >= _RECENT_KEYS:
            self.recent.clear()
        self.recent[key] = record
        return record


class MmdfDatabase:
    """The database, opened when first asked, and again when its files were replaced; its tables share it."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self.path = path
        self._watch = FileWatch(path, clock)
        self._edits = FileWatch(edits_path(path), clock)
        self._monotonic = clock.monotonic
        self._look_at = 0.0
        self._open: OpenDatabase | None = None
        self._process = 0  # a connection must not be used across a fork

    def table(self, name: str) -> MmdfDatabaseTable:
        """Return one of its tables as the port Table has it."""
        return MmdfDatabaseTable(name, self)

    def open(self) -> OpenDatabase:
        """Return its state.  Raises sqlite3.Error and OSError."""
        now = self._monotonic()
        if self._open is None or now >= self._look_at or self._process != os.getpid():
            self._look_at = now + LOOK_EVERY
            is_changed = self._watch.has_changed() | self._edits.has_changed()
            if self._open is None or is_changed or self._process != os.getpid():
                self._open = None
                self._open = open_database(self.path)
                self._process = os.getpid()
        return self._open

    @property
    def version(self) -> object:
        """The state of the files."""
        self._watch.has_changed()
        self._edits.has_changed()
        return self._watch.stamp, self._edits.stamp


class MmdfDatabaseTable:
    """Port Table on one table of the database."""

    def __init__(self, name: str, database: MmdfDatabase) -> None:
        self.name = name
        self._member = fold_key(name)
        self._database = database

    async def lookup(self, key: str) -> Answer:
        """Ask the database."""
        key = key.lower()  # fold_key, without the call
        try:
            database = self._database.open()
            edited = database.edits.get((self._member, key)) if database.edits else None
            if edited is not None:
                return self._edited(edited)
            source = database.sources.get(self._member)
            if source is None:
                return Answer(unavailable=f"{self._database.path} has no table {self.name}: run dbmbuild")
            record = database.recent.get(key)
            rows = (database.ask(key) if record is None else record).get(source.id)
        except (sqlite3.Error, OSError) as error:
            return Answer(unavailable=f"cannot read {self._database.path}: {error}")
        except UnicodeEncodeError:
            return NOT_FOUND  # a lone surrogate: no table file can hold it
        if not rows:
            return NOT_FOUND
        if len(rows) == 1:
            value, line = rows[0]
            return Answer((value,), Origin(source.path, line))
        return Answer(tuple(value for value, _ in rows), Origin(source.path, rows[0][1]))

    @property
    def version(self) -> object:
        """The database's state."""
        return self._database.version

    def entries(self) -> Iterator[tuple[str, Answer]]:
        """Every entry in the order of the keys; none when the database can't be read."""
        try:
            database = self._database.open()
            for entry in _entries_of(database, self._member):
                yield entry.key, Answer((entry.value,), self._origin(database, entry))
        except (sqlite3.Error, OSError):
            return  # problems() says why

    def problems(self) -> tuple[Problem, ...]:
        """What is wrong with the database now."""
        try:
            self._database.open()
        except (sqlite3.Error, OSError) as error:
            return (Problem(Origin(str(self._database.path)), f"cannot be read: {error}", "build it with dbmbuild"),)
        return ()

    def _edited(self, entries: tuple[DatabaseEntry, ...]) -> Answer:
        if not entries:
            return NOT_FOUND
        origin = self._origin(self._database.open(), entries[0])
        return Answer(tuple(entry.value for entry in entries), origin)

    def _origin(self, database: OpenDatabase, entry: DatabaseEntry) -> Origin:
        """Say where an entry was written: in the text that the table was built from, or by dbmedit."""
        source = database.sources.get(entry.member)
        if entry.line and source is not None:
            return Origin(source.path, entry.line)
        return Origin(str(edits_path(self._database.path)))


def edits_path(path: Path) -> Path:
    """Return where the edits of a database stand."""
    return path.with_name(path.name + ".edits")


def open_database(path: Path) -> OpenDatabase:
    """Open a database with its edits.  Raises sqlite3.Error and OSError."""
    connection = connect(path)
    connection.execute(_CACHE)
    sources = {
        member: Source(number, text)
        for number, member, text in connection.execute("SELECT id, member, path FROM source")
    }
    ((build,),) = connection.execute("PRAGMA user_version")
    return OpenDatabase(connection.cursor(), sources, read_edits(path, build), {})


def read_edits(path: Path, build: int) -> Edits:
    """Return what was edited since a build.  Raises UnreadableError, but not where nothing was edited."""
    path, edits = edits_path(path), Edits()
    if not path.exists():
        return edits
    # A line without its end is still being written, or never was to the end.
    for line in read_whole(path, MAX_EDITS_OCTETS).split(b"\n")[:-1]:
        try:
            record = msgspec.json.decode(line, type=EditedRecord)
        except msgspec.DecodeError as error:
            raise UnreadableError(f"{path}: a line that dbmedit did not write: {error}") from error
        if record.build == build:
            edits[record.member, record.key] = record.entries
    return edits


def connect(path: Path) -> sqlite3.Connection:
    """Open a database to read.  ``immutable``: nobody writes to this inode, so no locks are needed."""
    location = f"file:{quote(os.fsencode(path.absolute()))}?mode=ro&immutable=1"
    database = sqlite3.connect(location, uri=True, check_same_thread=False, isolation_level=None)
    try:
        (application,) = database.execute("PRAGMA application_id").fetchone()
        if application != APPLICATION:
            raise sqlite3.DatabaseError("not a database that dbmbuild made")
    except sqlite3.Error:
        database.close()
        raise
    return database


def database_entries(path: Path) -> Iterator[DatabaseEntry]:
    """Yield every entry, by key.  Raises sqlite3.Error and OSError."""
    database = open_database(path)
    with contextlib.closing(database.cursor.connection):
        rows = database.cursor.execute(f"{_ALL} ORDER BY entry.key, source.member, place")
        yield from _merged(rows, database.edits)


def entries_of_key(path: Path, key: str) -> dict[str, tuple[DatabaseEntry, ...]]:
    """Return the entries of a key, by the table's name.  Raises sqlite3.Error and OSError."""
    key = fold_key(key)
    database = open_database(path)
    with contextlib.closing(database.cursor.connection):
        found: dict[str, tuple[DatabaseEntry, ...]] = {}
        for _, member, *rest in database.cursor.execute(f"{_ALL} WHERE entry.key = ? ORDER BY place", (key,)):
            found[member] = (*found.get(member, ()), DatabaseEntry(member, *rest))
        for (member, edited), entries in database.edits.items():
            if edited == key:
                found[member] = entries
        return {member: found[member] for member in sorted(found) if found[member]}


def _entries_of(database: OpenDatabase, member: str) -> Iterator[DatabaseEntry]:
    rows = database.cursor.connection.execute(f"{_ALL} WHERE source.member = ? ORDER BY entry.key, place", (member,))
    edits = {(edited, key): entries for (edited, key), entries in database.edits.items() if edited == member}
    yield from _merged(rows, edits)


def _merged(rows: Iterable[tuple[str, str, str, str, int]], edits: Edits) -> Iterator[DatabaseEntry]:
    """Yield rows in order, those of edited records in their new form, and new records where they belong."""
    waiting = sorted(edits, key=lambda record: (record[1], record[0]), reverse=True)
    for key, member, spelled, value, line in rows:
        while waiting and (waiting[-1][1], waiting[-1][0]) <= (key, member):
            yield from edits[waiting.pop()]
        if (member, key) not in edits:
            yield DatabaseEntry(member, spelled, value, line)
    while waiting:
        yield from edits[waiting.pop()]
