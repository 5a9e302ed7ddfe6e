"""AddressFiles, read with the rights of the user whom they belong to.

As root, files are opened by a child process that has become that user, for root may read what the user
may not, and a user's file may be a link to such a file.  The child opens and does nothing else: the open
file comes back to us, and what the user could have changed about the child is not believed.  A file system that
hangs hangs the child, which is killed.  Other accounts open files themselves.

Who owns a file and who could have written it is asked of the open file, not of its name.

Known limits: without root a file system that hangs keeps a thread.
"""

from __future__ import annotations  # so that the ports are imported by the type checker alone

import asyncio
import errno
import os
import socket
import stat
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from posthouse.mail.account import Account, LoginsError
from posthouse.mail.address_file import AddressFile
from posthouse.tables.address_lines import address_lines

if TYPE_CHECKING:
    from posthouse.ports import Logins

MAX_OCTETS: Final = 1024 * 1024
MAX_PATHS: Final = 32
OPEN_SECONDS: Final = 60.0
_END_SECONDS: Final = 1.0
# Errors that time may cure.
_TRANSIENT: Final = frozenset(
    {
        errno.EAGAIN,
        errno.EINTR,
        errno.EIO,
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOMEM,
        errno.ENOBUFS,
        errno.ESTALE,
        errno.ETIMEDOUT,
        errno.EBUSY,
        errno.EHOSTDOWN,
        errno.EHOSTUNREACH,
        errno.ENETDOWN,
        errno.ENETUNREACH,
        errno.EDEADLK,
    }
)
# The child: it becomes the user, opens the first file that it can, and sends it with its number (or the errors).
_CHILD: Final = """
import os, socket, sys
uid, gid, groups, *paths = sys.argv[1:]
os.setgroups([int(one) for one in groups.split(",") if one])
os.setresgid(int(gid), int(gid), int(gid))
os.setresuid(int(uid), int(uid), int(uid))
back = socket.socket(fileno=0)
for number, path in enumerate(paths):
    try:
        opened = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError as error:
        back.send(b"%d %d" % (number, error.errno))
    else:
        socket.send_fds(back, [b"%d 0" % number], [opened])
        break
"""


class FileRules(Struct, frozen=True):
    """What is allowed: parts of the option DontBlameSendmail."""

    checks_directories: bool = True  # no directory on the way may be writable for everybody or a group
    forward_group_writable: bool = False
    include_group_writable: bool = False
    include_world_writable: bool = False


class _Opened(Struct):
    """What became of one path: an open file, or an error."""

    path: str
    descriptor: int = -1
    error: int = 0


class UserAddressFiles:
    """Port AddressFiles on this machine's files."""

    def __init__(self, logins: Logins, rules: FileRules | None = None, *, open_seconds: float = OPEN_SECONDS) -> None:
        self._logins = logins
        self._rules = rules or FileRules()
        self._open_seconds = open_seconds

    async def forward(self, paths: Sequence[str], user: Account) -> AddressFile | None:
        """Read the first of these files that the user can open and that is the user's or root's own.

        None when there is none; a temporary error when one of them could not be looked at.
        """
        temporary: AddressFile | None = None
        remaining = [path for path in paths[:MAX_PATHS] if not _surely_missing(path)]
        while remaining:
            tried = await self._open(remaining, user)
            for one in tried:
                found = self._judge_forward(one, user)
                if not found.error:
                    return found
                if found.is_temporary:
                    temporary = found
            remaining = remaining[max(len(tried), 1) :]
        return temporary

    async def include(self, path: str, reader: Account) -> AddressFile:
        """Read an ``:include:`` file with the rights of ``reader``."""
        if not path.startswith("/"):
            return AddressFile(path, error=os.strerror(errno.EACCES))
        (opened,) = await self._open([path], reader) or [_Opened(path, error=errno.ETIMEDOUT)]
        if opened.descriptor < 0:
            return _failed(opened)
        with _closing(opened.descriptor) as descriptor:
            status = os.fstat(descriptor)
            wrong = self._wrong(path, status)
            if not wrong and status.st_mode & stat.S_IWGRP and not self._rules.include_group_writable:
                wrong = "Group writable file"
            if not wrong and status.st_mode & stat.S_IWOTH and not self._rules.include_world_writable:
                wrong = "World writable file"
            if wrong:
                return AddressFile(path, error=wrong)
            return self._read(path, descriptor, status)

    def _judge_forward(self, opened: _Opened, user: Account) -> AddressFile:
        if opened.descriptor < 0:
            return _failed(opened)
        with _closing(opened.descriptor) as descriptor:
            status = os.fstat(descriptor)
            wrong = self._wrong(opened.path, status)
            if not wrong and status.st_uid not in (user.uid, 0):
                wrong = os.strerror(errno.EACCES)
            if not wrong and status.st_mode & stat.S_IWOTH:
                wrong = "World writable file"
            if not wrong and status.st_mode & stat.S_IWGRP and not self._rules.forward_group_writable:
                wrong = "Group writable file"
            if wrong:
                return AddressFile(opened.path, error=wrong)
            return self._read(opened.path, descriptor, status)

    def _wrong(self, path: str, status: os.stat_result) -> str:
        if not stat.S_ISREG(status.st_mode):
            return "Regular files only"
        return unsafe_directory(Path(path).parent) if self._rules.checks_directories else ""

    def _read(self, path: str, descriptor: int, status: os.stat_result) -> AddressFile:
        text = b""
        try:
            while len(text) <= MAX_OCTETS and (chunk := os.read(descriptor, 64 * 1024)):
                text += chunk
            account = self._logins.by_uid(status.st_uid)
        except OSError as error:
            return _failed(_Opened(path, error=error.errno or errno.EIO))
        except LoginsError as error:
            return AddressFile(path, error=str(error), is_temporary=True)
        if len(text) > MAX_OCTETS:
            return AddressFile(path, error=f"larger than {MAX_OCTETS} octets")
        return AddressFile(
            path,
            address_lines(text),
            uid=status.st_uid,
            gid=status.st_gid,
            owner=account.login if account is not None else "",
            is_safe=not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH),
        )

    async def _open(self, paths: Sequence[str], user: Account) -> list[_Opened]:
        """Open the first of these that can be opened; return what became of those that were tried."""
        if any("\0" in path for path in paths):
            return [_Opened(path, error=errno.EINVAL) for path in paths]
        try:
            async with asyncio.timeout(self._open_seconds):
                if os.geteuid() == 0 and user.uid != 0:
                    return await _open_as(paths, user)
                return await asyncio.to_thread(_open_here, paths)
        except TimeoutError:
            return [_Opened(path, error=errno.ETIMEDOUT) for path in paths]
        except OSError as error:  # no process to be had
            return [_Opened(path, error=error.errno or errno.EAGAIN) for path in paths]


def unsafe_directory(folder: Path) -> str:
    """Say why somebody else could put another file in this place; "" when nobody can.

    A directory that everybody may write to but where only owners remove (as /tmp is) counts as safe
    when it is root's.
    """
    for place in (folder, *folder.parents):
        try:
            status = place.stat()
        except OSError as error:
            return error.strerror or str(error)
        if status.st_mode & stat.S_ISVTX and status.st_uid == 0:
            continue
        if status.st_mode & stat.S_IWOTH:
            return "World writable directory"
        if status.st_mode & stat.S_IWGRP:
            return "Group writable directory"
    return ""


async def _open_as(paths: Sequence[str], user: Account) -> list[_Opened]:
    """Let a child that has become the user open them."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        groups = ",".join(map(str, os.getgrouplist(user.login, user.gid)))
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-I", "-S", "-c", _CHILD, str(user.uid), str(user.gid), groups),
            *(path.encode("latin-1", "replace") for path in paths),
            stdin=theirs.fileno(),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            env={},
            cwd="/",
        )
        theirs.close()
        try:
            return await _receive(ours, paths)
        finally:
            ours.close()
            await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    """Wait for a child that has said all; end one that hangs."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_END_SECONDS):
            await process.wait()
            return
    with suppress(ProcessLookupError):
        process.kill()
    await process.wait()


async def _receive(ours: socket.socket, paths: Sequence[str]) -> list[_Opened]:
    """Take what the child says, until it has opened one or has said all."""
    loop = asyncio.get_running_loop()
    ours.setblocking(False)
    opened: list[_Opened] = []
    while len(opened) < len(paths):
        await _readable(loop, ours)
        said, descriptors, _, _ = socket.recv_fds(ours, 64, 1)
        number, _, error = said.partition(b" ")
        if not said or number != b"%d" % len(opened) or not error.isdigit() or len(error) > 4:
            for descriptor in descriptors:
                os.close(descriptor)
            opened += [_Opened(path, error=errno.EAGAIN) for path in paths[len(opened) :]]
            break
        if descriptors:
            opened.append(_Opened(paths[len(opened)], descriptors[0]))
            break
        opened.append(_Opened(paths[len(opened)], error=int(error) or errno.EIO))
    return opened


async def _readable(loop: asyncio.AbstractEventLoop, ours: socket.socket) -> None:
    ready = asyncio.Event()
    loop.add_reader(ours, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(ours)


def _open_here(paths: Sequence[str]) -> list[_Opened]:
    opened: list[_Opened] = []
    for path in paths:
        name = path.encode("latin-1", "replace")
        try:
            opened.append(_Opened(path, os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)))
            break
        except OSError as error:
            opened.append(_Opened(path, error=error.errno or errno.EIO))
    return opened


def _surely_missing(path: str) -> bool:
    """Most users have no such file: no child is needed to see that."""
    try:
        os.lstat(path.encode("latin-1", "replace"))
    except (FileNotFoundError, NotADirectoryError):
        return True
    except (OSError, ValueError):
        return False  # the user may be allowed more than we
    return False


def _failed(opened: _Opened) -> AddressFile:
    error = "Timeout on file open" if opened.error == errno.ETIMEDOUT else os.strerror(opened.error)
    return AddressFile(opened.path, error=error, is_temporary=opened.error in _TRANSIENT)


@contextmanager
def _closing(descriptor: int) -> Iterator[int]:
    try:
        yield descriptor
    finally:
        os.close(descriptor)
