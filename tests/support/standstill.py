"""A process that stands still, as SIGSTOP makes it."""

import fcntl
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.waiting import until


@contextmanager
def stopped_outside_a_write(pid: int, spool: Path) -> Iterator[None]:
    """Stop a process where it does not have its turn at writing to the spool; let it go on afterwards.

    One that is stopped in the midst of its turn makes every other writer wait (docs/spool.md).
    """
    try:
        until(lambda: _stopped_without_the_turn(pid, spool / "lock"), "a moment in which it writes nothing")
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def _stopped_without_the_turn(pid: int, lock: Path) -> bool:
    os.kill(pid, signal.SIGSTOP)
    until(lambda: _states(pid) == {"T"}, "every thread to stand still")
    with lock.open("rb") as turn:
        try:
            fcntl.flock(turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.kill(pid, signal.SIGCONT)
            return False
    return True


def _states(pid: int) -> set[str]:
    threads = Path(f"/proc/{pid}/task").glob("*/stat")
    return {thread.read_text().rpartition(")")[2].split()[0] for thread in threads}
