"""Table of files of addresses, as aliases name them: the key is a path, the value the whole text.

A file that is not there, or may not be read, is not found: MMDF refuses the address that names it.  One that
cannot be read now (an error of the disk) makes the answer unavailable.
"""

import os
import stat
from collections.abc import Iterator
from errno import EACCES, EISDIR, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR, EPERM
from pathlib import Path

from posthouse.mail.lookup import NOT_FOUND, Answer, Origin

MAX_OCTETS = 4 * 1024 * 1024
_FOR_GOOD = frozenset({ENOENT, EACCES, EPERM, ENOTDIR, EISDIR, ELOOP, ENAMETOOLONG})


class AddressFileTable:
    """Port Table on the files below a folder, and on absolute paths."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self._folder = folder

    async def lookup(self, key: str) -> Answer:
        """Read the file as octet text."""
        path = self._folder / key
        try:
            octets = _read(path)
        except (OSError, ValueError) as error:
            if isinstance(error, ValueError) or error.errno in _FOR_GOOD:
                return NOT_FOUND
            return Answer(unavailable=f"cannot read {path}: {error.strerror or error}")
        if octets is None:
            return NOT_FOUND
        if len(octets) > MAX_OCTETS:
            return Answer(unavailable=f"cannot read {path}: larger than {MAX_OCTETS} octets")
        return Answer((octets.decode("latin-1"),), Origin(str(path)))

    @property
    def version(self) -> object:
        """A new one each time: the files are not watched, and what they say must not be remembered."""
        return object()

    def entries(self) -> Iterator[tuple[str, Answer]]:
        """None: they are not known before they are asked for."""
        return iter(())


def _read(path: Path) -> bytes | None:
    """Return at most one octet more than MAX_OCTETS; None for what is no file of addresses (a folder, a pipe)."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe must not hold us up
    with os.fdopen(descriptor, "rb") as stream:
        is_plain = stat.S_ISREG(os.fstat(descriptor).st_mode)
        if not is_plain and path != Path(os.devnull):
            return None
        return stream.read(MAX_OCTETS + 1)
