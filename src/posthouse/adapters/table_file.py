"""Table, as a text file kept in memory and read again when it changes.

A file that can't be read makes every answer unavailable, never "not found": mail waits until it
can be read again.  Lines that can't be read are left out and shown by ``problems``.

Known limits: while a large file is read again (seconds for 100,000 entries, which the old contents answer) both
are in memory.  A table of that size had better be a dbm one.
"""

import io
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

from msgspec import Struct

from posthouse.adapters.table_watch import FileWatch, UnreadableError, WatchedContents, stepping_aside
from posthouse.mail.lookup import NOT_FOUND, Answer, Origin
from posthouse.mail.problem import Problem
from posthouse.ports import Clock
from posthouse.tables.syntax import MAX_PROBLEMS, Entry, fold_key, parse_lines

Parser = Callable[[Iterable[bytes], str], Iterator[Entry | Problem]]  # lines and the name of the file

MAX_OCTETS = 64 * 1024 * 1024  # beyond this, and long before, a dbm table is the better choice


class _Contents(Struct, frozen=True):
    """What a file says."""

    entries: dict[str, tuple[int, tuple[str, ...]]]  # key: first line, values
    problems: tuple[Problem, ...]
    unavailable: str = ""


class FileTable:
    """Port Table on one text file."""

    def __init__(self, name: str, path: Path, clock: Clock, parse: Parser = parse_lines) -> None:
        self.name = name
        self._file = str(path)
        self._contents = WatchedContents(path, clock, partial(_load, parse))

    async def lookup(self, key: str) -> Answer:
        """Answer from memory."""
        contents = self._contents.now()
        if contents.unavailable:
            return Answer(unavailable=contents.unavailable)
        entry = contents.entries.get(fold_key(key))
        if entry is None:
            return NOT_FOUND
        line, values = entry
        return Answer(values, Origin(self._file, line))

    @property
    def version(self) -> object:
        """The state of the file whose contents answer."""
        self._contents.now()
        return self._contents.stamp

    def entries(self) -> Iterator[tuple[str, Answer]]:
        """Every entry, in the order of the file."""
        for key, (line, values) in self._contents.now().entries.items():
            yield key, Answer(values, Origin(self._file, line))

    def problems(self) -> tuple[Problem, ...]:
        """What is wrong with the file now."""
        return self._contents.now().problems


def _load(parse: Parser, watch: FileWatch) -> _Contents:
    try:
        content = watch.read(MAX_OCTETS)
    except UnreadableError as error:
        problem = Problem(Origin(str(watch.path)), str(error), "a text file that can be read")
        return _Contents({}, (problem,), str(error))
    entries: dict[str, tuple[int, tuple[str, ...]]] = {}
    problems: list[Problem] = []
    for element in parse(stepping_aside(io.BytesIO(content)), str(watch.path)):
        if isinstance(element, Entry):
            line, values = entries.get(element.key, (element.line, ()))
            entries[element.key] = (line, (*values, element.value))
        elif len(problems) < MAX_PROBLEMS:
            problems.append(element)
    return _Contents(entries, tuple(problems))
