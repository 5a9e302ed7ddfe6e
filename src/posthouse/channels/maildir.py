"""One message on its way into a Maildir.

Written under tmp/, synced, renamed into new/, and new/ synced: a reader sees
the whole message or nothing, and a delivery that was reported survives a
power cut.  All methods block, and are run in a thread, one at a time.

Known limits: a crash before the rename leaves a file in tmp/, which mail
readers remove after 36 hours, as the format wants it.  Nothing changes owner:
the mailbox belongs to the account that Posthouse runs as.
"""

import itertools
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from posthouse.channels.durable import make_directories, sync_directory, write_all

_FOLDERS = ("tmp", "new", "cur")
_counter = itertools.count(1)  # with pid and time it makes the name unique in this process


def unique_name(microseconds: int, host: str) -> str:
    """Return a name that no other delivery to any Maildir has: time, process, count, host."""
    seconds, fraction = divmod(microseconds, 1_000_000)
    # The format forbids "/" and ":" in the host.
    safe = host.replace("/", "\\057").replace(":", "\\072")
    return f"{seconds}.M{fraction}P{os.getpid()}Q{next(_counter)}.{safe}"


class MaildirDraft:
    """Begin, write, commit; or abandon.  OSError says that nothing was delivered."""

    def __init__(self, directory: Path, name: Callable[[], str]) -> None:
        self._directory = directory
        self._name = name
        self._temporary: Path | None = None
        self._descriptor = -1

    def begin(self) -> None:
        """Create the file, and on the first delivery the Maildir."""
        name = self._name()
        self._temporary = self._directory / "tmp" / name
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        try:
            self._descriptor = os.open(self._temporary, flags, 0o600)
        except FileNotFoundError:
            make_directories(self._directory, _FOLDERS)
            self._descriptor = os.open(self._temporary, flags, 0o600)

    def write(self, *pieces: bytes) -> None:
        """Append."""
        write_all(self._descriptor, *pieces)

    def commit(self) -> None:
        """Make the message appear, for good."""
        if self._temporary is None:
            raise ValueError("commit before begin")
        os.fsync(self._descriptor)
        self._close()
        new = self._directory / "new"
        final = new / self._temporary.name
        # The name is ours alone, so that rename cannot replace another message.
        try:
            self._temporary.rename(final)
        except FileNotFoundError:
            make_directories(self._directory, _FOLDERS)  # someone removed new/: mend it
            self._temporary.rename(final)
        self._temporary = None
        sync_directory(new)

    def abandon(self) -> None:
        """Forget what was written.  Harmless after commit."""
        self._close()
        if self._temporary is not None:
            with suppress(OSError):  # cleaned up later by the mail reader
                self._temporary.unlink(missing_ok=True)
            self._temporary = None

    def _close(self) -> None:
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            os.close(descriptor)
