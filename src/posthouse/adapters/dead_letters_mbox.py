"""The dead-letter mailbox: an mbox file that any mail reader opens.

The rule: a letter is whole and on the disk when ``store`` returns.  What a
crash in mid-write left stands before the next letter as an
incomplete one; it was not promised to anybody.
"""

import asyncio
import fcntl
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from posthouse.adapters.disk import NO_ROOM, sync_folder
from posthouse.mail.dates import format_asctime
from posthouse.mail.errors import SpoolError, SpoolFullError
from posthouse.mail.line_ends import LineEnds
from posthouse.mail.mbox_format import FromQuoter
from posthouse.ports import Clock, Letter

T = TypeVar("T")


class MboxDeadLetters:
    """Port DeadLetters: appends in a thread, piece by piece, under a lock, synced."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._turn = asyncio.Lock()  # the file's own lock keeps out other processes only

    async def store(self, letter: Letter, reason: str) -> None:
        """Append durably, or raise SpoolError."""
        async with self._turn:
            descriptor = await self._in_thread(self._open)
            try:
                before = await self._in_thread(lambda: _size(descriptor))
                try:
                    await self._append(descriptor, letter, reason)
                except BaseException:  # also when it is told to leave off: nothing may stand before half a letter
                    os.ftruncate(descriptor, before)
                    raise
            finally:
                os.close(descriptor)

    async def _append(self, descriptor: int, letter: Letter, reason: str) -> None:
        line_ends, quoter = LineEnds(), FromQuoter()
        await self._in_thread(lambda: _write(descriptor, _first_lines(self._clock, reason)))
        async for chunk in letter.chunks():
            await self._in_thread(partial(_write, descriptor, quoter.feed(line_ends.feed(chunk))))
        rest = quoter.feed(line_ends.finish()) + quoter.finish()
        await self._in_thread(lambda: _finish(descriptor, rest))
        await self._in_thread(lambda: sync_folder(self._path.parent))

    def _open(self) -> int:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX)
            _end_the_last(descriptor)
        except OSError:
            os.close(descriptor)
            raise
        return descriptor

    async def _in_thread(self, work: Callable[[], T]) -> T:
        """Wait for the disk, to the end even when told to leave off: the thread still has the file in hand."""
        working = asyncio.ensure_future(asyncio.to_thread(work))
        try:
            return await asyncio.shield(working)
        except asyncio.CancelledError:
            await asyncio.wait([working])
            raise
        except OSError as error:
            kind = SpoolFullError if error.errno in NO_ROOM else SpoolError
            raise kind(f"dead-letter mailbox {self._path}: {error.strerror}") from error


def _first_lines(clock: Clock, reason: str) -> bytes:
    date = format_asctime(clock.now())
    why = " ".join("".join(c if c.isprintable() else " " for c in reason).split())[:800]
    return f"From MAILER-DAEMON {date}\nX-Posthouse-Dead-Letter: {why}\n".encode()


def _size(descriptor: int) -> int:
    return os.fstat(descriptor).st_size


def _end_the_last(descriptor: int) -> None:
    """End the letter that a crash left incomplete."""
    size = _size(descriptor)
    if size and os.pread(descriptor, 2, size - 2) != b"\n\n":
        _write(descriptor, b"\n\n")


def _write(descriptor: int, text: bytes) -> None:
    rest = memoryview(text)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _finish(descriptor: int, rest: bytes) -> None:
    _write(descriptor, rest)
    os.fsync(descriptor)
