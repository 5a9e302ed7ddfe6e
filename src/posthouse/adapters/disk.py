"""What every adapter that keeps files does with a disk.  All of it blocks: in a daemon it is run in a thread."""

from __future__ import annotations  # so that the types are imported by the type checker alone

import contextlib
import errno
import fcntl
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable; without it a power cut may take a file that is synced itself."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def replacing(target: Path, like: os.stat_result | None) -> Iterator[Path]:
    """Put a new file in the place of ``target``, whole or not at all: yield where to write it.

    Whoever may read ``like`` may read the new file; without it everybody may.  When the block raises, the
    old file stays and the new one is gone.  Raises OSError.
    """
    import tempfile  # not at the top: sendmail asks tables and builds none

    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    new = Path(name)
    try:
        yield new
        os.fchmod(descriptor, 0o644 if like is None else like.st_mode & 0o666)
        if like is not None and os.geteuid() == 0:
            os.fchown(descriptor, like.st_uid, like.st_gid)
        os.fsync(descriptor)
        new.replace(target)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)
    sync_folder(target.parent)


@contextlib.contextmanager
def folder_locked(folder: Path) -> Iterator[None]:
    """Keep others who ask the same out of a folder; wait for them.  A process that dies lets go.  Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
