"""A clock that stands still until it is told to move: for tests and for "what would happen at" questions.

The time of day and the monotonic seconds move together in ``advance`` and apart in ``set_now``, as they do
when an administrator corrects a machine's clock.
"""

from datetime import UTC, datetime, timedelta

DAWN = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


class ManualClock:
    """Port Clock under the caller's control."""

    __slots__ = ("_monotonic", "_now")

    def __init__(self, now: datetime = DAWN, monotonic: float = 1000.0) -> None:
        self._now = _utc(now)
        self._monotonic = monotonic

    def now(self) -> datetime:
        """Return the time of day that was set."""
        return self._now

    def monotonic(self) -> float:
        """Return the seconds that were advanced, from an arbitrary start."""
        return self._monotonic

    def advance(self, by: timedelta | float) -> None:
        """Let time pass: a timedelta, or seconds.  Time does not pass backwards."""
        step = by if isinstance(by, timedelta) else timedelta(seconds=by)
        if step < timedelta(0):
            raise ValueError("monotonic time never goes back; use set_now for a clock that was corrected")
        self._now += step
        self._monotonic += step.total_seconds()

    def set_now(self, now: datetime) -> None:
        """Set the time of day alone, forwards or backwards."""
        self._now = _utc(now)


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("times are aware; say UTC")
    return moment.astimezone(UTC)
