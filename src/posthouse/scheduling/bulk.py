"""How much of a deliver process big messages get, so that whoever writes to one person finds it at leisure.

An attempt for fifty recipients costs as much as many for one, and all of them share one processor.  At its start and
end it keeps that busy; in between it waits for its host.  So few may be young at a time, and what has
been running for a while, at a slow host, only holds its slot.
"""

from msgspec import Struct

# Big messages may hold this fraction of all slots; the smaller one while others come along with them.
_SHARE = 4
_SHARE_BESIDE = 20
_ALONE = 500  # batches of big messages in a row, after which they are thought to be alone
# Recipients in an attempt.  What is done for all of them at once holds up the others for so long: the way out for
# single messages took three times as long beside attempts for fifty, and a third longer beside these.
_RECIPIENTS = 1000
_RECIPIENTS_BESIDE = 15

# An attempt is young for so long.  At a quick host it is over sooner; hosts slower than that see at least twenty
# attempts begin each second, a thousand recipients.
YOUNG_SECONDS = 0.05
# A message of the other lane that has just begun goes first: none is started until it has had its time.
FIRST_SECONDS = 0.01
_YOUNG = 5
_YOUNG_BESIDE = 1


class Shares(Struct, frozen=True):
    """What they may have at this moment: slots in all, attempts that are young, and recipients in an attempt."""

    slots: int
    young: int
    recipients: int


class BulkShare:
    """Counts the attempts for big messages.  Times are monotonic seconds."""

    def __init__(self, slots: int) -> None:
        self._alone = Shares(max(1, slots // _SHARE), _YOUNG, _RECIPIENTS)
        self._beside = Shares(max(1, slots // _SHARE_BESIDE), _YOUNG_BESIDE, _RECIPIENTS_BESIDE)
        self._started: list[float] = []  # when each that runs began, oldest first
        self._in_a_row = _ALONE
        self._last = -YOUNG_SECONDS  # when the newest began, and when the newest message of the other lane did
        self._single = -FIRST_SECONDS

    @property
    def in_use(self) -> int:
        """Attempts running."""
        return len(self._started)

    @property
    def recipients(self) -> int:
        """Recipients at most in the next attempt."""
        return self._shares.recipients

    def single(self, now: float) -> None:
        """Learn that an attempt of the other lane begins."""
        self._in_a_row = 0
        self._single = now

    def start(self, now: float) -> None:
        """Count an attempt that begins."""
        self._started.append(now)
        self._last = now
        self._in_a_row += 1

    def finish(self, started: float) -> None:
        """Count one that is over, by when it began."""
        self._started.remove(started)

    def wanted(self, now: float) -> int:
        """Return how many may be started now."""
        shares = self._shares
        if now < self._first_until:
            return 0
        young = sum(now < started + YOUNG_SECONDS for started in self._started)
        return max(0, min(shares.slots - self.in_use, shares.young - young))

    def pause(self, now: float) -> float:
        """Return in how many seconds the next may be started while all that run go on; 0 when that won't help."""
        shares = self._shares
        if self.in_use >= shares.slots:
            return 0.0
        free = now
        if self.in_use >= shares.young:
            oldest_that_hinders = self._started[-shares.young]
            free = oldest_that_hinders + YOUNG_SECONDS
        return max(0.0, max(free, self._first_until) - now)

    @property
    def _first_until(self) -> float:
        """Until when the other lane goes first; one that never ends can't hold big messages up for long."""
        return min(self._single + FIRST_SECONDS, self._last + YOUNG_SECONDS)

    @property
    def _shares(self) -> Shares:
        return self._alone if self._in_a_row >= _ALONE else self._beside
