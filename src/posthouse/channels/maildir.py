"""Messages on their way into Maildirs.

Written under tmp/, synced, renamed into new/, and new/ synced: a reader sees
the whole message or nothing, and a delivery that was reported survives a
power cut.  All of it blocks, and is run in a thread, one draft in one thread at a time.

Known limits: a crash before the rename leaves a file in tmp/, which mail
readers remove after 36 hours, as the format wants it.  Nothing changes owner:
the mailbox belongs to the account that Posthouse runs as.
"""

import itertools
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from posthouse.channels.durable import make_directories, sync_directory, write_all

_TEMPORARY, _NEW = "tmp", "new"
_FOLDERS = (_TEMPORARY, _NEW, "cur")
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
_counter = itertools.count(1)  # with pid and time it makes the name unique in this process


def unique_name(microseconds: int, host: str) -> str:
    """Return a name that no other delivery to any Maildir has: time, process, count, host."""
    seconds, fraction = divmod(microseconds, 1_000_000)
    # The format forbids "/" and ":" in the host.
    safe = host.replace("/", "\\057").replace(":", "\\072")
    return f"{seconds}.M{fraction}P{os.getpid()}Q{next(_counter)}.{safe}"


class MaildirDraft:
    """Begin, write, commit; or abandon.  OSError says that nothing was delivered."""

    def __init__(self, directory: Path, name: str) -> None:
        self._directory = directory
        self.new = f"{directory}/{_NEW}"
        self._temporary = f"{directory}/{_TEMPORARY}/{name}"
        self._final = f"{self.new}/{name}"
        self._descriptor = -1
        self._is_begun = False

    def begin(self) -> None:
        """Create the file, and on the first delivery the Maildir."""
        try:
            self._descriptor = os.open(self._temporary, _FLAGS, 0o600)
        except FileNotFoundError:
            make_directories(self._directory, _FOLDERS)
            self._descriptor = os.open(self._temporary, _FLAGS, 0o600)
        self._is_begun = True

    def write(self, *pieces: bytes) -> None:
        """Append."""
        write_all(self._descriptor, *pieces)

    def commit(self) -> None:
        """Make the message appear, for good."""
        self.sync()
        self.appear()
        sync_directory(self.new)

    def send_to_disk(self) -> None:
        """Let the disk begin with what was written: a hint, after which ``sync`` waits less."""
        # The same call empties the cache of a file; of what is not yet written it only starts the writing.
        with suppress(AttributeError, OSError):  # not every system has it
            os.posix_fadvise(self._descriptor, 0, 0, os.POSIX_FADV_DONTNEED)

    def sync(self) -> None:
        """Make the text durable.  Nothing more can be written."""
        os.fsync(self._descriptor)
        self._close()

    def appear(self) -> None:
        """Let readers see the message; that lasts once the folder ``new`` is synced."""
        # The name is ours alone, so that rename cannot replace another message.
        try:
            Path(self._temporary).rename(self._final)
        except FileNotFoundError:
            make_directories(self._directory, _FOLDERS)  # someone removed new/: mend it
            Path(self._temporary).rename(self._final)
        self._is_begun = False

    def abandon(self) -> None:
        """Forget what was written.  Harmless after commit."""
        with suppress(OSError):  # of a disk that failed; there is nothing to lose
            self._close()
        if self._is_begun:
            self._is_begun = False
            with suppress(OSError):  # cleaned up later by the mail reader
                Path(self._temporary).unlink()

    def _close(self) -> None:
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            os.close(descriptor)


class MaildirDelivery:
    """A message whose text is at hand, and afterwards what kept it from its Maildir."""

    __slots__ = ("draft", "pieces", "trouble")

    def __init__(self, draft: MaildirDraft, pieces: Sequence[bytes]) -> None:
        self.draft = draft
        self.pieces = pieces
        self.trouble: OSError | None = None


def deliver_together(deliveries: Sequence[MaildirDelivery]) -> None:
    """Take several messages through the same steps side by side, so that they share syncs.  Their troubles are each
    one's own; only a folder that cannot be synced is the trouble of all whose folder it is.

    The journal of a file system is written for all that has changed: once the disk has every text, the first
    sync does the work of the others.
    """
    try:
        _each(deliveries, _write)
        if len(deliveries) > 1:
            _each(deliveries, _send_to_disk)
        _each(deliveries, _sync)
        _each(deliveries, _appear)
        _sync_folders(delivery for delivery in deliveries if delivery.trouble is None)
    except BaseException:
        for delivery in deliveries:
            delivery.draft.abandon()
        raise


def _each(deliveries: Sequence[MaildirDelivery], step: Callable[[MaildirDelivery], None]) -> None:
    for delivery in deliveries:
        if delivery.trouble is not None:
            continue
        try:
            step(delivery)
        except OSError as error:
            delivery.trouble = error
            delivery.draft.abandon()


def _write(delivery: MaildirDelivery) -> None:
    delivery.draft.begin()
    delivery.draft.write(b"".join(delivery.pieces))


def _send_to_disk(delivery: MaildirDelivery) -> None:
    delivery.draft.send_to_disk()


def _sync(delivery: MaildirDelivery) -> None:
    delivery.draft.sync()


def _appear(delivery: MaildirDelivery) -> None:
    delivery.draft.appear()


def _sync_folders(deliveries: Iterable[MaildirDelivery]) -> None:
    in_folder: dict[str, list[MaildirDelivery]] = {}
    for delivery in deliveries:
        in_folder.setdefault(delivery.draft.new, []).append(delivery)
    for folder, its in in_folder.items():
        try:
            sync_directory(folder)
        except OSError as error:
            for delivery in its:
                delivery.trouble = error
