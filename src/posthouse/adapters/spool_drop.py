"""The spool as a user sees it who may not write it: a folder into which messages are dropped.

Port SpoolIntake for commands.  The rule: a name that ends in ``.mail`` is a whole message, synced, with its
folder synced; until then the file has a hidden name.  The folder can be written and
searched, but not listed, by everybody; only its owner can take out what is not his own.
"""

import os
import stat
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from posthouse.adapters.disk import sync_folder
from posthouse.adapters.spool_sqlite.schema import as_spool_error
from posthouse.mail.envelope import Envelope
from posthouse.mail.errors import MalformedError, SpoolError, SpoolFullError
from posthouse.mail.limits import Limits
from posthouse.mail.queued import QueueId, Settlement, WarningMark
from posthouse.submit.dropped import read_envelope, write_envelope

DROP = "drop"
ENDING = ".mail"

_IN_MEMORY_OCTETS = 1024 * 1024


def has_drop(spool: Path) -> bool:
    """Is there a drop that we may use?"""
    return os.access(spool / DROP, os.W_OK | os.X_OK)


class DropSpool:
    """SpoolIntake.  Nothing here waits for anything but the disk."""

    def __init__(self, spool: Path, limits: Limits) -> None:
        self._folder = spool / DROP
        self._limits = limits

    def begin(self) -> "DropDraft":
        """Begin a message."""
        return DropDraft(self._folder, self._limits)


class DropDraft:
    """One message.  The envelope comes last and stands first in the file: the text waits beside, in memory if small."""

    def __init__(self, folder: Path, limits: Limits) -> None:
        self._folder = folder
        self._limits = limits
        self._text: BinaryIO = BytesIO()
        self._in_memory = True
        self._open = True

    async def write(self, chunk: bytes) -> None:
        """Append text."""
        self._require_open()
        try:
            if self._in_memory and self._text.tell() + len(chunk) > _IN_MEMORY_OCTETS:
                self._spill()
            self._text.write(chunk)
        except OSError as error:
            raise as_spool_error(error, self._folder) from error

    def _spill(self) -> None:
        from tempfile import TemporaryFile  # with all that it imports, only for the rare large text

        file = TemporaryFile()  # noqa: SIM115 - closed by commit or abandon
        self._text.seek(0)
        _copy(self._text, file)
        self._text, self._in_memory = file, False

    async def commit(
        self,
        envelope: Envelope,
        accepted: datetime,
        settlements: Sequence[Settlement] = (),
        warnings: Sequence[WarningMark] = (),
    ) -> QueueId:
        """Make the message durable and return the name of its file."""
        self._require_open()
        if settlements or warnings or envelope.failed:
            raise SpoolError("only new messages can be dropped")
        line = self._line(envelope)
        microseconds = int(accepted.timestamp() * 1_000_000)
        name = f"{microseconds}-{os.getpid()}-{os.urandom(16).hex()}"
        try:
            self._write_file(name, line)
        except OSError as error:
            raise as_spool_error(error, self._folder) from error
        await self.abandon()
        return name

    def _line(self, envelope: Envelope) -> bytes:
        line = write_envelope(envelope)
        try:
            # Who picks it up cannot ask back: what he would not understand is not accepted.
            read_envelope(line, self._limits)
        except MalformedError as error:
            raise SpoolError(str(error)) from error
        return line

    def _write_file(self, name: str, line: bytes) -> None:
        hidden = self._folder / f".{name}"
        descriptor = os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                self._require_room(descriptor)
                os.fchmod(descriptor, _mode(self._folder))
                file.write(line)
                self._text.seek(0)
                _copy(self._text, file)
                file.flush()
                os.fsync(descriptor)
            hidden.rename(self._folder / (name + ENDING))
        except BaseException:
            with suppress(OSError):
                hidden.unlink()
            raise
        self._sync_folder()

    def _require_room(self, descriptor: int) -> None:
        disk = os.fstatvfs(descriptor)
        if disk.f_bavail * disk.f_frsize < self._limits.spool_free_octets:
            raise SpoolFullError(f"less than {self._limits.spool_free_octets} octets are free on {self._folder}")

    def _sync_folder(self) -> None:
        """Sync the name.  Who may not list a folder cannot open it to sync it alone: then everything is synced."""
        try:
            sync_folder(self._folder)
        except PermissionError:
            os.sync()

    async def abandon(self) -> None:
        """Forget the draft."""
        self._open = False
        self._text.close()

    def _require_open(self) -> None:
        if not self._open:
            raise SpoolError("this draft was committed or abandoned")


def _copy(source: BinaryIO, target: BinaryIO) -> None:
    while piece := source.read(_IN_MEMORY_OCTETS):
        target.write(piece)


def _mode(folder: Path) -> int:
    """Return the mode of a message: its owner's, and where the folder passes on its group, the daemon's."""
    passes_on_group = folder.stat().st_mode & stat.S_ISGID
    return 0o640 if passes_on_group else 0o600
