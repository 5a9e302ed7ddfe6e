"""How long mail has waited, whatever was done to the machine's clock meanwhile.

Mail is stamped with the time of day at which it was accepted.  When the clock is then set ahead by a day, all that
waits looks a day older than it is.  Whoever compares the time of day with a clock that nobody sets sees the jump,
and can give the stamps of before the time that they would have now.

The rule: nothing is ever taken to be older than it is.  A clock that is set back makes mail look younger, and
that stays so: it expires late by as much as the clock was wrong, never early.
"""

from datetime import datetime, timedelta

from msgspec import Struct

CORRECTION = timedelta(minutes=1)  # a clock set by less makes no difference to anybody's mail
_MOST_JUMPS = 16


class _Jump(Struct, frozen=True):
    """The clock was set ahead by so much; it had never been later than ``before``."""

    before: datetime
    by: timedelta


class Ages:
    """What one process has seen of its clock.  ``monotonic`` is in seconds, from any start."""

    def __init__(self, now: datetime, monotonic: float) -> None:
        self._now = now
        self._monotonic = monotonic
        self._latest = now  # that the clock ever said
        self._jumps: list[_Jump] = []  # oldest first

    def look(self, now: datetime, monotonic: float) -> timedelta:
        """Look at both clocks; return by how much the time of day was set since the last look, 0 for a little."""
        expected = self._now + timedelta(seconds=monotonic - self._monotonic)
        by = now - expected
        self._now, self._monotonic = now, monotonic
        latest, self._latest = max(self._latest, expected), max(self._latest, now)
        if abs(by) < CORRECTION:
            return timedelta(0)
        if by > timedelta(0):
            self._set_ahead(_Jump(latest, by))
        else:
            self._set_back(-by)
        return by

    def accepted(self, stamp: datetime) -> datetime:
        """Return when mail with this stamp was accepted, by the clock as it goes now; later at most."""
        return sum((jump.by for jump in self._jumps if stamp <= jump.before), timedelta(0)) + stamp

    def accepted_by(self, moment: datetime) -> datetime:
        """Return the latest stamp up to which all mail was accepted before this moment of the clock as it goes now."""
        ahead = sum((jump.by for jump in self._jumps), timedelta(0))
        latest: datetime | None = None
        for jump in self._jumps:
            if jump.before + ahead > moment:
                return moment - ahead if latest is None else max(latest, moment - ahead)
            latest = jump.before
            ahead -= jump.by
        return moment if latest is None else max(latest, moment)

    def _set_ahead(self, jump: _Jump) -> None:
        self._jumps.append(jump)
        if len(self._jumps) > _MOST_JUMPS:
            first, second, *others = self._jumps
            self._jumps = [_Jump(second.before, first.by + second.by), *others]

    def _set_back(self, by: timedelta) -> None:
        """Take jumps ahead back, the last first: the clock was wrong in between."""
        while self._jumps and by > timedelta(0):
            last = self._jumps.pop()
            if last.by > by:
                self._jumps.append(_Jump(last.before, last.by - by))
            by -= last.by
