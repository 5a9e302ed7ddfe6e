"""The program that appends a message to a file: run with the rights of whoever named the file.

``python -m posthouse.channels.mailer_file PATH MODE < message``.  The exit status is one of sysexits(3): 0 only when
everything is in the file and on the disk.  A file that cannot be finished is cut back to what it was.
"""

import fcntl
import os
import stat
import sys
from typing import BinaryIO, Final

_CHUNK: Final = 64 * 1024
_LOCK_SECONDS: Final = 60


def append(path: str, mode: int, text: BinaryIO) -> int:
    """Append the text and an empty line."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    except OSError as error:
        _say(f"{path}: cannot open: {error.strerror}")
        return os.EX_TEMPFAIL if error.errno in (4, 5, 11, 12, 23, 24, 28) else os.EX_CANTCREAT
    with os.fdopen(descriptor, "wb", buffering=0) as file:
        found = os.fstat(descriptor)
        if stat.S_ISCHR(found.st_mode) and path == os.devnull:
            return _copy(text, None)
        if not stat.S_ISREG(found.st_mode) or found.st_mode & 0o111:
            _say(f"{path}: not an ordinary file, or one that can be run")
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
    sys.exit(append(sys.argv[1], int(sys.argv[2], 8), sys.stdin.buffer))
