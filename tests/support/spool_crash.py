"""A child process that is killed with SIGKILL in the middle of something."""

import os
import signal
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from posthouse.adapters.spool_sqlite.direct import DirectSpool
from posthouse.submit.eager import run

Work = Callable[[DirectSpool], Coroutine[Any, Any, object]]


def killed_at(step: str, folder: Path, work: Work) -> bool:
    """Do the work in a child process that kills itself at this step; False when the step never came."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            run(work(DirectSpool(folder, step=lambda name: _die() if name == step else None)))
            status = 0
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.waitstatus_to_exitcode(status) == 0
    return False


def killed_in(call: str, nth: int, work: Callable[[], object]) -> bool:
    """Do the work in a child process that is killed when the nth such call of ``os`` has done its part; False when
    the work was over before.
    """
    child = os.fork()
    if child == 0:
        status = 1
        try:
            _kill_in(call, nth)
            work()
            status = 0
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.waitstatus_to_exitcode(status) == 0
    return False


def _kill_in(call: str, nth: int) -> None:
    """Put a call that kills in the place of the system's.  For a child process."""
    original = getattr(os, call)
    left = nth

    def deadly(*arguments: Any, **named: Any) -> Any:
        nonlocal left
        result = original(*arguments, **named)
        left -= 1
        if not left:
            _die()
        return result

    setattr(os, call, deadly)


def in_child(work: Callable[[], None]) -> int:
    """Run something in a child process and return its exit status."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
