"""The map classes hash, btree, dbm and cdb: databases of makemap(8), or the text that they are made of.

``/etc/mail/access`` names the text; the database is ``/etc/mail/access.db``, or ``.cdb``.  The database answers
unless there is none or the text is newer; so a site may leave makemap out.

makemap writes a database in place, under a lock (flock(2)): each look-up takes a shared one, and waits for makemap at
most five seconds.  A file that cannot be read defers mail, unless the map is optional and the file is not there.

Known limits: the process waits while a page that is not in memory is read from the disk.
"""

from __future__ import annotations  # so that the ports are imported by the type checker alone

import asyncio
import errno
import fcntl
import os
import stat
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from posthouse.adapters.map_flagged import NOT_FOUND
from posthouse.adapters.table_watch import FileWatch, UnreadableError
from posthouse.mail.lookup import MapAnswer, MapStatus, Origin
from posthouse.mail.map_arguments import MapArguments, NullByte
from posthouse.tables.berkeley_db import BerkeleyDatabase
from posthouse.tables.berkeley_pages import DamagedDatabaseError
from posthouse.tables.cdb import ConstantDatabase
from posthouse.tables.makemap_text import parse_makemap_text

if TYPE_CHECKING:
    from posthouse.ports import Clock

SUFFIX: Final = ".db"
CDB_SUFFIX: Final = ".cdb"
MAX_TEXT_OCTETS: Final = 64 * 1024 * 1024
_LOCK_SECONDS: Final = 5.0
_PAUSE_SECONDS: Final = 0.01

Reader = type[BerkeleyDatabase] | type[ConstantDatabase]


class DatabaseSource:
    """One database or its text."""

    kept_seconds = 1.0

    def __init__(self, path: Path, flags: MapArguments, clock: Clock, suffix: str = SUFFIX) -> None:
        self._text_path = path.with_name(path.name.removesuffix(suffix)) if path.suffix == suffix else path
        self._flags = flags
        self._reader: Reader = ConstantDatabase if suffix == CDB_SUFFIX else BerkeleyDatabase
        self._database = FileWatch(self._text_path.with_name(self._text_path.name + suffix), clock)
        self._text = FileWatch(self._text_path, clock)
        self._open: _OpenDatabase | None = None
        self._entries: dict[bytes, tuple[bytes, int]] = {}
        self._trouble: MapAnswer | None = None

    async def find(self, key: str, arguments: Sequence[str]) -> MapAnswer:  # noqa: ARG002 - the port's
        """Look a key up, folded to lower case unless the flags say otherwise."""
        self._look()
        if self._trouble is not None:
            return self._trouble
        try:
            wanted = key.encode("latin-1")
        except UnicodeEncodeError:
            return NOT_FOUND  # metasymbols: no file can hold them
        wanted = wanted if self._flags.keeps_case else wanted.lower()
        return await self._from_database(wanted) if self._open is not None else self._from_text(wanted)

    @property
    def version(self) -> tuple[object, ...]:
        """The state of the files that answer."""
        self._look()
        return (self._database.stamp, self._text.stamp)

    def _look(self) -> None:
        changed = (self._database.has_changed(), self._text.has_changed())
        if any(changed):
            self._reopen()

    def _from_text(self, key: bytes) -> MapAnswer:
        value, line = self._entries.get(key, (None, 0))
        if value is None:
            return NOT_FOUND
        return MapAnswer(MapStatus.FOUND, value.decode("latin-1"), origin=Origin(str(self._text_path), line))

    async def _from_database(self, key: bytes) -> MapAnswer:
        opened = self._open
        if opened is None:
            return NOT_FOUND
        nulls = {NullByte.EITHER: (b"", b"\0"), NullByte.ALWAYS: (b"\0",), NullByte.NEVER: (b"",)}
        try:
            await opened.lock()
            try:
                values = (opened.get(key + null) for null in nulls[self._flags.null_byte])
                value = next((value for value in values if value is not None), None)
            finally:
                opened.unlock()
        except (OSError, DamagedDatabaseError) as error:
            return _deferral(self._database.path, error)
        if value is None:
            return NOT_FOUND
        return MapAnswer(MapStatus.FOUND, value.decode("latin-1"), origin=Origin(str(self._database.path)))

    def _reopen(self) -> None:
        self._open, self._entries, self._trouble = None, {}, None
        database, text = written_at(self._database.path), written_at(self._text_path)
        try:
            if database is not None and (text is None or text <= database):
                self._open = _OpenDatabase(self._database.path, self._reader)
            elif text is not None:
                content = self._text.read(MAX_TEXT_OCTETS)
                parsed = parse_makemap_text(content, str(self._text_path), keeps_case=self._flags.keeps_case)
                self._entries = dict(parsed.entries)
            else:
                self._trouble = self._missing()
        except UnreadableError as error:
            self._trouble = MapAnswer(MapStatus.TEMPORARY, reason=f"not open: {error}")
        except OSError as error:
            self._trouble = _deferral(self._database.path, error)

    def _missing(self) -> MapAnswer:
        reason = f"not open: neither {self._database.path} nor {self._text_path} can be found"
        if self._flags.is_optional:
            return MapAnswer(MapStatus.NOT_FOUND, reason=reason)
        notice = f"missing map file {self._database.path}: {os.strerror(errno.ENOENT)}"
        return MapAnswer(MapStatus.TEMPORARY, reason=reason, notice=notice)


class _OpenDatabase:
    """A database file, open as long as this lives."""

    def __init__(self, path: Path, reader: Reader) -> None:
        self._reader = reader
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a pipe must not stop the server
        weakref.finalize(self, os.close, self._file)
        if not stat.S_ISREG(os.fstat(self._file).st_mode):
            raise OSError(errno.EINVAL, "no plain file")
        self._state: tuple[int, int] = (0, -1)
        self._database: BerkeleyDatabase | ConstantDatabase | None = None

    async def lock(self) -> None:
        """Wait until nobody writes.  Raises OSError when that takes too long."""
        for _ in range(int(_LOCK_SECONDS / _PAUSE_SECONDS)):
            try:
                fcntl.flock(self._file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                await asyncio.sleep(_PAUSE_SECONDS)
            else:
                return
        raise OSError(errno.ETIMEDOUT, f"locked by a writer for {_LOCK_SECONDS:g} s")

    def unlock(self) -> None:
        """Let writers in."""
        fcntl.flock(self._file, fcntl.LOCK_UN)

    def get(self, key: bytes) -> bytes | None:
        """Look a key up.  Raises OSError and DamagedDatabaseError."""
        status = os.fstat(self._file)
        state = (status.st_size, status.st_mtime_ns)
        if self._database is None or state != self._state:
            self._database, self._state = self._reader(self._read_at), state
        return self._database.get(key)

    def _read_at(self, offset: int, octets: int) -> bytes:
        return os.pread(self._file, octets, offset)


def written_at(path: Path) -> int | None:
    """When a file was written; None when there is none.  One that may not be seen was written just now."""
    try:
        return path.stat().st_mtime_ns
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    except OSError:
        return 2**63  # it is there, and nobody but its reader can say what is wrong


def _deferral(path: Path, error: OSError | DamagedDatabaseError) -> MapAnswer:
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return MapAnswer(MapStatus.TEMPORARY, reason=f"cannot read {path}: {reason or error}")
