"""Table, as a text file kept in memory and read again when it changes.

A file that can't be read makes every answer unavailable, never "not found": mail waits until it
can be read again.  Lines that can't be read are left out and shown by ``problems``.

Known limits: a changed file is read where it is asked for, and its process does nothing else meanwhile: about a
second for 100,000 entries.  A table of that size had better be a dbm one.
"""

from collections.abc import Iterator
from pathlib import Path

from posthouse.adapters.table_watch import FileWatch, UnreadableError
from posthouse.mail.lookup import NOT_FOUND, Answer, Origin
from posthouse.mail.problem import Problem
from posthouse.ports import Clock
from posthouse.tables.syntax import fold_key, parse_table

MAX_OCTETS = 64 * 1024 * 1024  # beyond this, and long before, a dbm table is the better choice


class FileTable:
    """Port Table on one text file."""

    def __init__(self, name: str, path: Path, clock: Clock) -> None:
        self.name = name
        self._watch = FileWatch(path, clock)
        self._entries: dict[str, tuple[int, tuple[str, ...]]] = {}  # key: first line, values
        self._problems: tuple[Problem, ...] = ()
        self._unavailable = ""

    async def lookup(self, key: str) -> Answer:
        """Answer from memory."""
        self._refresh()
        if self._unavailable:
            return Answer(unavailable=self._unavailable)
        entry = self._entries.get(fold_key(key))
        if entry is None:
            return NOT_FOUND
        line, values = entry
        return Answer(values, Origin(str(self._watch.path), line))

    @property
    def version(self) -> object:
        """The file's state."""
        self._refresh()
        return self._watch.stamp

    def entries(self) -> Iterator[tuple[str, Answer]]:
        """Every entry, in the order of the file."""
        self._refresh()
        for key, (line, values) in list(self._entries.items()):
            yield key, Answer(values, Origin(str(self._watch.path), line))

    def problems(self) -> tuple[Problem, ...]:
        """What is wrong with the file now."""
        self._refresh()
        return self._problems

    def _refresh(self) -> None:
        if not self._watch.has_changed():
            return
        self._entries, self._problems, self._unavailable = {}, (), ""
        try:
            content = self._watch.read(MAX_OCTETS)
        except UnreadableError as error:
            self._unavailable = str(error)
            self._problems = (Problem(Origin(str(self._watch.path)), str(error), "a text file that can be read"),)
            return
        parsed = parse_table(content, str(self._watch.path))
        self._problems = parsed.problems
        for entry in parsed.entries:
            line, values = self._entries.get(entry.key, (entry.line, ()))
            self._entries[entry.key] = (line, (*values, entry.value))
