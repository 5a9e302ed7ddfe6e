"""The spool of a long-running process: one SQLite database, group commit, no waiting in the event loop.

Make it inside the process that uses it (after any fork) and close it from the same event loop.
Short commands use ``direct``.
"""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from posthouse.adapters.spool_sqlite.commit import GroupCommitter, Reader, Step, no_step
from posthouse.adapters.spool_sqlite.face import SqliteFace
from posthouse.adapters.spool_sqlite.writer import ThreadRunner


class SqliteSpool(SqliteFace):
    """SpoolIntake and SpoolQueue for daemons.

    ``min_free_octets``: with less than this free on the disk, new mail is refused
    (SpoolFullError) while what is queued can still be worked off.  ``now`` is only
    used to say in a listing whether a hop is still postponed.
    """

    def __init__(
        self,
        folder: Path,
        *,
        min_free_octets: int = 0,
        now: Callable[[], datetime] | None = None,
        step: Step = no_step,
    ) -> None:
        runner = ThreadRunner(GroupCommitter(folder, min_free_octets, step), Reader(folder), Reader(folder))
        super().__init__(folder, runner, min_free_octets=min_free_octets, now=now, step=step)
