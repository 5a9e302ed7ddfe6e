"""``dbmlist``: every entry of the database that dbmbuild made: key, table, value."""

import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from posthouse.cli.errors import CommandError
from posthouse.cli.mmdf.programs import choose_tailor_file, split_options
from posthouse.mail.mmdf_fields import quote_field

USAGE: Final = "usage: dbmlist [-t tailorfile] [database]"


def run(arguments: Sequence[str]) -> int:
    """Print the entries in the order of their keys; a database that is not there has none."""
    from posthouse.adapters.mmdf_database import DatabaseEntry, database_entries

    options, names = split_options(arguments, "", "t", USAGE)
    path = database_of(names[0] if names else None, options.get("t"))

    def line(entry: DatabaseEntry) -> str:
        return f"{quote_field(entry.key)} {entry.member} {quote_field(entry.value)}"

    if not path.exists():
        return os.EX_OK
    try:
        for entry in database_entries(path):
            print(line(entry))
    except sqlite3.Error as error:
        raise CommandError(f"can't read {path}: {error}", os.EX_DATAERR) from error
    return os.EX_OK


def database_of(name: str | None, tailor_option: str | None) -> Path:
    """Return the database that is named, or the tailor file's."""
    from posthouse.site.tailor.reader import read_tailor_file

    if name is not None:
        return Path(name).absolute()
    return read_tailor_file(choose_tailor_file(tailor_option)).database_path
