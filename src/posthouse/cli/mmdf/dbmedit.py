"""``dbmedit``: look at entries of the database, add, change and delete them, in a command or in a dialogue.

Each change is in place when the command that made it ends.  The next dbmbuild takes it back, unless the
text of the table was changed, too.
"""

import os
import sqlite3
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from posthouse.adapters.mmdf_database import DatabaseEntry, entries_of_key
from posthouse.adapters.mmdf_database_changes import TooManyEditsError, add_entry, change_entries, delete_entries
from posthouse.cli.errors import CommandError
from posthouse.cli.mmdf.dbmlist import database_of
from posthouse.cli.mmdf.programs import split_options
from posthouse.mail.mmdf_fields import quote_field, split_fields

USAGE: Final = "usage: dbmedit [-v] [-d database] [-t tailorfile] [command]"
HELP: Final = """\
print key [table [value]]         show entries
add key table value               add an entry behind those of its key
change key table [old] new        change the entry with the old value, or the first
delete key [table [value]]        delete entries
help                              show this
quit                              leave"""


def run(arguments: Sequence[str]) -> int:
    """Run the command, or those on standard input; the exit code is 1 when one found no entry."""
    options, command = split_options(arguments, "v", "dt", USAGE)
    editor = _Editor(database_of(options.get("d"), options.get("t")), is_loud="v" in options)
    if command:
        return editor.run(command)
    code = os.EX_OK
    while not editor.has_left:
        if sys.stdin.isatty():
            print("dbmedit> ", end="", flush=True)
        line = sys.stdin.readline()
        if not line:
            break
        words = split_fields(line.rstrip("\n")).flat()
        code = (editor.run_of_dialogue(words) or code) if words else code
    return code


class _Editor:
    """The commands on one database."""

    def __init__(self, path: Path, *, is_loud: bool) -> None:
        self.has_left = False
        self._path = path
        self._is_loud = is_loud
        self._commands: dict[str, tuple[int, int, Callable[[Sequence[str]], int]]] = {
            "print": (1, 3, self._print),
            "add": (3, 3, self._add),
            "change": (3, 4, self._change),
            "delete": (1, 3, self._delete),
            "help": (0, 0, self._help),
            "quit": (0, 0, self._quit),
        }

    def run(self, words: Sequence[str]) -> int:
        """Run one command, which may be shortened.  Raises CommandError."""
        found = [name for name in self._commands if name.startswith(words[0].lower())]
        if len(found) != 1:
            raise CommandError(f"no command {words[0]!r}; try help", os.EX_USAGE)
        least, most, command = self._commands[found[0]]
        if not least <= len(words) - 1 <= most:
            raise CommandError(f"{found[0]} does not take {len(words) - 1} words; try help", os.EX_USAGE)
        try:
            return command(words[1:])
        except sqlite3.Error as error:
            raise CommandError(f"{self._path}: {error}", os.EX_DATAERR) from error
        except TooManyEditsError as error:
            raise CommandError(str(error), os.EX_UNAVAILABLE) from error

    def run_of_dialogue(self, words: Sequence[str]) -> int:
        """Run one command of a dialogue, which a mistake does not end."""
        try:
            return self.run(words)
        except CommandError as error:
            print(f"dbmedit: {error}", file=sys.stderr)
            return error.code

    def _print(self, words: Sequence[str]) -> int:
        key, table, value = (*words, None, None)[:3]
        records = entries_of_key(self._path, str(key)) if self._path.exists() else {}
        found = 0
        for member, entries in records.items():
            for entry in entries:
                if (table is None or table.lower() == member) and value in (None, entry.value):
                    print(f'key "{entry.key}": table "{member}": value {quote_field(entry.value)}')
                    found += 1
        return self._said(found, "found")

    def _add(self, words: Sequence[str]) -> int:
        entry = DatabaseEntry(words[1].lower(), words[0], words[2])
        return self._said(add_entry(self._path, entry), "added")

    def _change(self, words: Sequence[str]) -> int:
        old = words[2] if len(words) > 3 else None
        entry = DatabaseEntry(words[1].lower(), words[0], words[-1])
        return self._said(change_entries(self._path, entry, old), "changed")

    def _delete(self, words: Sequence[str]) -> int:
        key, table, value = (*words, None, None)[:3]
        member = table.lower() if table else None
        return self._said(delete_entries(self._path, str(key), member, value), "deleted")

    def _help(self, _: Sequence[str]) -> int:
        print(HELP)
        return os.EX_OK

    def _quit(self, _: Sequence[str]) -> int:
        self.has_left = True
        return os.EX_OK

    def _said(self, count: int, done: str) -> int:
        if self._is_loud:
            print(f"{count} {'entry' if count == 1 else 'entries'} {done}", file=sys.stderr)
        if not count:
            print("dbmedit: no such entry", file=sys.stderr)
        return os.EX_OK if count else 1
