"""Table, as a file of regular expressions; see tables/regexp.py.

Like table_file, a file that can't be read makes every answer unavailable.
"""

import io
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from posthouse.adapters.table_watch import FileWatch, UnreadableError, WatchedContents, stepping_aside
from posthouse.mail.lookup import NOT_FOUND, Answer, Origin
from posthouse.mail.problem import Problem
from posthouse.ports import Clock
from posthouse.tables.regexp import RegexpTable, parse_regexp_table

MAX_OCTETS = 4 * 1024 * 1024


class _Contents(Struct, frozen=True):
    """What a file says."""

    table: RegexpTable
    unavailable: str = ""


class RegexpFileTable:
    """Port Table on one file of patterns."""

    def __init__(self, name: str, path: Path, clock: Clock) -> None:
        self.name = name
        self._file = str(path)
        self._contents = WatchedContents(path, clock, _load)

    async def lookup(self, key: str) -> Answer:
        """Answer with the first pattern that matches the whole key."""
        contents = self._contents.now()
        if contents.unavailable:
            return Answer(unavailable=contents.unavailable)
        found = contents.table.match(key)
        if found is None:
            return NOT_FOUND
        rule, value = found
        return Answer((value,), Origin(self._file, rule.line))

    @property
    def version(self) -> object:
        """The state of the file whose patterns answer."""
        self._contents.now()
        return self._contents.stamp

    def entries(self) -> Iterator[tuple[str, Answer]]:
        """Every pattern, with its value as written."""
        for rule in self._contents.now().table.rules:
            yield rule.pattern.pattern, Answer((rule.value,), Origin(self._file, rule.line))

    def problems(self) -> tuple[Problem, ...]:
        """What is wrong with the file now."""
        return self._contents.now().table.problems


def _load(watch: FileWatch) -> _Contents:
    file = str(watch.path)
    try:
        content = watch.read(MAX_OCTETS)
    except UnreadableError as error:
        problem = Problem(Origin(file), str(error), "a text file that can be read")
        return _Contents(RegexpTable((), (problem,)), str(error))
    return _Contents(parse_regexp_table(stepping_aside(io.BytesIO(content)), file))
