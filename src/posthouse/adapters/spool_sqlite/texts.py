"""Texts too large for a row: synced files beside the database.

A file exists, synced, with its folder synced, before the row that names it is
committed, and goes after that row.  Whoever writes one holds a lock on it, by
which the cleaner tells a draft from an orphan.
"""

import contextlib
import fcntl
import os
import time
from collections.abc import AsyncIterator, Collection, Iterable, Iterator
from functools import partial
from pathlib import Path

from posthouse.adapters.disk import sync_folder
from posthouse.adapters.spool_sqlite.commit import Runner, Step
from posthouse.adapters.spool_sqlite.schema import TEXTS, as_spool_error, make_folder, open_private
from posthouse.mail.errors import SpoolError, SpoolFullError
from posthouse.queueing.texts import PIECE_OCTETS, leading_header

_ORPHAN_SECONDS = 3600
_ROOM_OCTETS = 1024 * 1024  # written between two looks at how much of the disk is free
# What the system has in its cache is read at once; only what the disk must be asked for is worth a thread.
_NOWAIT = getattr(os, "RWF_NOWAIT", 0)  # Linux


class TextFile:
    """One text on its way to the disk.  Every method waits for the disk and raises SpoolError."""

    def __init__(self, folder: Path, step: Step, min_free_octets: int = 0) -> None:
        token = os.urandom(12).hex()
        self.name = f"{token[:2]}/{token}"
        self._path = folder / TEXTS / self.name
        self._folder = folder
        self._step = step
        self._min_free_octets = min_free_octets
        self._descriptor = -1
        self._before_look = 0  # octets that may be written before the next look for room

    def append(self, text: bytes) -> None:
        """Write all of this."""
        try:
            if self._descriptor < 0:
                self._create()
            self._before_look -= len(text)
            if self._before_look < 0:
                self._require_room()
                self._before_look = _ROOM_OCTETS
            rest = memoryview(text)
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError as error:
            raise as_spool_error(error, self._folder) from error

    def _create(self) -> None:
        parent = self._path.parent
        if not parent.is_dir():
            make_folder(parent.parent, self._folder)
            make_folder(parent, self._folder)
            sync_folder(parent.parent)
        self._descriptor = open_private(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, self._folder)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _require_room(self) -> None:
        disk = os.fstatvfs(self._descriptor)
        if disk.f_bavail * disk.f_frsize < self._min_free_octets:
            raise SpoolFullError(f"less than {self._min_free_octets} octets are free on the disk of {self._folder}")

    def sync(self) -> None:
        """Make the text and its name durable."""
        try:
            self._step("text-written")
            os.fsync(self._descriptor)
            self._step("text-synced")
            sync_folder(self._path.parent)
            self._step("folder-synced")
        except OSError as error:
            raise as_spool_error(error, self._folder) from error

    def release(self) -> None:
        """Let go of the file, which stays; closing it ends the lock."""
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            os.close(descriptor)

    def discard(self) -> None:
        """Remove the file."""
        with contextlib.suppress(OSError):
            self._path.unlink()
        self.release()


class FileText:
    """StoredText of a text in a file."""

    def __init__(self, path: Path, octets: int, runner: Runner) -> None:
        self._path = path
        self.octets = octets
        self._runner = runner

    async def chunks(self) -> AsyncIterator[bytes]:
        """Stream the text, one piece in memory at a time."""
        descriptor = await self._runner.file(self._open)
        try:
            at = 0
            while at < self.octets:
                piece = self._read_cached(descriptor, at)
                if piece is None:
                    piece = await self._runner.file(partial(self._read, descriptor, at))
                at += len(piece)
                if not piece or at > self.octets:
                    raise SpoolError(f"{self._path} does not have the {self.octets} octets of its message")
                yield piece
        finally:
            os.close(descriptor)

    async def header(self, most: int) -> bytes:
        """Return the header."""
        text = b""
        async for piece in self.chunks():
            text += piece
            if len(text) >= most or b"\r\n\r\n" in text:
                break
        return leading_header(text, most)

    def _open(self) -> int:
        try:
            return os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise SpoolError(f"the text of a message cannot be read: {self._path}: {error.strerror}") from error

    def _read_cached(self, descriptor: int, at: int) -> bytes | None:
        """Read what needs no waiting; None when nothing does, or nobody can tell."""
        if not _NOWAIT:
            return None
        buffer = bytearray(PIECE_OCTETS)  # not kept from piece to piece: many texts are read at once
        try:
            octets = os.preadv(descriptor, [buffer], at, _NOWAIT)
        except OSError:  # not in the cache, or a file system that does not say; a disk that fails says so again
            return None
        with memoryview(buffer) as view:
            return bytes(view[:octets])

    def _read(self, descriptor: int, at: int) -> bytes:
        try:
            return os.pread(descriptor, PIECE_OCTETS, at)
        except OSError as error:
            raise SpoolError(f"the text of a message cannot be read: {self._path}: {error.strerror}") from error


def old_texts(folder: Path, before: float) -> Iterator[str]:
    """Name the text files that were last written before this time (seconds since 1970)."""
    texts = folder / TEXTS
    for shelf in sorted(texts.iterdir()) if texts.is_dir() else ():  # a new spool has none yet
        for file in sorted(shelf.iterdir()) if shelf.is_dir() else ():
            with contextlib.suppress(FileNotFoundError):
                if file.stat().st_mtime < before:
                    yield f"{shelf.name}/{file.name}"


def remove_orphans(folder: Path, names: Iterable[str], kept: Collection[str]) -> int:
    """Remove files that belong to no message and to no draft.

    ``kept`` are those with a row, read in a write transaction that is still open: a draft
    that waits to commit its row holds the lock on its file meanwhile.
    """
    removed = 0
    for name in names:
        path = folder / TEXTS / name
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if name not in kept:
                path.unlink()
                removed += 1
        except BlockingIOError:
            continue  # a draft is being written
        finally:
            os.close(descriptor)
    return removed


def orphan_age() -> float:
    """Return the time before which a file must have been written to be an orphan."""
    return time.time() - _ORPHAN_SECONDS
