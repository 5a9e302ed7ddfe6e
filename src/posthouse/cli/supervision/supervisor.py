"""``posthouse serve``: the parent of all processes.

The rule: it holds sockets and children and touches no mail, so that it has nothing to lose.  It
waits for signals, for its children's words and for their deaths, in one place (``_wait``), without an event loop.
"""

import contextlib
import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from posthouse.cli.errors import CommandError
from posthouse.cli.supervision.children import REOPEN, RETIRE, STOP, Child
from posthouse.cli.supervision.generation import SLOTS, Generation, describe_status, owner_name
from posthouse.cli.supervision.ground import (
    SpoolLock,
    find_account,
    give,
    prepare_directories,
    prepare_log,
    remove_pid_file,
    write_pid_file,
)
from posthouse.cli.supervision.preload import preload_daemon
from posthouse.cli.supervision.sockets import ListenerSockets, metrics_name, sockets_of
from posthouse.mail import events
from posthouse.mail.errors import PosthouseError, SpoolError
from posthouse.site.model import Site
from posthouse.wiring.machine import light_event_log, system_clock
from posthouse.wiring.metrics import prepare_metrics
from posthouse.wiring.site_file import listeners_of, load_site
from posthouse.wiring.spool import reserve_spool

Notice = Callable[[str], None]

_READY_SECONDS = 90.0  # longest that a generation may take to become ready
_RETIRED_SECONDS = 30.0  # longest that a generation may take to stop taking anything new
_KILL_AFTER_SECONDS = 5.0  # beyond timeouts.drain
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGCHLD)


class Supervisor:
    """Starts, reloads and stops a daemon."""

    def __init__(self, site_file: Path, notice: Notice) -> None:
        self._site_file = site_file
        self._notice = notice
        self._site = load_site(site_file)
        self._account = find_account(self._site)
        self._sockets = ListenerSockets()
        self._generations: list[Generation] = []
        self._current: Generation | None = None  # the one that is ready
        self._starting: Generation | None = None
        self._starting_until = 0.0
        self._leaving: Generation | None = None  # it was told to retire and has not said that it did
        self._leaving_until = 0.0
        self._reload_again = False
        self._stop_by: float | None = None  # monotonic; set while stopping
        self._failure: CommandError | None = None
        self._numbers = 0

    def run(self) -> int:
        """Serve until told to stop; return the exit status.  Raises CommandError when it cannot start."""
        prepare_directories(self._site, self._account)
        lock = SpoolLock(self._site.spool)
        self._log = light_event_log(self._site, system_clock(), "supervisor")
        try:
            self._bind(self._site)
            self._reserve_spool()
            with self._signals():
                self._begin(self._site, tuple(owner_name(slot) for slot in range(SLOTS)))
                while self._generations:
                    self._wait()
        finally:
            self._sockets.close_others([])
            remove_pid_file(self._site.run)
            lock.release()
        if self._failure is not None:
            raise self._failure
        self._log.event(events.STOPPED)
        return os.EX_OK

    def _reserve_spool(self) -> None:
        """Make the first commits as fast as the later ones; a spool in trouble is for its users to complain of."""
        try:
            reserve_spool(self._site)
        except SpoolError as error:
            self._log.event(events.TROUBLE, where="reserve", error=str(error))

    # Waiting.

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        """Turn signals into bytes on a socket pair, so that none is missed between two waits."""
        self._wake, wake_writer = socket.socketpair()
        self._wake.setblocking(False)
        wake_writer.setblocking(False)
        before = signal.set_wakeup_fd(wake_writer.fileno(), warn_on_full_buffer=False)
        handlers = {number: signal.signal(number, lambda *_: None) for number in _SIGNALS}
        try:
            yield
        finally:
            signal.set_wakeup_fd(before)
            for number, handler in handlers.items():
                signal.signal(number, handler)
            self._wake.close()
            wake_writer.close()

    def _wait(self) -> None:
        """Wait for whatever comes first, and do what it asks for."""
        with selectors.PollSelector() as selector:
            selector.register(self._wake, selectors.EVENT_READ)
            for generation in self._generations:
                for child in generation.spoken_to():
                    selector.register(child.reins, selectors.EVENT_READ, child)
            ready = selector.select(self._patience())
        for key, _ in ready:
            if isinstance(key.data, Child) and not key.data.hear():
                key.data.ready = key.data.retired = True  # it let go; SIGCHLD follows
                key.data.kill()
        self._obey_signals()
        self._reap()
        self._look_at_clock()
        self._reload_again_if_asked()

    def _children(self) -> list[Child]:
        return [child for generation in self._generations for child in generation.children]

    def _patience(self) -> float | None:
        times = [due for generation in self._generations if (due := generation.next_due()) is not None]
        if self._stop_by is not None:
            times.append(self._stop_by)
        if self._starting is not None:
            times.append(self._starting_until)
        if self._leaving is not None:
            times.append(self._leaving_until)
        return max(0.0, min(times) - time.monotonic()) if times else None

    def _obey_signals(self) -> None:
        try:
            numbers = self._wake.recv(512)
        except BlockingIOError:
            return
        for number in dict.fromkeys(numbers):
            if number in (signal.SIGTERM, signal.SIGINT):
                self._stop(hasty=number == signal.SIGINT)
            elif number == signal.SIGHUP:
                self._reload()
            elif number == signal.SIGUSR1:
                self._reopen_logs()

    def _look_at_clock(self) -> None:
        now = time.monotonic()
        if self._stop_by is not None and now >= self._stop_by:
            for generation in self._generations:
                generation.kill()
            self._stop_by = now + _KILL_AFTER_SECONDS
        for generation in self._generations:
            generation.fork_due()
        if self._leaving is not None and (self._leaving.is_retired or now >= self._leaving_until):
            self._say_reloaded()
        starting = self._starting
        if starting is None:
            return
        if starting.is_ready:
            self._take_over(starting)
        elif now >= self._starting_until:
            self._give_up(f"the new processes were not ready after {_READY_SECONDS:g} s")

    # Generations.

    def _bind(self, site: Site) -> list[str]:
        return self._sockets.bind_missing(sockets_of(site, listeners_of(site)))

    def _begin(self, site: Site, orphans: tuple[str, ...] = ()) -> None:
        """Fork a generation; it takes over when it is ready."""
        metrics = prepare_metrics(site)
        if metrics is not None and self._account is not None:
            give(metrics, self._account)
        preload_daemon(site)
        slots = {generation.slot for generation in self._generations}
        slot = min(set(range(SLOTS)) - slots)
        self._numbers += 1
        self._starting = Generation(
            number=self._numbers,
            slot=slot,
            site=site,
            listeners=listeners_of(site),
            sockets=self._sockets,
            account=self._account,
            orphans=orphans or (owner_name(slot),),
            to_close=self._what_children_close,
        )
        self._generations.append(self._starting)
        self._starting_until = time.monotonic() + _READY_SECONDS
        self._starting.start()

    def _what_children_close(self) -> list[socket.socket]:
        return [self._wake, *(child.reins for child in self._children())]

    def _take_over(self, generation: Generation) -> None:
        old, self._current, self._starting = self._current, generation, None
        self._site = generation.site
        listeners = generation.listeners
        addresses = [self._sockets.actual(listener.address) for listener in listeners]
        if old is None:
            write_pid_file(self._site.run)
            self._log.event(events.STARTED, addresses=addresses, metrics=self._metrics_address(), site=self._site_file)
            self._say_started(addresses)
        else:
            old.retire()
            old.order(RETIRE)
            self._sockets.close_others(sockets_of(generation.site, listeners))
            self._log.close()
            self._log = light_event_log(self._site, system_clock(), "supervisor")
            self._leaving, self._leaving_until = old, time.monotonic() + _RETIRED_SECONDS

    def _say_reloaded(self) -> None:
        """The new generation alone takes what comes from now on."""
        self._leaving = None
        if self._current is None:
            return
        addresses = [self._sockets.actual(listener.address) for listener in self._current.listeners]
        self._log.event(events.RELOADED, addresses=addresses, generation=self._current.number)
        self._notice(f"reloaded {self._site_file}")

    def _say_started(self, addresses: list[str]) -> None:
        listening = ", ".join(address for address in addresses if not address.startswith("unix:"))
        self._notice(f"posthouse accepts mail for {self._site.name} on {listening or addresses[0]} (pid {os.getpid()})")

    def _metrics_address(self) -> str | None:
        return self._sockets.actual(metrics_name(self._site.metrics)) if self._site.metrics else None

    def _give_up(self, why: str) -> None:
        """The generation that was to take over cannot."""
        starting, self._starting = self._starting, None
        if starting is None:
            return
        starting.retire()
        starting.kill()
        if self._current is None:
            self._failure = CommandError(f"cannot start: {why}", os.EX_UNAVAILABLE)
            return
        self._sockets.close_others(sockets_of(self._current.site, self._current.listeners))
        self._refuse_reload([why])

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                pid = 0
            if pid == 0:
                break
            self._bury(pid, status)
        self._generations = [
            generation for generation in self._generations if generation.children or generation.next_due() is not None
        ]

    def _bury(self, pid: int, status: int) -> None:
        for generation in self._generations:
            for child in list(generation.children):
                if child.pid == pid:
                    generation.bury(child)
                    self._mourn(generation, child, status)

    def _mourn(self, generation: Generation, child: Child, status: int) -> None:
        how = describe_status(status)
        if generation.retiring:
            if status != 0:
                self._log.event(events.CHILD_DIED, child=child.role, child_pid=child.pid, how=how)
            return
        if generation is self._starting:
            self._log.event(events.CHILD_DIED, child=child.role, child_pid=child.pid, how=how)
            self._give_up(f"the {child.role} process ended ({how}); the log or standard error says why")
            return
        delay = generation.replace(child)
        self._log.event(events.CHILD_DIED, child=child.role, child_pid=child.pid, how=how, restart_in=delay)

    # Signals.

    def _stop(self, *, hasty: bool) -> None:
        """Stop gracefully; a second Ctrl-C means now."""
        if self._stop_by is not None:
            if hasty:
                self._stop_by = time.monotonic()
            return
        self._log.event(events.STOPPING)
        self._notice("stopping: running transactions may finish (Ctrl-C again stops at once)")
        self._stop_by = time.monotonic() + self._site.timeouts.drain.total_seconds() + _KILL_AFTER_SECONDS
        self._starting = None
        for generation in self._generations:
            generation.retire()
            generation.order(STOP)

    def _reopen_logs(self) -> None:
        try:
            prepare_log(self._site, self._account)
        except OSError as error:  # then the old file goes on
            self._log.event(events.TROUBLE, where="log", error=str(error))
        self._log.reopen()
        for generation in self._generations:
            generation.order(REOPEN)

    def _reload(self) -> None:
        """Load the site anew; if it is good, let a new generation take over."""
        if self._stop_by is not None:
            return
        if self._starting is not None or self._leaving is not None:
            self._reload_again = True
            return
        try:
            site = load_site(self._site_file)
            self._check_reloadable(site)
            prepare_directories(site, self._account)
            self._bind(site)
        except (PosthouseError, OSError) as error:
            problems = getattr(error, "problems", None) or [error]
            self._refuse_reload([str(problem) for problem in problems])
            return
        self._begin(site)

    def _reload_again_if_asked(self) -> None:
        """Do what was asked for while another change was under way, however that one ended."""
        if self._reload_again and self._current is not None and self._starting is None and self._leaving is None:
            self._reload_again = False
            self._reload()

    def _check_reloadable(self, site: Site) -> None:
        """Refuse what a running daemon cannot change, and too many generations."""
        for name in ("spool", "run", "user"):
            if getattr(site, name) != getattr(self._site, name):
                raise CommandError(f"{self._site_file}: a changed {name} needs a restart, not a reload")
        if len(self._generations) >= SLOTS:
            raise CommandError("too many earlier generations still finish their sessions; try again later")

    def _refuse_reload(self, problems: list[str]) -> None:
        self._log.event(events.RELOAD_REFUSED, problems=problems)
        for problem in problems:
            print(problem, file=sys.stderr)
        print("posthouse: reload refused, the old site goes on", file=sys.stderr, flush=True)
