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
