"""The dead-letter mailbox: an mbox file that any mail reader opens.

The rule: a letter is whole and on the disk when ``store`` returns.  What a
crash in mid-write left stands before the next letter as an
incomplete one; it was not promised to anybody.
"""

import asyncio
import fcntl
import os
import re
from pathlib import Path

from posthouse.adapters.disk import NO_ROOM, sync_folder
from posthouse.mail.dates import format_asctime
from posthouse.mail.errors import SpoolError, SpoolFullError
from posthouse.ports import Clock

_FROM_LINE = re.compile(rb"^(>*From )", re.MULTILINE)


class MboxDeadLetters:
    """Port DeadLetters: appends in a thread, under a lock, synced."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock

    async def store(self, text: bytes, reason: str) -> None:
        """Append durably, or raise SpoolError."""
        await asyncio.to_thread(self._append, self._letter(text, reason))

    def _letter(self, text: bytes, reason: str) -> bytes:
        date = format_asctime(self._clock.now())
        why = " ".join("".join(c if c.isprintable() else " " for c in reason).split())[:800]
        body = _FROM_LINE.sub(rb">\1", text.replace(b"\r\n", b"\n"))
        end = b"\n" if body.endswith(b"\n") else b"\n\n"
        return f"From MAILER-DAEMON {date}\nX-Posthouse-Dead-Letter: {why}\n".encode() + body + end

    def _append(self, letter: bytes) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            try:
                fcntl.lockf(descriptor, fcntl.LOCK_EX)
                _write_whole(descriptor, letter)
            finally:
                os.close(descriptor)
            sync_folder(self._path.parent)
        except OSError as error:
            kind = SpoolFullError if error.errno in NO_ROOM else SpoolError
            raise kind(f"dead-letter mailbox {self._path}: {error.strerror}") from error


def _write_whole(descriptor: int, letter: bytes) -> None:
    """Write and sync; on trouble take back what was written."""
    before = os.fstat(descriptor).st_size
    if before and os.pread(descriptor, 2, before - 2) != b"\n\n":
        letter = b"\n\n" + letter  # a crash left an incomplete letter
    try:
        rest = memoryview(letter)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        os.fsync(descriptor)
    except OSError:
        os.ftruncate(descriptor, before)
        raise
