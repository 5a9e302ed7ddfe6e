"""The hint that new work may be due, as a datagram on a Unix socket.

A hint and never the record: sending never waits and never fails, and a
receiver that hears nothing looks into the spool anyway when its time is up.
Only the receiver needs an event loop, and imports it: the sender starts with every sendmail.
"""

import contextlib
import os
import socket
from collections.abc import Callable
from pathlib import Path

_DATAGRAM = b"\n"
_MANY = 4096  # more datagrams than a socket's buffer holds


class WakeupSender:
    """ports.Wakeup: tells whoever listens at ``path``."""

    def __init__(self, path: Path) -> None:
        self._path = str(path)
        self._socket: socket.socket | None = None

    def notify(self) -> None:
        """Send the hint; a listener that is away or has enough hints waiting does not matter."""
        if self._socket is None:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        # Unconnected, so that a listener that was started anew is found again.
        with contextlib.suppress(OSError):
            self._socket.sendto(_DATAGRAM, self._path)

    def close(self) -> None:
        """Give the socket back."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


Later = Callable[[float, Callable[[], None]], object]


class GatheredWakeup:
    """ports.Wakeup for a process that accepts many messages: the first hint goes out at once, those that follow
    within ``seconds`` go out as one at the end of that time.  ``later`` is ``loop.call_later``.
    """

    def __init__(self, sender: WakeupSender, later: Later, seconds: float = 0.01) -> None:
        self._sender = sender
        self._later = later
        self._seconds = seconds
        self._is_quiet = True  # no hint was sent lately
        self._has_more = False
        self._is_closed = False

    def notify(self) -> None:
        """Send the hint now or soon."""
        if self._is_closed:
            return
        if self._is_quiet:
            self._is_quiet = False
            self._sender.notify()
            self._later(self._seconds, self._go_on)
        else:
            self._has_more = True

    def _go_on(self) -> None:
        self._is_quiet = True
        if self._has_more:
            self._has_more = False
            self.notify()

    def close(self) -> None:
        """Send what is owed and give the sender's socket back."""
        if self._has_more:
            self._sender.notify()
        self._is_closed = True
        self._sender.close()


class WakeupReceiver:
    """The listening end.  Make it inside the event loop that waits on it.

    A receiver takes the path over from an older one, which then hears nothing
    more: right for a new generation of processes.
    """

    def __init__(self, path: Path) -> None:
        import asyncio

        self._path = path
        self._woken = asyncio.Event()
        self._has_heard = False
        self._rest: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        # Bound beside and renamed into place, so that there is no moment without a listener.
        temporary = path.with_name(f"{path.name}.{os.getpid()}")
        temporary.unlink(missing_ok=True)
        try:
            self._socket.bind(str(temporary))
            temporary.chmod(0o622)  # whoever may submit may give the hint
            temporary.rename(path)
        except OSError:
            self._socket.close()
            raise
        self._inode = path.stat().st_ino
        self._listen()

    def _heard(self) -> None:
        with contextlib.suppress(BlockingIOError):
            for _ in range(_MANY):
                self._socket.recv(1)
        self._has_heard = True
        self._woken.set()

    async def wait(self, timeout: float | None) -> bool:
        """Wait for a hint, at most so many seconds; True when there was one.  Hints until now count as one."""
        import asyncio

        try:
            async with asyncio.timeout(timeout):
                await self._woken.wait()
        except TimeoutError:
            return False
        self._woken.clear()
        return True

    def wake(self) -> None:
        """Give the hint from inside this process."""
        self._woken.set()

    def take_heard(self) -> bool:
        """Has a hint come from outside since this was last asked?"""
        heard, self._has_heard = self._has_heard, False
        return heard

    def rest(self, seconds: float) -> None:
        """Hear nothing from outside for so long; what is said meanwhile counts as one hint at its end."""
        if self._rest is None:
            self._loop.remove_reader(self._socket)
            self._rest = self._loop.call_later(seconds, self._listen)

    def _listen(self) -> None:
        self._rest = None
        self._loop.add_reader(self._socket, self._heard)

    def close(self) -> None:
        """Stop listening; the path goes too, unless a newer receiver has taken it over."""
        if self._rest is None:
            self._loop.remove_reader(self._socket)
        else:
            self._rest.cancel()
        self._socket.close()
        with contextlib.suppress(FileNotFoundError):
            if self._path.stat().st_ino == self._inode:
                self._path.unlink()
