"""One message on its way to the end of an mbox file.

Two locks, as mail readers expect: ``<file>.lock`` made exclusively, then
fcntl on the file.  What cannot be written whole is cut off again.  All methods
block only for the disk, and are run in a thread, one at a time; waiting for
the lock is the caller's.

Known limits: a crash in mid-write leaves a part of a message at the end of
the file, which is why Maildir is the default.  Two deliveries that find the
same stale lock at the same moment are kept apart by the second lock only if
they are of different processes.
"""

import fcntl
import os
import time
from contextlib import suppress
from pathlib import Path

from posthouse.channels.durable import make_directories, sync_directory, write_all

STALE_AFTER_SECONDS = 300  # every 64 KiB written renews the lock's time


class MboxDraft:
    """Lock, write, commit; or abandon.  OSError says that nothing was delivered."""

    def __init__(self, mailbox: Path) -> None:
        self._mailbox = mailbox
        self._lock = mailbox.with_name(mailbox.name + ".lock")
        self._locked = False
        self._descriptor = -1
        self._size_before = -1

    def try_begin(self) -> bool:
        """Take both locks and open the mailbox; False while somebody else has it."""
        if not self._take_dot_lock():
            return False
        try:
            begun = self._open()
        except OSError:
            self.abandon()
            raise
        if not begun:
            self.abandon()
        return begun

    def write(self, *pieces: bytes) -> None:
        """Append, and show that the lock is alive."""
        write_all(self._descriptor, *pieces)
        os.utime(self._lock)

    def commit(self) -> None:
        """Make the message durable, and unlock."""
        os.fsync(self._descriptor)
        if self._size_before == 0:
            sync_directory(self._mailbox.parent)
        self._size_before = -1
        self._release()

    def abandon(self) -> None:
        """Cut off what was written, and unlock.  Harmless after commit."""
        if self._descriptor >= 0 and self._size_before >= 0:
            with suppress(OSError):  # shrinking needs no room; if it fails, readers see a cut message
                os.ftruncate(self._descriptor, self._size_before)
                os.fsync(self._descriptor)
            self._size_before = -1
        self._release()

    def _take_dot_lock(self) -> bool:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        try:
            descriptor = os.open(self._lock, flags, 0o600)
        except FileExistsError:
            self._break_stale_lock()
            return False
        except FileNotFoundError:
            make_directories(self._mailbox.parent)
            descriptor = os.open(self._lock, flags, 0o600)
        self._locked = True
        with os.fdopen(descriptor, "wb") as file:
            file.write(b"%d\n" % os.getpid())
        return True

    def _break_stale_lock(self) -> None:
        with suppress(FileNotFoundError):
            age = time.time() - self._lock.stat().st_mtime
            if age > STALE_AFTER_SECONDS:
                self._lock.unlink()

    def _open(self) -> bool:
        # O_NOFOLLOW: whoever may write in the directory must not choose another file for us.
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        self._descriptor = os.open(self._mailbox, flags, 0o600)
        try:
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):  # POSIX allows either for "locked by another"
            return False
        self._size_before = os.fstat(self._descriptor).st_size
        return True

    def _release(self) -> None:
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            os.close(descriptor)  # also ends the fcntl lock
        if self._locked:
            self._locked = False
            with suppress(FileNotFoundError):
                self._lock.unlink()
