"""The way into the spool for short commands: no threads, no event loop, quick to import.

Its coroutines never wait for anything but the disk, so that one ``send(None)``
runs them to their end (submit/eager.py).
"""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from posthouse.adapters.spool_sqlite.commit import GroupCommitter, Reader, no_step
from posthouse.adapters.spool_sqlite.draft import SqliteDraft
from posthouse.adapters.spool_sqlite.store import Operation

T = TypeVar("T")


class InlineRunner:
    """Does everything at once, where it is called."""

    def __init__(self, committer: GroupCommitter, reader: Reader) -> None:
        self._committer = committer
        self._reader = reader

    async def write(self, operation: Operation[T]) -> T:
        """Run one operation in its own transaction."""
        (result,) = self._committer.run([operation])
        if isinstance(result, BaseException):
            raise result
        return result  # type: ignore[no-any-return]

    async def read(self, question: Callable[[sqlite3.Connection], T]) -> T:
        """Read."""
        return self._reader.ask(question)

    async def survey(self, question: Callable[[sqlite3.Connection], T]) -> T:
        """Read."""
        return self._reader.ask(question)

    async def file(self, work: Callable[[], T]) -> T:
        """Handle a file."""
        return work()

    async def close(self) -> None:
        """Close the connections."""
        self._committer.close()
        self._reader.close()


class DirectIntake:
    """SpoolIntake for the sendmail command, on the same folder as the daemon's SqliteSpool."""

    def __init__(self, folder: Path, *, min_free_octets: int = 0) -> None:
        self._folder = folder
        self._min_free_octets = min_free_octets
        self._runner = InlineRunner(GroupCommitter(folder, min_free_octets, no_step), Reader(folder))

    def begin(self) -> SqliteDraft:
        """Begin a message."""
        return SqliteDraft(self._folder, self._runner, no_step, self._min_free_octets)
