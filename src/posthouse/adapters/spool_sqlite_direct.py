"""The spool for short commands: no threads, no event loop, quick to import.

Its coroutines never wait for anything but the disk, so that one ``send(None)``
runs them to their end (submit/eager.py).
"""

import sqlite3
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from posthouse.adapters.spool_sqlite_commit import GroupCommitter, Reader, Step, no_step
from posthouse.adapters.spool_sqlite_face import SqliteFace
from posthouse.adapters.spool_sqlite_store import Operation

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

    async def file(self, work: Callable[[], T]) -> T:
        """Handle a file."""
        return work()

    async def close(self) -> None:
        """Close the connections."""
        self._committer.close()
        self._reader.close()


class DirectSpool(SqliteFace):
    """SpoolIntake and SpoolQueue for commands, on the same folder as the daemon's SqliteSpool."""

    def __init__(
        self,
        folder: Path,
        *,
        min_free_octets: int = 0,
        now: Callable[[], datetime] | None = None,
        step: Step = no_step,
    ) -> None:
        runner = InlineRunner(GroupCommitter(folder, min_free_octets, step), Reader(folder))
        super().__init__(folder, runner, min_free_octets=min_free_octets, now=now, step=step)
