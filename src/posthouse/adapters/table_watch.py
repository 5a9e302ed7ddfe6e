"""A file that may change under us: when to read it again, and who waits for it.

Looks at the file at most once a second, and reads it again when its time, size or inode differ.
The rule: who asks waits for a small file only.  A large one is read in a thread, and what
was read before answers until that is done.

Known limits: a file rewritten in place within one tick of the file system's clock, to the same
size, is not noticed; write beside and rename.
"""

from __future__ import annotations  # so that the ports are imported by the type checker alone

import io
import os
import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from posthouse.ports import Clock

ContentT = TypeVar("ContentT")
ElementT = TypeVar("ElementT")


LOOK_EVERY: Final = 1.0  # seconds
AT_ONCE_OCTETS: Final = 64 * 1024  # read where it is asked for: some ten milliseconds
_STRETCH = 200  # lines, about two milliseconds of work
_BREATH = 0.0001  # seconds


class UnreadableError(OSError):
    """The file can't be used; the table turns it into an answer that is unavailable."""


class FileWatch:
    """The state of one file.  ``stamp`` is equal as long as nothing changed, and serves as a table's version."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self.path = path
        self.stamp: tuple[object, ...] = ()
        self.octets = 0
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
        return read_whole(self.path, limit)

    def _read_stamp(self) -> tuple[object, ...]:
        self.octets = 0
        try:
            status = self.path.stat()
        except (OSError, ValueError) as error:
            return (str(error),)
        self.octets = status.st_size
        return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


class WatchedContents(Generic[ContentT]):
    """What a file says, read again when the file changes.  ``stamp`` changes after the contents have, never before."""

    def __init__(self, path: Path, clock: Clock, load: Callable[[FileWatch], ContentT]) -> None:
        """``load`` makes the contents, in whatever thread, and has an answer to a file that can't be read, too."""
        self.path = path
        self.stamp: tuple[object, ...] = ()
        self._watch = FileWatch(path, clock)
        self._load = load
        self._contents: ContentT | None = None
        self._is_loading = False

    def now(self) -> ContentT:
        """Return what is known.  Waits for a file that is small, or of which nothing is known yet."""
        if not self._is_loading and (self._watch.has_changed() or self._contents is None):
            if self._contents is None or self._watch.octets <= AT_ONCE_OCTETS:
                return self._read()
            self._is_loading = True
            self._read_aside()
        return self._read() if self._contents is None else self._contents

    def _read(self) -> ContentT:
        stamp = self._watch.stamp
        contents = self._contents = self._load(self._watch)
        self.stamp = stamp
        return contents

    def _read_aside(self) -> None:
        from threading import Thread  # only a daemon comes here, and commands have to start fast

        Thread(target=self._read_to_the_end, name=f"read {self.path}", daemon=True).start()

    def _read_to_the_end(self) -> None:
        # A reader in whose way something came must not be the last one.
        try:
            self._read()
        finally:
            self._is_loading = False


def read_whole(path: Path, limit: int) -> bytes:
    """Return a whole file of at most ``limit`` octets.  Raises UnreadableError with a clause for people."""
    try:
        with io.BufferedReader(io.FileIO(path, opener=_open_without_waiting)) as stream:
            # A pipe to which nobody writes looks empty, and an empty table says that nobody is known.
            is_plain = stat.S_ISREG(os.fstat(stream.fileno()).st_mode)
            content = stream.read(limit + 1) if is_plain else b""
    except OSError as error:
        raise UnreadableError(f"cannot read {path}: {error.strerror or error}") from error
    if not is_plain:
        raise UnreadableError(f"cannot read {path}: no plain file")
    if content is None or len(content) > limit:
        raise UnreadableError(f"cannot read {path}: larger than {limit} octets")
    return content


def stepping_aside(lines: Iterable[ElementT]) -> Iterator[ElementT]:
    """Pass lines on, and let the event loop have the interpreter every few of them.

    Without a pause the loop would get it back five milliseconds after each of its own waits: many for each reply.
    """
    for number, line in enumerate(lines, start=1):
        yield line
        if not number % _STRETCH:
            time.sleep(_BREATH)


def _open_without_waiting(path: str, flags: int) -> int:
    # A pipe given as a table must not stop the whole server.
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)
