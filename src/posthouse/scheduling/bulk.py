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

# An attempt is young for so long.  At a quick host it is over sooner; hosts slower than that see at least twenty
# attempts begin each second, a thousand recipients.
YOUNG_SECONDS = 0.05
_YOUNG = 5
_YOUNG_BESIDE = 1


class Shares(Struct, frozen=True):
    """What they may have at this moment: slots in all, and attempts that are young."""

    slots: int
    young: int


class BulkShare:
    """Counts the attempts for big messages.  Times are monotonic seconds."""

    def __init__(self, slots: int) -> None:
        self._alone = Shares(max(1, slots // _SHARE), _YOUNG)
        self._beside = Shares(max(1, slots // _SHARE_BESIDE), _YOUNG_BESIDE)
        self._started: list[float] = []  # when each that runs began, oldest first
        self._in_a_row = _ALONE

    @property
    def in_use(self) -> int:
        """Attempts running."""
        return len(self._started)

    def single(self) -> None:
        """Learn that a message of the other lane came along."""
        self._in_a_row = 0

    def start(self, now: float) -> None:
        """Count an attempt that begins."""
        self._started.append(now)
        self._in_a_row += 1

    def finish(self, started: float) -> None:
        """Count one that is over, by when it began."""
        self._started.remove(started)

    def wanted(self, now: float) -> int:
        """Return how many may be started now."""
        shares = self._shares
        young = sum(now < started + YOUNG_SECONDS for started in self._started)
        return max(0, min(shares.slots - self.in_use, shares.young - young))

    def pause(self, now: float) -> float:
        """Return in how many seconds the next may be started while all that run go on; 0 when that won't help."""
        shares = self._shares
        if self.in_use >= shares.slots or self.in_use < shares.young:
            return 0.0
        oldest_that_hinders = self._started[-shares.young]
        return max(0.0, oldest_that_hinders + YOUNG_SECONDS - now)

    @property
    def _shares(self) -> Shares:
        return self._alone if self._in_a_row >= _ALONE else self._beside
