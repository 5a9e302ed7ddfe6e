"""The drop as the daemon sees it: files that anybody may have put there.

Port DropFolder over the folder into which spool_drop writes.  The rule: nothing is opened that is not a regular
file with a single name, nothing is followed, nothing is waited for.  A lock on the file says who has it,
so that two processes (a reload) never take the same one.  The disk is waited for in threads.
"""

import asyncio
import fcntl
import os
import stat
import time
from collections.abc import AsyncIterator, Callable, Container
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from posthouse.adapters.disk import sync_folder
from posthouse.adapters.spool_drop import DROP, ENDING
from posthouse.adapters.spool_sqlite.schema import as_spool_error
from posthouse.mail.errors import MalformedError, SpoolError
from posthouse.queueing.texts import PIECE_OCTETS

BAD = "drop-bad"

_AT_ONCE = 10_000  # names in one look
_LEFTOVER_SECONDS = 3600  # a hidden file is written in one go: an older one is left over from a crash
_NAME_OCTETS = 200


class FolderOfDrops:
    """DropFolder.  ``most_octets`` bounds a file, ``name_of`` says whose a user id is."""

    def __init__(self, spool: Path, most_octets: int, name_of: Callable[[int], str]) -> None:
        self._folder = spool / DROP
        self._bad = spool / BAD
        self._most_octets = most_octets
        self._name_of = name_of

    async def names(self, without: Container[str]) -> list[str]:
        """Name what lies there, oldest first; a bounded number."""
        return await asyncio.to_thread(self._names, without)

    def _names(self, without: Container[str]) -> list[str]:
        found: list[str] = []
        try:
            with os.scandir(self._folder) as entries:
                for entry in entries:
                    if entry.name.startswith("."):
                        _remove_leftover(entry)
                    elif entry.name not in without:
                        found.append(entry.name)
                    if len(found) >= _AT_ONCE:
                        break
        except FileNotFoundError:
            return []
        except OSError as error:
            raise as_spool_error(error, self._folder) from error
        return sorted(found)

    async def open(self, name: str) -> "DroppedFile | None":
        """Claim one."""
        return await asyncio.to_thread(self._open, name)

    def _open(self, name: str) -> "DroppedFile | None":
        if not name.endswith(ENDING):
            raise MalformedError(f"its name does not end in {ENDING}")
        path = self._folder / name
        try:
            # Before it is opened: to open a device or a pipe may already do something.
            _require_plain(path.lstat())
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        except PermissionError as error:
            raise MalformedError("its owner does not let us read it") from error
        except OSError as error:
            raise as_spool_error(error, path) from error
        try:
            claimed = self._claim(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        if claimed is None:
            os.close(descriptor)
        return claimed

    def _claim(self, descriptor: int) -> "DroppedFile | None":
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return None
        status = os.fstat(descriptor)
        if status.st_nlink == 0:
            return None  # somebody else has taken it, removed it, and let go
        _require_plain(status)
        if status.st_size > self._most_octets:
            raise MalformedError(f"it has {status.st_size} octets; {self._most_octets} are the most")
        return DroppedFile(descriptor, self._name_of(status.st_uid), status, self._most_octets)

    async def remove(self, name: str) -> None:
        """Remove one durably."""
        await asyncio.to_thread(self._translated, lambda: self._remove(name))

    def _remove(self, name: str) -> str:
        (self._folder / name).unlink(missing_ok=True)
        sync_folder(self._folder)
        return ""

    async def set_aside(self, name: str) -> str:
        """Move one into the folder for what is no message, under a name that no other has."""
        return await asyncio.to_thread(self._translated, lambda: self._set_aside(name))

    def _set_aside(self, name: str) -> str:
        self._bad.mkdir(mode=0o700, exist_ok=True)
        kept = self._bad / f"{os.fsdecode(os.fsencode(name)[:_NAME_OCTETS])}.{os.urandom(8).hex()}"
        (self._folder / name).rename(kept)
        sync_folder(self._bad)
        sync_folder(self._folder)
        return str(kept)

    def _translated(self, work: Callable[[], str]) -> str:
        try:
            return work()
        except OSError as error:
            raise as_spool_error(error, self._folder) from error


class DroppedFile:
    """DroppedMessage: an open file, locked."""

    def __init__(self, descriptor: int, user: str, status: os.stat_result, most_octets: int) -> None:
        self.user = user
        self.since = datetime.fromtimestamp(status.st_ctime, UTC)  # which its owner cannot set
        self._descriptor = descriptor
        self._left = most_octets  # its owner may write to it while we read
        self._rest = b""

    async def first_line(self, most: int) -> bytes:
        """Read the first line, at most so many octets of it."""
        line = bytearray()
        while len(line) < most and b"\n" not in line:
            piece = await self._read()
            if not piece:
                break
            line += piece
        end = min(line.find(b"\n") + 1 or most, most)
        self._rest = bytes(line[end:])
        return bytes(line[:end])

    async def chunks(self) -> AsyncIterator[bytes]:
        """Stream the rest."""
        piece, self._rest = self._rest, b""
        if piece:
            yield piece
        while piece := await self._read():
            yield piece

    async def _read(self) -> bytes:
        try:
            piece = await asyncio.to_thread(os.read, self._descriptor, PIECE_OCTETS)
        except OSError as error:
            raise SpoolError(f"a dropped message cannot be read: {error.strerror}") from error
        self._left -= len(piece)
        if self._left < 0:
            raise MalformedError("it grew while it was read")
        return piece

    async def close(self) -> None:
        """Let go of it."""
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            os.close(descriptor)


def _require_plain(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise MalformedError("it is not a regular file")
    if status.st_nlink > 1:
        # It might be a file of ours, to which somebody has made a link.
        raise MalformedError("it has more than one name")


def _remove_leftover(entry: "os.DirEntry[str]") -> None:
    with suppress(OSError):  # gone, or a directory: it stays, and hurts nobody
        if entry.stat(follow_symlinks=False).st_ctime < time.time() - _LEFTOVER_SECONDS:
            Path(entry.path).unlink()
