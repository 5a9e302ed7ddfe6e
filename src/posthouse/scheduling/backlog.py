"""What the loop remembers between two leases: slots in use, and what it learned of each hop.

The rule: bounded, and never the record.  Forgetting all of it costs slower
first attempts, nothing else; the queue itself is rows in the spool.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from posthouse.mail.limits import RetryPolicy
from posthouse.mail.queued import Hop, Lane
from posthouse.scheduling.bulk import BulkShare
from posthouse.scheduling.concurrency import Window, first_window
from posthouse.scheduling.dead_hosts import DeadHop, leave_alone

MOST_HOPS = 1000  # remembered besides those in use


@dataclass(slots=True)
class _Hop:
    window: Window
    first: int  # attempts that its first window allowed: what a hop gets that is not mentioned in ``spare``
    in_use: int = 0
    dead: DeadHop | None = None

    @property
    def attempts(self) -> int:
        """How many may run at once: to a hop that was dead one goes ahead and looks."""
        return 1 if self.dead is not None else self.window.attempts


class Backlog:
    """The slots of one deliver process."""

    def __init__(
        self, policy: RetryPolicy, slots: int, window_of: Callable[[str], Window], most_hops: int = MOST_HOPS
    ) -> None:
        """``window_of`` gives the first window of a hop on this channel."""
        self._policy = policy
        self._slots = slots
        self._window_of = window_of
        self._most_hops = most_hops
        self._hops: dict[Hop, _Hop] = {}  # least recently used first
        self._in_use = 0
        self._bulk = BulkShare(slots)
        self._draining = False

    @property
    def in_use(self) -> int:
        """Attempts running."""
        return self._in_use

    @property
    def free(self) -> int:
        """Attempts that may be started now; none while draining."""
        return 0 if self._draining else max(0, self._slots - self._in_use)

    @property
    def wanted(self) -> int:
        """Batches to ask for now.  First all but the last quarter, which is asked for by itself under its own rule."""
        return self.free - self._reserve if self.free > self._reserve else self.free

    @property
    def slots(self) -> int:
        """Attempts that may run at once."""
        return self._slots

    @property
    def bulk_in_use(self) -> int:
        """Attempts running for big messages."""
        return self._bulk.in_use

    @property
    def hops(self) -> int:
        """Hops remembered."""
        return len(self._hops)

    @property
    def dead_hops(self) -> int:
        """Hops that could not be reached when last tried."""
        return sum(hop.dead is not None for hop in self._hops.values())

    @property
    def widest(self) -> int:
        """The largest window of any remembered hop; 0 without one."""
        return max((hop.window.attempts for hop in self._hops.values()), default=0)

    def drain(self) -> None:
        """Start nothing more."""
        self._draining = True

    def bulk_wanted(self, now: float) -> int:
        """Return how many batches of big messages may be started now (monotonic seconds)."""
        return self._bulk.wanted(now)

    @property
    def bulk_recipients(self) -> int:
        """How many recipients a batch of them may have."""
        return self._bulk.recipients

    def bulk_pause(self, now: float) -> float:
        """Return in how many seconds there is room for the next of them though none ends; 0 when that won't help."""
        return self._bulk.pause(now)

    def start(self, hop: Hop, lane: Lane = Lane.SINGLE, now: float = 0.0) -> None:
        """Count an attempt that begins (monotonic seconds)."""
        known = self._hops.pop(hop, None) or self._new_hop(hop)
        known.in_use += 1
        self._hops[hop] = known
        self._in_use += 1
        if lane is Lane.BULK:
            self._bulk.start(now)
        else:
            self._bulk.single(now)
        self._forget()

    def _new_hop(self, hop: Hop) -> _Hop:
        window = self._window_of(hop.channel)
        return _Hop(window, window.attempts)

    def finish(self, hop: Hop, lane: Lane = Lane.SINGLE, started: float = 0.0) -> None:
        """Count an attempt that is over and settled, which was started then."""
        self._hops[hop].in_use -= 1
        self._in_use -= 1
        if lane is Lane.BULK:
            self._bulk.finish(started)

    def reached(self, hop: Hop) -> bool:
        """Learn that the hop was reached; True when it had been dead."""
        known = self._hops[hop]
        known.window = known.window.widened()
        was_dead = known.dead is not None
        known.dead = None
        return was_dead

    def unreachable(self, hop: Hop, now: datetime) -> datetime | None:
        """Learn that it was not; return until when to leave it alone, None if that is already under way."""
        known = self._hops[hop]
        before = known.dead
        known.dead = leave_alone(self._policy, before, now)
        if known.dead is before:
            return None
        known.window = known.window.halved()
        return known.dead.until

    def default_spare(self, channels: tuple[str, ...]) -> int:
        """Return how many batches a hop that is not in ``spare`` may take."""
        least = min((self._window_of(channel).attempts for channel in channels), default=1)
        return min(least, self._share())

    def spare(self) -> dict[Hop, int]:
        """Return the room of each hop about which more is known than nothing."""
        share = self._share()
        return {
            hop: max(0, min(known.attempts, share) - known.in_use)
            for hop, known in self._hops.items()
            if known.in_use or known.attempts < known.first
        }

    @property
    def _reserve(self) -> int:
        return self._slots // 4

    def _share(self) -> int:
        """Return how many slots any hop may hold at this moment.

        While slots are plenty its window alone limits a hop.  The last quarter is
        for those that hold less than an equal share, so that a few slow hops,
        each within its window, don't use up all slots between them.
        """
        if self.free > self._reserve:
            return max(1, self._slots // 2)
        active = sum(known.in_use > 0 for known in self._hops.values())
        return max(1, self._slots // (active + 1))

    def _forget(self) -> None:
        """Drop the hops idle longest once too many are known: healthy ones before dead ones."""
        excess = len(self._hops) - self._most_hops - self._in_use
        if excess <= 0:
            return
        idle = [hop for hop, known in self._hops.items() if not known.in_use]
        idle.sort(key=lambda hop: self._hops[hop].dead is not None)
        # A tenth at once, so that the search is not made for every new hop.
        for hop in idle[: max(excess, self._most_hops // 10)]:
            del self._hops[hop]


def make_backlog(policy: RetryPolicy, slots: int, initial: int, limit_of: Callable[[str], int]) -> Backlog:
    """Make a Backlog from a site's numbers; ``limit_of`` gives a channel's own limit of attempts to one host."""
    return Backlog(policy, slots, lambda channel: first_window(initial, limit_of(channel), slots))
