"""Changes of the database of an MMDF site: dbmbuild's, of whole tables, and dbmedit's, of single entries.

One change at a time: who changes the database holds the lock of its folder.
"""

from __future__ import annotations  # so that the ports are imported by the type checker alone

import contextlib
import os
import secrets
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

import msgspec

from posthouse.adapters.disk import folder_locked, replacing, sync_folder
from posthouse.adapters.mmdf_database import (
    APPLICATION,
    MAX_EDITS_OCTETS,
    DatabaseEntry,
    EditedRecord,
    connect,
    edits_path,
    entries_of_key,
    read_edits,
)
from posthouse.mail.problem import Problem
from posthouse.tables.mmdf import mmdf_entry
from posthouse.tables.syntax import MAX_LINE_OCTETS, MAX_PROBLEMS, fold_key, read_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from posthouse.adapters.mmdf_database import Edits
    from posthouse.mail.lookup import Origin

    _Records = dict[str, tuple[DatabaseEntry, ...]]  # by table
    _Row = tuple[int, str, int, str | None, str, int]

_SCHEMA: Final = (
    f"PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA application_id={APPLICATION};"
    "CREATE TABLE IF NOT EXISTS source (id INTEGER PRIMARY KEY, member TEXT UNIQUE, path TEXT);"
    "CREATE TABLE IF NOT EXISTS entry (member INTEGER, key TEXT, place INTEGER, spelled TEXT, value TEXT, line INTEGER,"
    " PRIMARY KEY (key, member, place)) WITHOUT ROWID; BEGIN"
)
_INSERT: Final = "INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?)"
# Entries that come in the order of their keys fill one page after the other: many times faster, and half the size.
_LOADED: Final = (
    "CREATE TEMP TABLE loaded (member INTEGER, key TEXT, place INTEGER, spelled TEXT, value TEXT, line INTEGER)"
)
_LOAD: Final = "INSERT INTO loaded VALUES (?, ?, ?, ?, ?, ?)"
_SORT: Final = "INSERT INTO entry SELECT * FROM loaded ORDER BY key, member, place"
_LARGEST_BUILD: Final = 2**31 - 1  # what PRAGMA user_version holds


class TooManyEditsError(Exception):
    """The edits have reached their size; dbmedit says so, and dbmbuild takes them into the texts' place."""


def build_database(target: Path, tables: Iterable[tuple[str, Path]], *, is_new: bool) -> list[Problem]:
    """Build the tables (name, text file) and put the database in place; return what is wrong in the texts.

    ``is_new`` starts from nothing; otherwise the other tables stay, with what was edited in them.  A line that is no
    entry is left out, and a text that does not exist is an empty one.  Raises OSError and sqlite3.Error; then the
    old database stays as it is.
    """
    problems: list[Problem] = []
    with folder_locked(target.parent):
        old = None if is_new or not target.exists() else target
        with replacing(target, target.stat() if target.exists() else None) as new:
            _write(new, old, tables, problems)
        # The edits name the build that they change: those of the old one count for nothing.
        edits_path(target).unlink(missing_ok=True)
    return problems


def add_entry(target: Path, entry: DatabaseEntry) -> int:
    """Put an entry behind those of its key; return how many were added.  Raises as the other edits do:

    OSError, sqlite3.Error, and TooManyEditsError.
    """
    return _edit(target, entry.key, lambda found: ({entry.member: (*found.get(entry.member, ()), entry)}, 1))


def delete_entries(target: Path, key: str, member: str | None, value: str | None) -> int:
    """Take entries of a key away, of one table or all, with one value or all; return how many."""

    def delete(found: _Records) -> tuple[_Records, int]:
        meant = {table: entries for table, entries in found.items() if member in (None, table)}
        kept = {
            table: tuple(entry for entry in entries if value not in (None, entry.value))
            for table, entries in meant.items()
        }
        return kept, sum(len(meant[table]) - len(kept[table]) for table in meant)

    return _edit(target, key, delete)


def change_entries(target: Path, new: DatabaseEntry, old: str | None) -> int:
    """Give entries of a key another value: those with the old one, or the first; return how many."""

    def change(found: _Records) -> tuple[_Records, int]:
        entries = found.get(new.member, ())
        meant = [at for at, entry in enumerate(entries) if (at == 0 if old is None else entry.value == old)]
        changed = tuple(
            DatabaseEntry(entry.member, entry.key, new.value) if at in meant else entry
            for at, entry in enumerate(entries)
        )
        return {new.member: changed}, len(meant)

    return _edit(target, new.key, change)


def _edit(target: Path, key: str, change: Callable[[_Records], tuple[_Records, int]]) -> int:
    """Change the records of a key: ``change`` is given them by table, and returns the new ones and a number."""
    with folder_locked(target.parent):
        if not target.exists():
            with replacing(target, None) as new:
                _write(new, None, (), [])
        found = entries_of_key(target, key)
        changed, count = change(found)
        lines = [
            msgspec.json.encode(EditedRecord(_build_of(target), member, fold_key(key), entries)) + b"\n"
            for member, entries in changed.items()
            if entries != found.get(member, ())
        ]
        _append(edits_path(target), b"".join(lines), target.stat())
    return count


def _build_of(target: Path) -> int:
    with contextlib.closing(connect(target)) as database:
        ((build,),) = database.execute("PRAGMA user_version")
        return int(build)


def _append(path: Path, lines: bytes, like: os.stat_result) -> None:
    is_new = not path.exists()
    with path.open("x+b" if is_new else "r+b") as stream:
        end = stream.seek(0, os.SEEK_END)
        if end + len(lines) > MAX_EDITS_OCTETS:
            raise TooManyEditsError(f"{path} has grown to {end} octets: take the changes into the texts, run dbmbuild")
        if is_new:
            os.fchmod(stream.fileno(), like.st_mode & 0o666)
        _cut_torn_line(stream)
        stream.write(lines)
        stream.flush()
        os.fsync(stream.fileno())
    if is_new:
        sync_folder(path.parent)


def _cut_torn_line(stream: BinaryIO) -> None:
    """Take away the half of a line that a dbmedit left which was stopped."""
    stream.seek(0)
    stream.seek(stream.read(MAX_EDITS_OCTETS).rfind(b"\n") + 1)
    stream.truncate()


def _write(new: Path, old: Path | None, tables: Iterable[tuple[str, Path]], problems: list[Problem]) -> None:
    with contextlib.closing(sqlite3.connect(new, isolation_level=None)) as database:
        if old is not None:
            with contextlib.closing(connect(old)) as before:
                before.backup(database)
        database.execute(_LOADED)
        database.executescript(_SCHEMA)  # a crash leaves a half-written file under a name that nobody reads
        if old is not None:
            ((build,),) = database.execute("PRAGMA user_version")
            _take_over(database, read_edits(old, build))
        for name, path in tables:
            _build_table(database, fold_key(name), path, problems)
        database.execute(_SORT)
        database.execute(f"PRAGMA user_version = {secrets.randbelow(_LARGEST_BUILD) + 1}")
        database.execute("COMMIT")


def _build_table(database: sqlite3.Connection, member: str, path: Path, problems: list[Problem]) -> None:
    number = _number(database, member)
    database.execute("DELETE FROM entry WHERE member = ?", (number,))
    database.execute("DELETE FROM loaded WHERE member = ?", (number,))
    database.execute("UPDATE source SET path = ? WHERE id = ?", (str(path), number))
    with contextlib.suppress(FileNotFoundError), path.open("rb") as text:
        database.executemany(_LOAD, _rows(number, text, str(path), problems))


def _take_over(database: sqlite3.Connection, edits: Edits) -> None:
    for (member, key), entries in edits.items():
        number = _number(database, member)
        database.execute("DELETE FROM entry WHERE key = ? AND member = ?", (key, number))
        rows = ((number, key, place, entry.key, entry.value, entry.line) for place, entry in enumerate(entries))
        database.executemany(_INSERT, rows)


def _number(database: sqlite3.Connection, member: str) -> int:
    database.execute("INSERT OR IGNORE INTO source (member, path) VALUES (?, '')", (member,))
    ((number,),) = database.execute("SELECT id FROM source WHERE member = ?", (member,))
    return int(number)


def _rows(number: int, text: BinaryIO, file: str, problems: list[Problem]) -> Iterator[_Row]:
    """Yield the rows of one text file.  Octet text, as the tailor file is."""

    def row(line: str, origin: Origin) -> _Row | Problem:
        entry = mmdf_entry(line, origin)
        if isinstance(entry, Problem):
            return entry
        # mmdf_entry folds the key; as long as nothing is quoted, the line begins with its spelling.
        spelled = line[: len(entry.key)]
        is_plain = spelled == entry.key or "\\" in line[: len(entry.key) + 1]
        return number, entry.key, origin.line, None if is_plain else spelled, entry.value, origin.line

    lines = iter(lambda: text.readline(MAX_LINE_OCTETS + 2), b"")
    for each in read_lines((line.decode("latin-1").encode() for line in lines), file, row):
        if not isinstance(each, Problem):
            yield each
        elif len(problems) < MAX_PROBLEMS:
            problems.append(each)
