"""A process that stands still, as SIGSTOP makes it, and one that is killed with work in hand."""

import fcntl
import os
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from posthouse.adapters.spool_sqlite.schema import DATABASE
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


@contextmanager
def standing_still(pid: int) -> Iterator[None]:
    """Stop a process wherever it is; let it go on afterwards."""
    stand_still(pid)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def leases(spool: Path, owner: str | None = None) -> list[int]:
    """Return when each lease of a process ends (microseconds since 1970): one for each recipient that it has in hand.

    Without an owner: of all processes.
    """
    wanted = "owner IS NOT NULL" if owner is None else "owner = :owner"
    with closing(sqlite3.connect(spool / DATABASE)) as database:
        return [due for (due,) in database.execute(f"SELECT due_us FROM recipient WHERE {wanted}", {"owner": owner})]


def killed_with(pid: int, spool: Path) -> int:
    """Kill the one deliver process of a spool; return how many recipients it had in hand and settles no more."""
    stand_still(pid)
    in_hand = len(leases(spool))
    os.kill(pid, signal.SIGKILL)
    return in_hand


def stand_still(pid: int) -> None:
    """Stop a process; return when none of its threads runs any more."""
    os.kill(pid, signal.SIGSTOP)
    until(lambda: _states(pid) == {"T"}, "every thread to stand still")


def _stopped_without_the_turn(pid: int, lock: Path) -> bool:
    stand_still(pid)
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
