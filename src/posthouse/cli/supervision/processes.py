"""What runs inside the children: an event loop around one part of Posthouse.

The rule: a part is told to retire (a new generation has taken over) or to stop (the service ends),
and its process ends when that is done.
"""

import asyncio
import contextlib
import gc
import os
import resource
import signal
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from typing import Protocol

from msgspec import Struct

from posthouse.adapters.event_log_file import FileEventLog
from posthouse.cli.supervision.children import READY, REOPEN, RETIRE, RETIRED, STOP, Job
from posthouse.cli.supervision.ground import Account, become
from posthouse.deliver.loop import Deliverer
from posthouse.mail import events
from posthouse.ports import Clock, EventLog
from posthouse.site.model import Listener, Site
from posthouse.smtpd.board import Seat
from posthouse.wiring.accepting import open_smtpd
from posthouse.wiring.delivering import Owner, open_deliverer
from posthouse.wiring.machine import daemon_event_log, system_clock
from posthouse.wiring.metrics import serve_metrics

try:
    import uvloop
except ImportError:  # where there is no wheel for the machine: slower, nothing else
    uvloop = None  # type: ignore[assignment]


# A message makes few cycles and many short-lived values; with Python's own thresholds the collector
# looked through all of them every few messages.  The older generations come sooner: a question that a name server
# does not answer leaves 20 KiB in cycles, and what was under way at one collection waits for that of the next older.
_COLLECTIONS = (10_000, 4, 4)


class Part(Protocol):
    """What wiring builds for a process."""

    async def start(self) -> None:
        """Be ready when this returns."""

    async def serve(self) -> None:
        """Return when ``retire`` or ``stop`` has done its work; raise when the part cannot go on."""

    async def retire(self) -> None:
        """Take nothing new and finish what runs, however long it takes."""

    async def stop(self, within: timedelta) -> None:
        """Take nothing new and finish what runs, within this time."""


Build = Callable[[FileEventLog, Clock], AbstractAsyncContextManager[Part]]


class Worker(Struct, frozen=True):
    """Which of the smtpd workers one is."""

    role: str
    seat: Seat
    picks_up: bool  # the one that also picks up dropped mail


def smtpd_job(
    site: Site, worker: Worker, listening: Sequence[tuple[Listener, socket.socket]], account: Account | None
) -> Job:
    """Return the life of an smtpd worker."""
    return _job(
        site,
        worker.role,
        account,
        lambda log, clock: open_smtpd(site, listening, worker.seat, log=log, clock=clock, picks_up=worker.picks_up),
    )


def deliver_job(site: Site, owner: Owner, metrics: socket.socket | None, account: Account | None) -> Job:
    """Return the life of the deliver process."""
    return _job(site, "deliver", account, lambda log, clock: _deliver_part(site, owner, metrics, log, clock))


@asynccontextmanager
async def _deliver_part(
    site: Site, owner: Owner, metrics: socket.socket | None, log: EventLog, clock: Clock
) -> AsyncIterator[Part]:
    async with open_deliverer(site, owner, log=log, clock=clock) as deliverer:
        yield DeliverPart(deliverer, metrics, site.timeouts.session)


class DeliverPart:
    """The way out as a part, and the door for whoever collects metrics."""

    def __init__(self, deliverer: Deliverer, metrics: socket.socket | None, patience: timedelta) -> None:
        self._deliverer = deliverer
        self._patience = patience
        self._metrics = metrics
        self._server: asyncio.Server | None = None
        self._running: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to deliver."""
        if self._metrics is not None:
            self._server = await serve_metrics(self._metrics)
        self._running = asyncio.get_running_loop().create_task(self._deliverer.run())

    async def serve(self) -> None:
        """Deliver until drained."""
        if self._running is not None:
            await self._running

    async def retire(self) -> None:
        """Finish what runs, as long as a session may last; the successor has begun to lease."""
        self._close_metrics()
        await self._deliverer.drain(self._patience)

    async def stop(self, within: timedelta) -> None:
        """Finish what runs, within this time."""
        self._close_metrics()
        await self._deliverer.drain(within)

    def _close_metrics(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None


def _job(site: Site, role: str, account: Account | None, build: Build) -> Job:
    def live(reins: socket.socket) -> int:
        become(account)
        os.umask(0o077)
        _allow_many_files()
        _work_in_batches()
        gc.set_threshold(*_COLLECTIONS)
        clock = system_clock()
        log = daemon_event_log(site, clock, role)
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(_serve(build(log, clock), reins, log, site.timeouts.drain))
        log.close()
        return os.EX_OK

    return live


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    return None if uvloop is None else uvloop.new_event_loop


def _work_in_batches() -> None:
    """Ask not to be let in at once when something comes: who sends to us may finish what it does, and we have
    more to do at once then.  A tenth of the CPU time of each message was taken by changing places.
    """
    with contextlib.suppress(AttributeError, OSError):  # Linux alone has it
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def _allow_many_files() -> None:
    """A connection is a file: take all that the system lets us have."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):  # not ours to raise: then fewer connections it is
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


async def _serve(
    building: AbstractAsyncContextManager[Part], reins: socket.socket, log: FileEventLog, drain: timedelta
) -> None:
    log.gather(asyncio.get_running_loop().call_soon)
    async with building as part:
        await part.start()
        Orders(part, reins, log, drain).follow()
        reins.send(READY)
        await part.serve()


class Orders:
    """Does what the supervisor says.  Its silence for ever (a closed rein) means stop."""

    def __init__(self, part: Part, reins: socket.socket, log: FileEventLog, drain: timedelta) -> None:
        self._part = part
        self._reins = reins
        self._log = log
        self._drain = drain
        self._leaving: asyncio.Task[None] | None = None
        self._stopping = False

    def follow(self) -> None:
        """Begin to listen; a SIGTERM from an operator counts as stop."""
        loop = asyncio.get_running_loop()
        loop.add_reader(self._reins, self._read)
        loop.add_signal_handler(signal.SIGTERM, self._stop)

    def _read(self) -> None:
        try:
            words = self._reins.recv(16)
        except BlockingIOError:
            return
        except ConnectionResetError:
            words = b""
        if not words:
            asyncio.get_running_loop().remove_reader(self._reins)
        if REOPEN in words:
            self._log.reopen()
        if not words or STOP in words:
            self._stop()
        elif RETIRE in words and self._leaving is None:
            self._leave(self._part.retire())
            # Behind the first step of that task, in which the part stops taking anything new.
            asyncio.get_running_loop().call_soon(self._say_retired)

    def _say_retired(self) -> None:
        with contextlib.suppress(OSError):  # a supervisor that is gone does not mind
            self._reins.send(RETIRED)

    def _stop(self) -> None:
        if self._stopping:
            return
        self._stopping = True
        if self._leaving is not None:
            self._leaving.cancel()  # it was retiring; stopping takes over
        self._leave(self._part.stop(self._drain))

    def _leave(self, coroutine: Coroutine[object, object, None]) -> None:
        self._leaving = asyncio.get_running_loop().create_task(coroutine)
        self._leaving.add_done_callback(self._left)

    def _left(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and task.exception() is not None:
            self._log.event(events.TROUBLE, error=repr(task.exception()))
            os._exit(os.EX_SOFTWARE)  # it could not even leave: what it had leased will be given back
