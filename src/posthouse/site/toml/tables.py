"""The tables of a document: their kinds, their files, and the entries that stand in the document itself."""

import re
from pathlib import Path

from posthouse.mail.lookup import Origin
from posthouse.site.model import LOGIN_NAMES, TableKind, TableSource
from posthouse.site.toml import language
from posthouse.site.toml.kinds import shown
from posthouse.site.toml.positions import TomlPath
from posthouse.site.toml.references import kind_of
from posthouse.site.toml.walk import Values, Walk

_CONTROL = re.compile("[\x00-\x1f\x7f]")
_DATABASES = {TableKind.DBM: ".dbm", TableKind.HASH: ".db"}
_Entry = tuple[str, tuple[str, ...], Origin]


def read_tables(walk: Walk) -> dict[str, TableSource]:
    """Read every table."""
    tables: dict[str, TableSource] = {}
    for name, table, path in walk.named(language.TABLES):
        if name == LOGIN_NAMES:
            walk.wrong(path, f'"{name}" is the table that every site has', "choose another name")
        kind = kind_of(table, TableKind.INLINE if "entries" in table else TableKind.FILE)
        values = walk.table(language.TABLES, table, path, kind.value)
        if kind is TableKind.INLINE:
            entries = _entries(walk, table.get("entries"), (*path, "entries"))
            if "entries" not in table:
                walk.wrong(path, f"the table {name} has no entries", 'add entries = { key = "value" }')
            tables[name] = TableSource(name, kind, entries=entries, origin=walk.origin(path))
        else:
            tables[name] = TableSource(name, kind, _file(walk, kind, values, path), origin=walk.origin(path))
            if "file" not in table:
                walk.wrong(path, f"the table {name} has no file", 'add file, as in file = "tables/aliases"')
    return tables


def _file(walk: Walk, kind: TableKind, values: Values, path: TomlPath) -> Path | None:
    """Return the table's file and see that it is there."""
    file = values.get("path")
    if not isinstance(file, Path):
        return None
    look_for_file(walk, kind, file, (*path, "file"))
    return file


def look_for_file(walk: Walk, kind: TableKind, file: Path, where: TomlPath) -> None:
    """See that the file that a key names is there.

    Whether it can be read is not asked: the program that reads the site may
    not be the one, nor the account, that reads the tables.
    """
    database = file.with_name(file.name + _DATABASES.get(kind, ""))
    try:
        if file.is_dir():
            walk.wrong(where, f"{file} is a directory", "name the file itself")
        elif not file.exists() and not database.exists() and not _may_be_missing(walk, kind):
            walk.wrong(where, f"there is no file {file}", "create it; it may be empty")
    except OSError:
        return  # a directory on the way that this account may not enter


def _may_be_missing(walk: Walk, kind: TableKind) -> bool:
    """Is it a file of rule sets?  As with a sendmail.cf, one that is not there keeps nobody from starting."""
    return kind in (TableKind.HASH, TableKind.FILE) and "rewriting" in walk.document


def _entries(walk: Walk, entries: object, path: TomlPath) -> tuple[_Entry, ...]:
    found: list[_Entry] = []
    for key, value in entries.items() if isinstance(entries, dict) else ():
        here = (*path, key)
        values = tuple(value) if isinstance(value, list) else (value,)
        if not key or _CONTROL.search(key):
            walk.wrong(here, f"{shown(key)} can't be a key", "write a name or an address")
        for text in values:
            if not isinstance(text, str):
                walk.wrong(here, f"{shown(text)} is not a text", 'write "value", or ["value", "value"]')
            elif _CONTROL.search(text):
                walk.wrong(here, f"{shown(text)} holds a control character", "remove it")
        if not values:
            walk.wrong(here, "an empty array", 'write "" for a key that has no value')
        found.append((key, tuple(map(str, values)), walk.origin(here)))
    return tuple(found)
