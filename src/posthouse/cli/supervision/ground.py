"""What has to stand before the first child is forked: directories, the lock, the account.

The rule: one daemon per spool.  The lock is an flock that the children inherit, so that a second daemon
cannot start while one of the first still works, even when its supervisor was killed.
"""

import fcntl
import os
import pwd
import stat
import time
from collections.abc import Collection
from pathlib import Path

from msgspec import Struct

from posthouse.adapters.drop_folder import BAD
from posthouse.adapters.spool_drop import DROP
from posthouse.adapters.spool_sqlite.schema import TEXTS
from posthouse.cli.daemon_process import PID_FILE
from posthouse.cli.errors import CommandError
from posthouse.site.model import Site

_LOCK_FILE = "daemon.lock"
_SPOOL_MODE = 0o711  # everybody may reach the drop in it, and see nothing else
_DROP_MODE = 0o1733  # sticky: to be written and searched, but not listed
_ORPHANS_LEAVE_SECONDS = 5.0  # children whose supervisor was killed give up within this


class Account(Struct, frozen=True):
    """Who the children run as."""

    name: str
    uid: int
    gid: int


def find_account(site: Site) -> Account | None:
    """Return the account to change to; None when we stay who we are."""
    if not site.user or os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(site.user)
    except KeyError:
        raise CommandError(f"the site's user {site.user!r} does not exist", os.EX_NOUSER) from None
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def become(account: Account | None) -> None:
    """Give up root for good."""
    if account is None:
        return
    os.initgroups(account.name, account.gid)
    os.setgid(account.gid)
    os.setuid(account.uid)


def prepare_directories(site: Site, account: Account | None) -> None:
    """Create the spool (private but for its drop) and the run directory (public), and give them to the account."""
    for directory, mode in ((site.spool, _SPOOL_MODE), (site.run, 0o755)):
        try:
            directory.mkdir(parents=True, exist_ok=True)
            if directory == site.spool:
                make_private(directory)
                prepare_drop(directory, account)
            directory.chmod(mode)
        except OSError as error:
            raise CommandError(f"cannot use {directory}: {error.strerror}", os.EX_CANTCREAT) from error
        if account is not None:
            # What lies in the drop belongs to whoever put it there: that is how we know the sender.
            give(directory, account, without={site.spool / DROP})
    prepare_log(site, account)


def prepare_log(site: Site, account: Account | None) -> None:
    """Make the log, which the account may write, but perhaps not make: also after a rotation."""
    if site.log.path is not None:
        site.log.path.parent.mkdir(parents=True, exist_ok=True)
        site.log.path.touch(0o640)
        if account is not None:
            os.chown(site.log.path, account.uid, account.gid)


def make_private(spool: Path) -> None:
    """Let nobody else read what lies in the spool: everybody may enter the folder itself."""
    with os.scandir(spool) as entries:
        found = [entry for entry in entries if entry.is_file(follow_symlinks=False) or entry.name in {TEXTS, BAD}]
    for entry in found:
        descriptor = os.open(entry.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            os.fchmod(descriptor, os.fstat(descriptor).st_mode & 0o700)
        finally:
            os.close(descriptor)


def prepare_drop(spool: Path, account: Account | None) -> None:
    """Make the folder into which everybody may drop a message, and from which nobody but its owner may take one."""
    (spool / DROP).mkdir(mode=0o700, exist_ok=True)
    descriptor = os.open(spool / DROP, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if account is not None:
            os.fchown(descriptor, account.uid, account.gid)
        # Who is not root can read what others wrote only by its group: the folder passes it on.
        may_read_all = account is None and os.geteuid() == 0
        os.fchmod(descriptor, _DROP_MODE if may_read_all else _DROP_MODE | stat.S_ISGID)
    finally:
        os.close(descriptor)


def give(directory: Path, account: Account, without: Collection[Path] = ()) -> None:
    """Hand over a directory and what it holds: mail that root accepted while the daemon was down."""
    os.chown(directory, account.uid, account.gid)
    for parent, directories, files in os.walk(directory):
        directories[:] = [name for name in directories if Path(parent, name) not in without]
        for name in (*directories, *files):
            os.chown(Path(parent, name), account.uid, account.gid, follow_symlinks=False)


class SpoolLock:
    """The claim of one daemon on one spool."""

    def __init__(self, spool: Path) -> None:
        self._path = spool / _LOCK_FILE
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._claim()
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def _claim(self) -> None:
        deadline = time.monotonic() + _ORPHANS_LEAVE_SECONDS
        while True:
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                holder = self._holder()
                if _is_alive(holder) or time.monotonic() > deadline:
                    message = f"another posthouse (pid {holder}) runs on the spool {self._path.parent}"
                    raise CommandError(message, os.EX_TEMPFAIL) from error
                time.sleep(0.05)
            else:
                return

    def _holder(self) -> int:
        text = os.pread(self._descriptor, 32, 0).strip()
        return int(text) if text.isdigit() else 0

    def release(self) -> None:
        """Let the next daemon in."""
        os.close(self._descriptor)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return pid > 0


def write_pid_file(run: Path) -> None:
    """Say who the supervisor is, for ``posthouse reload`` and ``stop``."""
    path = run / PID_FILE
    fresh = path.with_suffix(".new")
    fresh.write_text(f"{os.getpid()}\n")
    fresh.chmod(0o644)  # who may not order it about is told so; the umask of who started it must not hide it
    fresh.replace(path)


def remove_pid_file(run: Path) -> None:
    """Say that there is none any more."""
    (run / PID_FILE).unlink(missing_ok=True)
