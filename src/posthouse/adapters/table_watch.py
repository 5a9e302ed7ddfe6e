"""A file that may change under us: when to read it again.

Looks at the file at most once a second, and reads it again when its time, size or inode differ.

Known limits: a file rewritten in place within one tick of the file system's clock, to the same
size, is not noticed; write beside and rename.
"""

from __future__ import annotations  # so that the ports are imported by the type checker alone

import io
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from posthouse.ports import Clock


LOOK_EVERY: Final = 1.0  # seconds


class UnreadableError(OSError):
    """The file can't be used; the table turns it into an answer that is unavailable."""


class FileWatch:
    """The state of one file.  ``stamp`` is equal as long as nothing changed, and serves as a table's version."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self.path = path
        self.stamp: tuple[object, ...] = ()
        self._clock = clock
        self._look_at = clock.monotonic()

    def has_changed(self) -> bool:
        """Look if it is time to; True once after each change (also of the reason why there is no file)."""
        now = self._clock.monotonic()
        if now < self._look_at:
            return False
        self._look_at = now + LOOK_EVERY
        stamp = self._read_stamp()
        if stamp == self.stamp:
            return False
        self.stamp = stamp
        return True

    def read(self, limit: int) -> bytes:
        """Return the whole file.  Raises UnreadableError with a clause for people."""
        try:
            with io.BufferedReader(io.FileIO(self.path, opener=_open_without_waiting)) as stream:
                # A pipe to which nobody writes looks empty, and an empty table says that nobody is known.
                is_plain = stat.S_ISREG(os.fstat(stream.fileno()).st_mode)
                content = stream.read(limit + 1) if is_plain else b""
        except OSError as error:
            raise UnreadableError(f"cannot read {self.path}: {error.strerror or error}") from error
        if not is_plain:
            raise UnreadableError(f"cannot read {self.path}: no plain file")
        if content is None or len(content) > limit:
            raise UnreadableError(f"cannot read {self.path}: larger than {limit} octets")
        return content

    def _read_stamp(self) -> tuple[object, ...]:
        try:
            status = self.path.stat()
        except (OSError, ValueError) as error:
            return (str(error),)
        return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


def _open_without_waiting(path: str, flags: int) -> int:
    # A pipe given as a table must not stop the whole server.
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)
