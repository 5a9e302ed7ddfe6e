"""The spool for operators' commands: no threads, no event loop.

Its coroutines never wait for anything but the disk, so that one ``send(None)``
runs them to their end (submit/eager.py).
"""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from posthouse.adapters.spool_sqlite.commit import GroupCommitter, Reader, Step, no_step
from posthouse.adapters.spool_sqlite.face import SqliteFace
from posthouse.adapters.spool_sqlite.intake import InlineRunner


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
