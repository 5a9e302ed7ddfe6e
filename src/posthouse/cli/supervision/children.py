"""One child process, and the reins that hold it.

The rule: the reins are a socket pair.  The child says two words on it (ready; retired, when it takes
nothing new any more), the supervisor says three (stop, retire, reopen the log), and its end tells either side
that the other is gone: no child outlives its supervisor, whatever killed it.
"""

import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

READY = b"R"
RETIRED = b"Q"
STOP = b"S"
RETIRE = b"D"
REOPEN = b"L"

Job = Callable[[socket.socket], int]
# Ctrl-C reaches the whole group, and so may a HUP: only the supervisor decides what they mean.
_IGNORED = (signal.SIGINT, signal.SIGHUP, signal.SIGUSR1)
_RESET = (signal.SIGTERM, signal.SIGCHLD)


@dataclass(slots=True)
class Child:
    """A running child."""

    role: str
    pid: int
    reins: socket.socket
    started: float = field(default_factory=time.monotonic)
    ready: bool = False
    retired: bool = False  # it takes nothing new; what runs may take its time

    def order(self, word: bytes) -> None:
        """Say a word; a child that is gone does not mind."""
        try:
            self.reins.send(word)
        except (BrokenPipeError, ConnectionResetError, BlockingIOError):
            return  # its death will be reaped

    def hear(self) -> bool:
        """Read what it says; False when it has let go of the reins."""
        try:
            said = self.reins.recv(16)
        except BlockingIOError:
            return True
        except ConnectionResetError:
            return False
        self.ready = self.ready or READY in said
        self.retired = self.retired or RETIRED in said
        return bool(said)

    def kill(self) -> None:
        """End it at once; the spool bears it."""
        try:
            os.kill(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            return


def fork_child(role: str, job: Job, to_close: Iterable[socket.socket]) -> Child:
    """Fork; the child runs the job and exits with what it returns."""
    ours, theirs = socket.socketpair()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        ours.close()
        for other in to_close:
            other.close()
        os._exit(_live(job, theirs))
    theirs.close()
    ours.setblocking(False)
    return Child(role, pid, ours)


def _live(job: Job, reins: socket.socket) -> int:
    """The child's whole life; nothing may return into the supervisor's code."""
    try:
        signal.set_wakeup_fd(-1)
        for number in _IGNORED:
            signal.signal(number, signal.SIG_IGN)
        for number in _RESET:
            signal.signal(number, signal.SIG_DFL)
        reins.setblocking(False)
        status = job(reins)
    except BaseException:  # noqa: BLE001 - the outermost layer of the process
        traceback.print_exc()
        status = os.EX_SOFTWARE
    sys.stdout.flush()
    sys.stderr.flush()
    return status
