"""A queue directory as a real sendmail left it: which messages lie in it, and what keeps one from being read.

Names: ``qf`` and an id is a control file, ``df`` the body; ``hf`` is a quarantined message, ``Qf`` one that sendmail
gave up as damaged.  Both kinds may lie in subdirectories ``qf`` and ``df`` of their own.
"""

import fcntl
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from msgspec import Struct

from posthouse.mail.errors import MalformedError
from posthouse.queueing.sendmail_qf import MAX_OCTETS, ControlFile, field_lines, read_control

_CHUNK: Final = 64 * 1024
_LEFT_KINDS: Final = {"hf": "it is quarantined", "Qf": "sendmail gave it up as damaged"}
_DONE: Final = "imported"


class LeftMessage(Struct, frozen=True):
    """A message that stays where it is, and why."""

    path: Path
    reason: str


class FoundMessage(Struct, frozen=True):
    """A message that can be taken: its files, and what the control file says."""

    path: Path
    data: Path | None
    control: ControlFile


def find_messages(directory: Path) -> Iterator[FoundMessage | LeftMessage]:
    """Yield every message of a queue directory, by name.  Raises OSError when it cannot be listed."""
    folders = [directory, *(Path(entry.path) for entry in os.scandir(directory) if _is_queue_folder(entry))]
    for folder in sorted(folders):
        for path in sorted(folder.iterdir()):
            kind, number = path.name[:2], path.name[2:]
            if number and (kind == "qf" or kind in _LEFT_KINDS):
                yield _read(path)


def _is_queue_folder(entry: "os.DirEntry[str]") -> bool:
    return entry.is_dir(follow_symlinks=False) and entry.name != _DONE


def _read(path: Path) -> FoundMessage | LeftMessage:
    kind = path.name[:2]
    if kind in _LEFT_KINDS:
        return LeftMessage(path, _LEFT_KINDS[kind])
    try:
        with open_unlocked(path) as stream:
            control = read_control(stream.read(MAX_OCTETS + 1))
        data = _data_file(path, control)
    except (OSError, MalformedError) as error:
        return LeftMessage(path, getattr(error, "strerror", None) or str(error))
    if control.quarantine:
        return LeftMessage(path, f"it is quarantined: {control.quarantine}")
    if not control.recipients:
        return LeftMessage(path, "it has no recipients")
    return FoundMessage(path, data, control)


def open_unlocked(path: Path) -> BinaryIO:
    """Open a plain file that no sendmail works on.  Raises OSError."""
    descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    stream = os.fdopen(descriptor, "rb")
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(0, "it is not a plain file", str(path))
        # sendmail locks by one of the two, whichever its system has.
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        stream.close()
        raise OSError(error.errno, "a sendmail works on it; stop it first", str(path)) from error
    except OSError:
        stream.close()
        raise
    return stream


def _data_file(path: Path, control: ControlFile) -> Path | None:
    """Return the body's file.  Raises MalformedError when there is none."""
    name = f"df{path.name[2:]}"
    folders = [path.parent, path.parent.parent / "df", path.parent / "df"]
    if control.data_directory:
        folders.insert(0, Path(control.data_directory))
    for folder in folders:
        if (folder / name).is_file():
            return folder / name
    raise MalformedError(f"its body {name} is missing")


def text_of(message: FoundMessage) -> Iterator[bytes]:
    """Yield the message's text with CRLF line ends.  Raises OSError."""
    header = "".join(f"{line}\r\n" for line in field_lines(message.control))
    yield f"{header}\r\n".encode("latin-1", "replace")
    if message.data is None:
        return
    with message.data.open("rb") as stream:
        last = b""
        while chunk := stream.read(_CHUNK):
            yield _with_crlf(chunk, last)
            last = chunk[-1:]
        if last not in (b"", b"\n", b"\r"):
            yield b"\r\n"


def _with_crlf(chunk: bytes, before: bytes) -> bytes:
    """Return a chunk with CRLF line ends; a lone CR, which no text may have on its way, becomes a line end, too."""
    if before == b"\r" and chunk.startswith(b"\n"):
        chunk = chunk[1:]
    return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")


def set_aside(message: FoundMessage) -> None:
    """Move the files of a message that was taken into a folder of their own.  Raises OSError."""
    done = message.path.parent / _DONE
    done.mkdir(mode=0o700, exist_ok=True)
    # The control file last: without it nobody would ever look at a body that was left.
    for path in (message.data, message.path):
        if path is not None:
            path.rename(done / path.name)
