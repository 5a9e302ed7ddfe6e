"""Port LoadAverage: this machine's, asked for once a second at most.

The kernel itself computes it anew every five seconds.
"""

import math
import os
from collections.abc import Callable

from posthouse.ports import Clock

_FRESH_SECONDS = 1.0


def load_of_system() -> float:
    """Return the average of the last minute; 0 where the system has none."""
    try:
        return os.getloadavg()[0]
    except OSError:
        return 0.0


class SystemLoad:
    """Port LoadAverage."""

    def __init__(self, clock: Clock, read: Callable[[], float] = load_of_system) -> None:
        self._clock = clock
        self._read = read
        self._value = 0
        self._asked = -math.inf

    def now(self) -> int:
        """Return the load, rounded."""
        at = self._clock.monotonic()
        if at - self._asked >= _FRESH_SECONDS:
            self._asked = at
            load = self._read()
            self._value = int(load + 0.5) if 0 <= load < 1_000_000 else 0
        return self._value
