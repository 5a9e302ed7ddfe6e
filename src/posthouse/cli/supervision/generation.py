"""The children that serve one loaded Site.

The rule: a generation keeps its site for life.  A reload makes a new generation; the old one retires.
A child that dies before its time is replaced, ever more slowly while it keeps dying.
"""

import gc
import os
import socket
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from posthouse.cli.supervision.children import Child, Job, fork_child
from posthouse.cli.supervision.ground import Account
from posthouse.cli.supervision.processes import Worker, deliver_job, smtpd_job
from posthouse.cli.supervision.sockets import ListenerSockets, metrics_name
from posthouse.site.model import Listener, Site
from posthouse.smtpd.board import Board
from posthouse.wiring.delivering import Owner
from posthouse.wiring.metrics import forget_process

_DELIVER = "deliver"
_SMTPD = "smtpd-"  # and a number from 1
_MOST_WORKERS = 4
_FIRST_DELAY_SECONDS = 0.1
_MOST_DELAY_SECONDS = 30.0
_LONG_LIFE_SECONDS = 60.0  # who lived this long did not die of its birth
# Slots name the owners of leases.  One per generation that still delivers: a new daemon
# gives back the leases of all of them, since none can be alive.
SLOTS = 16


@dataclass(slots=True)
class _Replacement:
    role: str
    due: float


@dataclass(slots=True)
class Generation:
    """One site and its children."""

    number: int
    slot: int
    site: Site
    listeners: tuple[Listener, ...]
    sockets: ListenerSockets
    account: Account | None
    orphans: tuple[str, ...]  # owners of leases that nobody holds any more
    to_close: Callable[[], Iterable[socket.socket]]  # the other children's reins
    children: list[Child] = field(default_factory=list)
    retiring: bool = False
    _replacements: list[_Replacement] = field(default_factory=list)
    _deaths: dict[str, int] = field(default_factory=dict)
    _board: Board = field(init=False)

    def __post_init__(self) -> None:
        self._board = Board(_count_workers(self.site))

    def start(self) -> None:
        """Fork every role.

        First take what was imported and configured out of every later search for garbage: a search
        writes to each object it looks at, and so takes away a page that the children share.
        """
        gc.collect()
        gc.freeze()
        for number in range(1, self._board.workers + 1):
            self._fork(f"{_SMTPD}{number}")
        self._fork(_DELIVER)

    @property
    def is_ready(self) -> bool:
        """Have all children said so?"""
        return all(child.ready for child in self.children) and not self._replacements

    @property
    def is_retired(self) -> bool:
        """Do all children take nothing new any more?"""
        return all(child.retired for child in self.children)

    def order(self, word: bytes) -> None:
        """Say a word to every child, and replace none that leaves."""
        for child in self.children:
            child.order(word)

    def kill(self) -> None:
        """End every child at once."""
        self._replacements.clear()
        for child in self.children:
            child.kill()

    def retire(self) -> None:
        """Replace nobody from now on."""
        self.retiring = True
        self._replacements.clear()

    def bury(self, child: Child) -> None:
        """Forget a dead child."""
        self.children.remove(child)
        child.reins.close()
        forget_process(child.pid)

    def replace(self, child: Child) -> float:
        """Plan a successor and return in how many seconds it comes."""
        lived = time.monotonic() - child.started
        deaths = 0 if lived > _LONG_LIFE_SECONDS else self._deaths.get(child.role, 0)
        self._deaths[child.role] = deaths + 1
        delay = min(_FIRST_DELAY_SECONDS * 2.0 ** min(deaths, 16), _MOST_DELAY_SECONDS)
        self._replacements.append(_Replacement(child.role, time.monotonic() + delay))
        return delay

    def next_due(self) -> float | None:
        """When the next successor comes (monotonic seconds); None without one."""
        return min((replacement.due for replacement in self._replacements), default=None)

    def fork_due(self) -> list[Child]:
        """Fork the successors whose time has come."""
        now = time.monotonic()
        due = [replacement for replacement in self._replacements if replacement.due <= now]
        self._replacements = [replacement for replacement in self._replacements if replacement.due > now]
        return [self._fork(replacement.role) for replacement in due]

    def _fork(self, role: str) -> Child:
        own = self._sockets_of(role)
        child = fork_child(role, self._job(role), [*self.to_close(), *self.sockets.not_among(own)])
        self.children.append(child)
        return child

    def spoken_to(self) -> list[Child]:
        """The children who owe a word: ready, or retired.  Of the others nothing is expected but their death."""
        return [child for child in self.children if not child.ready or (self.retiring and not child.retired)]

    def _sockets_of(self, role: str) -> list[socket.socket]:
        if role == _DELIVER:
            return [self.sockets[metrics_name(self.site.metrics)]] if self.site.metrics else []
        return [self.sockets[listener.address] for listener in self.listeners]

    def _job(self, role: str) -> Job:
        own = self._sockets_of(role)
        if role == _DELIVER:
            owner = Owner(owner_name(self.slot), self.orphans)
            self.orphans = (owner.name,)  # a successor inherits from this child alone
            return deliver_job(self.site, owner, own[0] if own else None, self.account)
        number = int(role.removeprefix(_SMTPD))
        worker = Worker(role, self._board.seat(number - 1), picks_up=number == 1)
        return smtpd_job(self.site, worker, list(zip(self.listeners, own, strict=True)), self.account)


def _count_workers(site: Site) -> int:
    """Return how many accept mail: as the site says, else one for each core, and few of them."""
    return site.workers or min(os.cpu_count() or 1, _MOST_WORKERS)


def owner_name(slot: int) -> str:
    """Name the owner of a slot's leases."""
    return f"deliver-{slot}"


def describe_status(status: int) -> str:
    """Say how a process ended."""
    if os.WIFSIGNALED(status):
        return f"signal {os.WTERMSIG(status)}"
    return f"exit {os.waitstatus_to_exitcode(status)}"
