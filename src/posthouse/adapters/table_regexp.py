"""Table, as a file of regular expressions; see tables/regexp.py.

Like table_file, a file that can't be read makes every answer unavailable.
"""

from collections.abc import Iterator
from pathlib import Path

from posthouse.adapters.table_watch import FileWatch, UnreadableError
from posthouse.mail.lookup import NOT_FOUND, Answer, Origin
from posthouse.mail.problem import Problem
from posthouse.ports import Clock
from posthouse.tables.regexp import RegexpTable, parse_regexp_table

MAX_OCTETS = 4 * 1024 * 1024


class RegexpFileTable:
    """Port Table on one file of patterns."""

    def __init__(self, name: str, path: Path, clock: Clock) -> None:
        self.name = name
        self._watch = FileWatch(path, clock)
        self._table = RegexpTable(())
        self._unavailable = ""

    async def lookup(self, key: str) -> Answer:
        """Answer with the first pattern that matches the whole key."""
        self._refresh()
        if self._unavailable:
            return Answer(unavailable=self._unavailable)
        found = self._table.match(key)
        if found is None:
            return NOT_FOUND
        rule, value = found
        return Answer((value,), Origin(str(self._watch.path), rule.line))

    @property
    def version(self) -> object:
        """The file's state."""
        self._refresh()
        return self._watch.stamp

    def entries(self) -> Iterator[tuple[str, Answer]]:
        """Every pattern, with its value as written."""
        self._refresh()
        for rule in self._table.rules:
            yield rule.pattern.pattern, Answer((rule.value,), Origin(str(self._watch.path), rule.line))

    def problems(self) -> tuple[Problem, ...]:
        """What is wrong with the file now."""
        self._refresh()
        return self._table.problems

    def _refresh(self) -> None:
        if not self._watch.has_changed():
            return
        file = str(self._watch.path)
        self._unavailable = ""
        try:
            self._table = parse_regexp_table(self._watch.read(MAX_OCTETS), file)
        except UnreadableError as error:
            self._unavailable = str(error)
            self._table = RegexpTable((), (Problem(Origin(file), str(error), "a text file that can be read"),))
