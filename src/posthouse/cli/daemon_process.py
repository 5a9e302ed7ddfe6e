"""The running daemon, as other processes see it: its pid file, its signals, its log."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from posthouse.cli.errors import CommandError
from posthouse.site.model import Site

PID_FILE = "posthouse.pid"  # written by the supervisor, ground.py
_POLL_SECONDS = 0.02

Result = TypeVar("Result")


def find_daemon(site: Site) -> int | None:
    """Return the supervisor's process id; None when no daemon runs on this site."""
    try:
        text = (site.run / PID_FILE).read_text(encoding="ascii").strip()
    except (FileNotFoundError, NotADirectoryError, UnicodeDecodeError):
        return None
    pid = int(text) if text.isascii() and text.isdigit() else 0
    return pid if pid > 1 and is_posthouse(pid) else None


def is_posthouse(pid: int) -> bool:
    """Is this process a posthouse, and not another that was given the number of one that died?"""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    return b"posthouse" in command


def need_daemon(site: Site) -> int:
    """Return the supervisor's process id.  Raises CommandError when there is none."""
    pid = find_daemon(site)
    if pid is None:
        raise CommandError(f"no daemon runs on {site.file} (no live process in {site.run / PID_FILE})")
    return pid


def require_right_to_signal(pid: int) -> None:
    """Raise CommandError for a user whose orders the supervisor cannot hear."""
    _kill(pid, 0)


def send_signal(pid: int, number: signal.Signals) -> None:
    """Signal the supervisor.  Raises CommandError."""
    _kill(pid, number)


def _kill(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        raise CommandError("the daemon has just ended") from None
    except PermissionError:
        raise CommandError(f"process {pid} belongs to another user; try as root", os.EX_NOPERM) from None


def wait_for(check: Callable[[], Result | None], seconds: float) -> Result | None:
    """Ask again and again until there is an answer; None when the time is up."""
    deadline = time.monotonic() + seconds
    while True:
        result = check()
        if result is not None or time.monotonic() > deadline:
            return result
        time.sleep(_POLL_SECONDS)
