"""MDBM: one database for all tables of an MMDF site, as dbmbuild makes it and dbmedit changes it.

A SQLite file that is never changed in place: a new one is written beside it and renamed, so that
readers see the old tables or the new ones, whole.  Keys compare without case and keep their spelling.  A
record has no largest size, and a look-up costs the same whatever the number of entries.

Known limits: the process waits while a page of the database that is not in memory is read from the disk.
"""

from __future__ import annotations  # so that the ports are imported by the type checker alone

import contextlib
import os
import sqlite3
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final
from urllib.parse import quote

from msgspec import Struct

from posthouse.adapters.disk import sync_folder
from posthouse.adapters.table_watch import FileWatch
from posthouse.mail.lookup import NOT_FOUND, Answer, Origin
from posthouse.mail.problem import Problem
from posthouse.tables.mmdf import mmdf_entry
from posthouse.tables.syntax import MAX_LINE_OCTETS, MAX_PROBLEMS, fold_key, read_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from posthouse.ports import Clock

_APPLICATION: Final = 0x50484D44  # "PHMD", in the database's header (PRAGMA application_id)
_SCHEMA: Final = (
    f"PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA application_id={_APPLICATION};"
    "CREATE TABLE IF NOT EXISTS source (member TEXT PRIMARY KEY, path TEXT) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS entry (member TEXT, key TEXT, place INTEGER, spelled TEXT, value TEXT, line INTEGER,"
    " PRIMARY KEY (member, key, place)) WITHOUT ROWID; BEGIN"
)
_SELECT: Final = "SELECT value, line FROM entry WHERE member = ? AND key = ? ORDER BY place"
_INSERT: Final = "INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?)"


class DatabaseEntry(Struct, frozen=True):
    """One entry: the table's name in lower case, the key as it was spelled, and the line of the text; 0 for an edit."""

    member: str
    key: str
    value: str
    line: int = 0


class MmdfDatabase:
    """The database, opened when first asked, and again when the file was replaced; its tables share it."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self.path = path
        self._watch = FileWatch(path, clock)
        self._database: sqlite3.Connection | None = None
        self._opened: tuple[object, ...] = ()  # the file's stamp and the process, when it was opened
        self._sources: dict[str, str] = {}

    def table(self, name: str) -> MmdfDatabaseTable:
        """Return one of its tables as the port Table has it."""
        return MmdfDatabaseTable(name, self)

    def open(self) -> sqlite3.Connection:
        """Return the connection.  Raises sqlite3.Error and OSError."""
        self._watch.has_changed()
        wanted = (self._watch.stamp, os.getpid())  # a connection must not be used across a fork
        if self._database is None or self._opened != wanted:
            self._database = None
            self._database = _connect(self.path)
            self._sources = dict(self._database.execute("SELECT member, path FROM source").fetchall())
            self._opened = wanted
        return self._database

    def origin(self, member: str, line: int) -> Origin:
        """Return where an entry was written: the text that the table was built from, or this database."""
        return Origin(self._sources.get(member, str(self.path)), line) if line else Origin(str(self.path))

    @property
    def version(self) -> object:
        """The file's state."""
        self._watch.has_changed()
        return self._watch.stamp


class MmdfDatabaseTable:
    """Port Table on one table of the database."""

    def __init__(self, name: str, database: MmdfDatabase) -> None:
        self.name = name
        self._member = fold_key(name)
        self._database = database

    async def lookup(self, key: str) -> Answer:
        """Ask the database."""
        try:
            rows = self._database.open().execute(_SELECT, (self._member, fold_key(key))).fetchall()
        except (sqlite3.Error, OSError) as error:
            return Answer(unavailable=f"cannot read {self._database.path}: {error}")
        except UnicodeEncodeError:
            return NOT_FOUND  # a lone surrogate: no table file can hold it
        if not rows:
            return NOT_FOUND
        return Answer(tuple(value for value, _ in rows), self._database.origin(self._member, rows[0][1]))

    @property
    def version(self) -> object:
        """The database's state."""
        return self._database.version

    def entries(self) -> Iterator[tuple[str, Answer]]:
        """Every entry in the order of the keys; none when the database can't be read."""
        try:
            rows = self._database.open().execute(
                "SELECT spelled, value, line FROM entry WHERE member = ? ORDER BY key, place", (self._member,)
            )
            for key, value, line in rows:
                yield key, Answer((value,), self._database.origin(self._member, line))
        except (sqlite3.Error, OSError):
            return  # problems() says why

    def problems(self) -> tuple[Problem, ...]:
        """What is wrong with the database now."""
        try:
            self._database.open()
        except (sqlite3.Error, OSError) as error:
            return (Problem(Origin(str(self._database.path)), f"cannot be read: {error}", "build it with dbmbuild"),)
        return ()


def database_entries(path: Path) -> Iterator[DatabaseEntry]:
    """Yield every entry, by key.  Raises sqlite3.Error and OSError."""
    with contextlib.closing(_connect(path)) as database:
        for row in database.execute("SELECT member, spelled, value, line FROM entry ORDER BY key, member, place"):
            yield DatabaseEntry(*row)


def build_database(target: Path, tables: Iterable[tuple[str, Path]], *, is_new: bool) -> list[Problem]:
    """Build the tables (name, text file) and put the database in place; return what is wrong in the texts.

    ``is_new`` starts from nothing; otherwise the other tables stay.  A line that is no entry is left out.  Raises
    OSError and sqlite3.Error; then the old database stays as it is.
    """
    problems: list[Problem] = []

    def fill(database: sqlite3.Connection) -> None:
        for name, path in tables:
            member = fold_key(name)
            database.execute("DELETE FROM entry WHERE member = ?", (member,))
            database.execute("INSERT OR REPLACE INTO source VALUES (?, ?)", (member, str(path)))
            with path.open("rb") as text:
                database.executemany(_INSERT, _rows(member, text, str(path), problems))

    _replace(target, fill, is_new=is_new)
    return problems


def edit_database(target: Path, edit: Callable[[sqlite3.Connection], int]) -> int:
    """Change a copy with ``edit`` and put it in place; return what edit does: how many entries it changed."""
    changed: list[int] = []
    _replace(target, lambda database: changed.append(edit(database)), is_new=False)
    return changed[0]


def add_entry(database: sqlite3.Connection, entry: DatabaseEntry) -> int:
    """Put an entry behind those of its key; for edit_database."""
    key = fold_key(entry.key)
    ((last,),) = database.execute("SELECT max(place) FROM entry WHERE member = ? AND key = ?", (entry.member, key))
    database.execute(_INSERT, (entry.member, key, (last or 0) + 1, entry.key, entry.value, entry.line))
    return 1


def delete_entries(database: sqlite3.Connection, key: str, member: str | None, value: str | None) -> int:
    """Take entries of a key away, of one table or all, with one value or all; for edit_database."""
    return database.execute(
        "DELETE FROM entry WHERE key = ?1 AND (?2 IS NULL OR member = ?2) AND (?3 IS NULL OR value = ?3)",
        (fold_key(key), member, value),
    ).rowcount


def change_entries(database: sqlite3.Connection, entry: DatabaseEntry, old: str | None) -> int:
    """Give entries of a key another value: those with the old one, or the first; for edit_database."""
    where = (entry.member, fold_key(entry.key))
    if old is not None:
        statement = "UPDATE entry SET value = ?3, line = 0 WHERE member = ?1 AND key = ?2 AND value = ?4"
        return database.execute(statement, (*where, entry.value, old)).rowcount
    return database.execute(
        "UPDATE entry SET value = ?3, line = 0 WHERE member = ?1 AND key = ?2 AND place ="
        " (SELECT min(place) FROM entry WHERE member = ?1 AND key = ?2)",
        (*where, entry.value),
    ).rowcount


def _rows(
    member: str, text: BinaryIO, file: str, problems: list[Problem]
) -> Iterator[tuple[str, str, int, str, str, int]]:
    """Yield the rows of one text file.  Octet text, as the tailor file is."""

    def spelled(line: str, origin: Origin) -> tuple[str, str, int, str, str, int] | Problem:
        entry = mmdf_entry(line, origin)
        if isinstance(entry, Problem):
            return entry
        # mmdf_entry folds the key; as long as nothing is quoted, the line begins with its spelling.
        key = entry.key if "\\" in line[: len(entry.key) + 1] else line[: len(entry.key)]
        return member, entry.key, origin.line, key, entry.value, origin.line

    lines = iter(lambda: text.readline(MAX_LINE_OCTETS + 2), b"")
    for row in read_lines((line.decode("latin-1").encode() for line in lines), file, spelled):
        if not isinstance(row, Problem):
            yield row
        elif len(problems) < MAX_PROBLEMS:
            problems.append(row)


def _connect(path: Path) -> sqlite3.Connection:
    """Open a database to read.  ``immutable``: nobody writes to this inode, so no locks are needed."""
    location = f"file:{quote(os.fsencode(path.absolute()))}?mode=ro&immutable=1"
    database = sqlite3.connect(location, uri=True, check_same_thread=False, isolation_level=None)
    try:
        (application,) = database.execute("PRAGMA application_id").fetchone()
        if application != _APPLICATION:
            raise sqlite3.DatabaseError("not a database that dbmbuild made")
    except sqlite3.Error:
        database.close()
        raise
    return database


def _replace(target: Path, fill: Callable[[sqlite3.Connection], None], *, is_new: bool) -> None:
    """Write a database beside the old one and rename it; a copy of the old one unless ``is_new``."""
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    new = Path(name)
    try:
        mode = target.stat().st_mode & 0o666 if target.exists() else 0o644
        with contextlib.closing(sqlite3.connect(new, isolation_level=None)) as database:
            if not is_new and target.exists():
                with contextlib.closing(_connect(target)) as old:
                    old.backup(database)
            database.executescript(_SCHEMA)  # a crash leaves a half-written file under a name that nobody reads
            fill(database)
            database.execute("COMMIT")
        os.fchmod(descriptor, mode)
        os.fsync(descriptor)
        new.replace(target)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)
    sync_folder(target.parent)
