"""The machine's clock.

The one place that asks the operating system for the time; everything else is given a Clock.
"""

import time
from datetime import UTC, datetime


class SystemClock:
    """Port Clock on the real time."""

    __slots__ = ()

    def now(self) -> datetime:
        """Return the time of day in UTC.  It may jump when the machine's clock is set."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds that never go back; only differences mean something."""
        return time.monotonic()
