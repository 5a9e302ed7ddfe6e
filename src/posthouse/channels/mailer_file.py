"""The program that appends a message to a file: run with the rights of whoever named the file.

``python -m posthouse.channels.mailer_file PATH MODE [ROOT [links]] < message``.  The exit status is one of sysexits(3):
0 only when everything is in the file and on the disk.  A file that cannot be finished is cut back to what it was.

ROOT is SafeFileEnvironment: a path that begins with it lies in it, and any other is taken from there, as if it were /;
no symbolic link leads out of it.  ``links``: a file may have more names than one (DontBlameSendmail).
"""

import errno
import fcntl
import os
import stat
import sys
from typing import BinaryIO, Final

_CHUNK: Final = 64 * 1024
_PASSING: Final = {errno.EINTR, errno.EIO, errno.EAGAIN, errno.ENOMEM, errno.ENFILE, errno.EMFILE, errno.ENOSPC}
_LOCK_SECONDS: Final = 60
_FLAGS: Final = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
_FOLDER: Final = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def append(path: str, mode: int, text: BinaryIO, root: str = "", *, may_be_linked: bool = False) -> int:
    """Append the text and an empty line."""
    try:
        descriptor = _open_beneath(root, path, mode) if root and path != os.devnull else os.open(path, _FLAGS, mode)
    except OSError as error:
        _say(f"{path}: cannot open: {error.strerror}")
        return os.EX_TEMPFAIL if error.errno in _PASSING else os.EX_CANTCREAT
    with os.fdopen(descriptor, "wb", buffering=0) as file:
        found = os.fstat(descriptor)
        if stat.S_ISCHR(found.st_mode) and path == os.devnull:
            return _copy(text, None)
        if not stat.S_ISREG(found.st_mode) or found.st_mode & 0o111:
            _say(f"{path}: not an ordinary file, or one that can be run")
            return os.EX_CANTCREAT
        if found.st_nlink > 1 and not may_be_linked:
            _say(f"{path}: has more names than one")
            return os.EX_CANTCREAT
        fcntl.lockf(descriptor, fcntl.LOCK_EX)
        before = os.fstat(descriptor).st_size
        try:
            _copy(text, file)
            file.write(b"\n")
            os.fsync(descriptor)
        except OSError as error:
            os.ftruncate(descriptor, before)
            _say(f"{path}: cannot write: {error.strerror}")
            return os.EX_IOERR
    return os.EX_OK


def _open_beneath(root: str, path: str, mode: int) -> int:
    """Open a file under another root.  Raises OSError."""
    below = path.removeprefix(root) if f"{path}/".startswith(f"{root.rstrip('/')}/") else path
    parts: list[str] = []
    for part in below.split("/"):
        if part == "..":
            del parts[-1:]  # above a root there is the root
        elif part not in ("", "."):
            parts.append(part)
    if not parts:
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    folder = os.open(root, _FOLDER)
    try:
        for part in parts[:-1]:
            inner = os.open(part, _FOLDER, dir_fd=folder)
            os.close(folder)
            folder = inner
        return os.open(parts[-1], _FLAGS, mode, dir_fd=folder)
    finally:
        os.close(folder)


def _say(words: str) -> None:
    """Tell whoever started us, who shows it in the transcript."""
    sys.stderr.write(f"{words}\n")


def _copy(text: BinaryIO, file: BinaryIO | None) -> int:
    while chunk := text.read(_CHUNK):
        written = 0
        while file is not None and written < len(chunk):
            written += file.write(chunk[written:])
    return os.EX_OK


if __name__ == "__main__":
    import signal

    signal.alarm(_LOCK_SECONDS * 10)  # whoever holds the lock for good must not hold us
    given = [*sys.argv[3:], "", ""]
    linked = given[1] == "links"
    sys.exit(append(sys.argv[1], int(sys.argv[2], 8), sys.stdin.buffer, given[0], may_be_linked=linked))
