"""Table, as a database built from a text file: for tables too large to be kept in memory.

The site names the text file; the database stands beside it as ``<file>.dbm`` and is what is read.
It is a SQLite file that is never changed in place: ``build_dbm`` writes a new one beside it and
renames it, so that readers see the old table or the new one, whole.

Known limits: the process waits while a page of the database that is not in memory is read from the disk.
"""

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from posthouse.adapters.disk import replacing
from posthouse.adapters.table_watch import FileWatch
from posthouse.mail.lookup import NOT_FOUND, Answer, Origin
from posthouse.mail.problem import Problem
from posthouse.ports import Clock
from posthouse.site.problems import SiteError
from posthouse.tables.syntax import MAX_LINE_OCTETS, MAX_PROBLEMS, Entry, fold_key, parse_lines

SUFFIX = ".dbm"
_APPLICATION = 0x50485442  # "PHTB", in the database's header (PRAGMA application_id)
_SELECT = "SELECT value, line FROM entry WHERE key = ? ORDER BY line"


def database_path(path: Path) -> Path:
    """Return where the database of a text file stands; a path that ends in ``.dbm`` is the database itself."""
    return path if path.suffix == SUFFIX else path.with_name(path.name + SUFFIX)


class DbmTable:
    """Port Table on a database file; opened when first asked, and again when the file was replaced."""

    def __init__(self, name: str, path: Path, clock: Clock) -> None:
        self.name = name
        self._text = str(path)
        self._watch = FileWatch(database_path(path), clock)
        self._database: sqlite3.Connection | None = None
        self._opened: tuple[object, ...] = ()  # the file's stamp and the process, when it was opened

    async def lookup(self, key: str) -> Answer:
        """Ask the database."""
        try:
            database = self._open()
            rows = database.execute(_SELECT, (fold_key(key),)).fetchall()
        except (sqlite3.Error, OSError) as error:
            return Answer(unavailable=f"cannot read {self._watch.path}: {error}")
        except UnicodeEncodeError:
            return NOT_FOUND  # a lone surrogate: no table file can hold it
        if not rows:
            return NOT_FOUND
        return Answer(tuple(value for value, _ in rows), Origin(self._text, rows[0][1]))

    @property
    def version(self) -> object:
        """The database file's state."""
        self._watch.has_changed()
        return self._watch.stamp

    def entries(self) -> Iterator[tuple[str, Answer]]:
        """Every entry, in the order of the keys, a few at a time; none when the database can't be read."""
        try:
            rows = self._open().execute("SELECT key, value, line FROM entry ORDER BY key, line")
            key, first = "", 0
            values: list[str] = []
            for row_key, value, line in rows:
                if values and row_key != key:
                    yield key, Answer(tuple(values), Origin(self._text, first))
                    values = []
                if not values:
                    key, first = row_key, line
                values.append(value)
            if values:
                yield key, Answer(tuple(values), Origin(self._text, first))
        except (sqlite3.Error, OSError):
            return  # problems() says why

    def problems(self) -> tuple[Problem, ...]:
        """What is wrong with the database now."""
        try:
            self._open()
        except (sqlite3.Error, OSError) as error:
            return (Problem(Origin(str(self._watch.path)), f"cannot be read: {error}", "build it with newaliases"),)
        return ()

    def _open(self) -> sqlite3.Connection:
        self._watch.has_changed()
        wanted = (self._watch.stamp, os.getpid())  # a connection must not be used across a fork
        if self._database is None or self._opened != wanted:
            self._database = None
            self._database = _connect(self._watch.path)
            self._opened = wanted
        return self._database


def build_dbm(source: Path, target: Path) -> int:
    """Build the database of a text file and put it in place; return how many entries it has.

    Raises SiteError with every bad line, and OSError; then the old database stays as it is.
    """
    with source.open("rb") as text:
        lines = iter(lambda: text.readline(MAX_LINE_OCTETS + 2), b"")
        return write_dbm(target, parse_lines(lines, str(source)), os.fstat(text.fileno()))


def write_dbm(target: Path, elements: Iterator[Entry | Problem], like: os.stat_result) -> int:
    """Write a database with these entries and put it in place; return how many it has.

    ``like`` is its text: whoever may read that may read the database.  Raises SiteError with every
    problem among the elements, and OSError; then the old database stays as it is.
    """
    with replacing(target, like) as new:
        return _fill(new, elements)


def _connect(path: Path) -> sqlite3.Connection:
    """Open a database to read.  ``immutable``: nobody writes to this inode, so no locks are needed."""
    location = f"file:{quote(os.fsencode(path.absolute()))}?mode=ro&immutable=1"
    database = sqlite3.connect(location, uri=True, check_same_thread=False, isolation_level=None)
    try:
        (application,) = database.execute("PRAGMA application_id").fetchone()
        if application != _APPLICATION:
            raise sqlite3.DatabaseError("not a table database")
    except sqlite3.Error:
        database.close()
        raise
    return database


def _fill(path: Path, elements: Iterator[Entry | Problem]) -> int:
    problems: list[Problem] = []

    def rows() -> Iterator[tuple[str, int, str]]:
        for element in elements:
            if isinstance(element, Entry):
                yield element.key, element.line, element.value
            elif len(problems) < MAX_PROBLEMS:
                problems.append(element)

    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as database:
        # A crash leaves a half-written file under a name that nobody reads.
        database.executescript(
            f"PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA application_id={_APPLICATION};"
            "CREATE TABLE entry (key TEXT, line INTEGER, value TEXT, PRIMARY KEY (key, line)) WITHOUT ROWID; BEGIN"
        )
        count = database.executemany("INSERT INTO entry VALUES (?, ?, ?)", rows()).rowcount
        database.execute("COMMIT")
    if problems:
        raise SiteError(problems)
    return max(count, 0)
