"""The ages of queued mail in a running process, which looks at its clocks whenever an age is asked for.

The rule: a decision about an age is made with a clock that was looked at in the same breath.  The loop itself may have
slept for minutes when the clock is set.
"""

from datetime import datetime, timedelta

from posthouse.ports import Clock
from posthouse.scheduling.ages import Ages


class WatchedAges:
    """Ages on a clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ages = Ages(clock.now(), clock.monotonic())
        self._ahead = timedelta(0)  # jumps that nobody has been told of

    def accepted(self, stamp: datetime) -> datetime:
        """Return when mail with this stamp was accepted, by the clock as it goes now; later at most."""
        self._look()
        return self._ages.accepted(stamp)

    def accepted_by(self, moment: datetime) -> datetime:
        """Return the latest stamp up to which all mail was accepted before this moment."""
        self._look()
        return self._ages.accepted_by(moment)

    def new_jumps_ahead(self) -> timedelta:
        """Return by how much the clock was set ahead since this was last asked."""
        self._look()
        ahead, self._ahead = self._ahead, timedelta(0)
        return ahead

    def _look(self) -> None:
        self._ahead += max(self._ages.look(self._clock.now(), self._clock.monotonic()), timedelta(0))
