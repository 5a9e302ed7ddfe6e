"""File operations that survive a power cut: nothing counts before its directory is synced.

All of them block, and are run in a thread.
"""

import os
from collections.abc import Sequence
from pathlib import Path

PRIVATE = 0o700  # mail is its owner's business


def write_all(descriptor: int, *pieces: bytes) -> None:
    """Write every octet, however often the kernel takes only some."""
    for piece in pieces:
        view = memoryview(piece)
        while view:
            view = view[os.write(descriptor, view) :]


def sync_directory(directory: Path | str) -> None:
    """Make the directory's entries durable."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_directories(directory: Path, children: Sequence[str] = ()) -> None:
    """Create a directory with missing parents, and its children, each durable in its parent."""
    if not directory.is_dir():
        make_directories(directory.parent)
        _make(directory)
        sync_directory(directory.parent)
    for child in children:
        _make(directory / child)
    if children:
        sync_directory(directory)


def _make(directory: Path) -> None:
    try:
        directory.mkdir(PRIVATE)
    except FileExistsError:
        if not directory.is_dir():  # another delivery may have made it meanwhile; a file may not
            raise
