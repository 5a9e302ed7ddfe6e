"""``dbmbuild``: build the database of an MMDF site from the texts of its tables."""

import os
import sqlite3
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from posthouse.cli.errors import CommandError
from posthouse.cli.mmdf.programs import choose_tailor_file, split_options
from posthouse.site.tailor.entries import Lines, TailorTable
from posthouse.site.tailor.model import TailorConfiguration

USAGE: Final = "usage: dbmbuild [-nvdk] [-t tailorfile] [database [table ...]]"
_HASHED: Final = frozenset({Lines.FILE, Lines.DBM})


def run(arguments: Sequence[str]) -> int:
    """Build; return the exit code: 65 when an entry cannot be read, 66 when a file is missing."""
    from posthouse.site.tailor.reader import read_tailor_file

    options, names = split_options(arguments, "nvdk", "t", USAGE)
    configuration = read_tailor_file(choose_tailor_file(options.get("t")))
    target = configuration.under(names[0]) if names else configuration.database_path
    tables = _chosen(configuration, names[1:])
    # A table that is named takes its own place in the old database; all of them make a new one.
    return _build(configuration, target, tables, options, is_new="n" in options or not names[1:])


def hashed_tables(configuration: TailorConfiguration) -> Iterator[TailorTable]:
    """Yield the tables with texts, in the order in which MMDF's programs list them: domains, channels, all.

    One that serves two channels comes twice, as it always has.
    """
    tables = {table.name: table for table in reversed(configuration.tables) if table.lines in _HASHED}
    names = [domain.table for domain in configuration.domains] + [channel.tbl for channel in configuration.channels]
    yield from (tables[name] for name in names if name in tables)
    yield from (table for table in configuration.tables if tables.get(table.name) is table)


def _chosen(configuration: TailorConfiguration, names: Sequence[str]) -> list[TailorTable]:
    tables = list(hashed_tables(configuration))
    wanted = {name.lower() for name in names}
    unknown = wanted - {table.name.lower() for table in tables}
    if unknown:
        raise CommandError(f"table {', '.join(sorted(unknown))} is unknown", os.EX_USAGE)
    return [table for table in tables if not wanted or table.name.lower() in wanted]


def _build(
    configuration: TailorConfiguration,
    target: Path,
    tables: Sequence[TailorTable],
    options: dict[str, str],
    *,
    is_new: bool,
) -> int:
    from posthouse.adapters.mmdf_database_changes import build_database

    say = _speaker(is_loud=bool(options.keys() & set("vd")))
    say(f"Temporary database:  {target}$")
    texts: dict[str, Path] = {}
    code = os.EX_OK
    for table in tables:
        path = configuration.table_path(table)
        say(f"{table.show} ({table.name})")
        texts[table.name] = path
        if not path.is_file() and "k" not in options:
            raise CommandError(f"can't open the file {path} of table {table.name} ({table.origin})", os.EX_NOINPUT)
    try:
        problems = build_database(target, texts.items(), is_new=is_new)
    except sqlite3.Error as error:
        raise CommandError(f"can't build {target}: {error}", os.EX_IOERR) from error
    for problem in problems:
        print(problem, file=sys.stderr)
        code = os.EX_DATAERR
    say(f"Moving to database:  {target}")
    return code


def _speaker(*, is_loud: bool) -> Callable[[str], None]:
    """Return what prints progress to standard error, or nothing."""
    return (lambda line: print(line, file=sys.stderr)) if is_loud else (lambda _: None)
