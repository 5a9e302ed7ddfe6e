"""Sync the write-ahead log of the database, at a time of our own choosing.

SQLite syncs it inside a commit (``synchronous = FULL``), while nobody else may write.  With ``NORMAL`` it
leaves that to us, and syncs itself only what checkpoints need: the log before its pages are copied, the database
before the log begins anew.  So what was committed is in a log that we sync here, or safely in the database.

Its own descriptor is harmless: SQLite keeps no locks on the log, which POSIX would drop when we close it.
"""

import os
from pathlib import Path

from posthouse.adapters.disk import sync_folder
from posthouse.adapters.spool_sqlite.schema import DATABASE


class LogSync:
    """The log of one spool folder, while a connection of this process is open: it may be another file afterwards."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._descriptor = -1

    def sync(self) -> None:
        """Return when every commit so far would survive a power cut.  Raises OSError."""
        if self._descriptor < 0:
            self._descriptor = os.open(self._folder / f"{DATABASE}-wal", os.O_RDONLY | os.O_CLOEXEC)
            sync_folder(self._folder)  # a new log has a name that is not yet on the disk
        os.fdatasync(self._descriptor)

    def close(self) -> None:
        """Let go of the file, before the connection is closed."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
