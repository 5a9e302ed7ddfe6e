"""Be somebody else for a while: commands run by a user without rights, in a child process.

The checkout and the interpreter need not be readable for that user: everything is imported before the fork.
"""

import importlib
import os
import pkgutil
import pwd
import shutil
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest

import posthouse
from posthouse.cli.classic.sendmail import run_classic
from posthouse.cli.errors import guarded
from posthouse.cli.main import run as run_posthouse

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
ACCOUNT, USER = "nobody", "games"  # exist on every Debian; neither has rights


@dataclass
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


def as_user(name: str, work: Callable[[], int], stdin: bytes = b"") -> Ended:
    """Do something in a child process that has become this user."""
    _import_everything()
    entry = pwd.getpwnam(name)
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        given.write(stdin)
        given.seek(0)
        child = os.fork()
        if child == 0:
            status = 70
            try:
                for number, file in enumerate((given, out, err)):
                    os.dup2(file.fileno(), number)
                sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w")  # noqa: SIM115
                os.environ.update({"LOGNAME": name, "USER": name, "HOME": "/"})
                os.chdir("/")
                os.umask(0o022)
                os.initgroups(name, entry.pw_gid)
                os.setgid(entry.pw_gid)
                os.setuid(entry.pw_uid)
                status = work()
            except BaseException:  # noqa: BLE001 - a child must never return into the test
                traceback.print_exc()
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
        _, waited = os.waitpid(child, 0)
        return Ended(os.waitstatus_to_exitcode(waited), _read(out), _read(err))


def sendmail_as(name: str, site: Path, *arguments: str, stdin: bytes = b"Subject: x\n\nbody\n") -> Ended:
    """Run sendmail, mailq or newaliases (by -bp, -bi) as this user."""
    return as_user(name, lambda: run_classic("sendmail", ["-C", str(site), *arguments]), stdin)


def posthouse_as(name: str, site: Path, *arguments: str) -> Ended:
    """Run a posthouse command as this user."""
    return as_user(name, lambda: guarded("posthouse", lambda: run_posthouse([*arguments, "--site", str(site)])))


@contextmanager
def public_home() -> Iterator[Path]:
    """A directory that everybody can enter: pytest's own are private."""
    home = Path(tempfile.mkdtemp(prefix="posthouse-users-"))
    home.chmod(0o755)
    try:
        yield home
    finally:
        shutil.rmtree(home)


def _import_everything() -> None:
    for module in pkgutil.walk_packages(posthouse.__path__, "posthouse."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    for name in ("encodings.ascii", "encodings.idna", "encodings.utf_8_sig", "email.header"):
        importlib.import_module(name)


def _read(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()
