"""A place on the disk for the write-ahead log, written out before it is needed.

A commit that makes the log longer waits for the file system's own journal, too: on ext4 four milliseconds
instead of one.  SQLite begins at the front of the log again after each checkpoint, so only the first
16 MiB after a start are slow; for a small site that is all there ever is.  A log of zeros
is an empty log to SQLite, for its header has no magic number: it overwrites from the front.

The rule: a log that exists is never touched: somebody has the spool open.  What a crash left in one has been
recovered by then.  Failing is harmless: commits are slower for a while.
"""

import os
import sqlite3
from pathlib import Path

from posthouse.adapters.spool_sqlite.schema import (
    CHECKPOINT_PAGES,
    DATABASE,
    PAGE_OCTETS,
    as_spool_error,
    connect,
    locked,
    open_private,
    prepare,
)

_FRAME_OCTETS = PAGE_OCTETS + 24  # SQLite file format, section 4.1: a header before each page
# As long as the log gets before a checkpoint, and some room for the group that crosses the line.
_LOG_OCTETS = CHECKPOINT_PAGES * _FRAME_OCTETS + 1024 * 1024
_PIECE = bytes(1024 * 1024)


def reserve_journal(folder: Path, min_free_octets: int = 0) -> bool:
    """Write out the log of a spool that nobody has open; return whether that was done.  Raises SpoolError."""
    prepare(folder)
    log = folder / f"{DATABASE}-wal"
    fresh = folder / f"{DATABASE}-wal.new"
    try:
        # A log beside a database that is not there yet, or not yet in this mode, would be removed as stale.
        connect(folder).close()
        with locked(folder):
            room = os.statvfs(folder)
            if log.exists() or room.f_bavail * room.f_frsize < min_free_octets + 4 * _LOG_OCTETS:
                return False
            fresh.unlink(missing_ok=True)  # of one who was killed here
            try:
                _write_zeros(fresh, folder)
                os.link(fresh, log)  # never in the place of one that has come meanwhile
            finally:
                fresh.unlink(missing_ok=True)
    except FileExistsError:
        return False
    except (OSError, sqlite3.Error) as error:
        raise as_spool_error(error, folder) from error
    return True


def _write_zeros(path: Path, folder: Path) -> None:
    descriptor = open_private(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, folder)
    try:
        left = _LOG_OCTETS
        while left > 0:
            left -= os.write(descriptor, _PIECE[: min(left, len(_PIECE))])
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
