"""One timer per connection, armed lazily.

The rule: renewing a deadline is an assignment.  The timer that runs is left alone; when it fires
too early it is set again for what is left, so that a busy connection costs one timer per timeout, not one per line.
"""

import asyncio
import math
from collections.abc import Callable


class Deadline:
    """Calls ``expired`` once when the latest renewal, or the end of all patience, has passed."""

    __slots__ = ("_at", "_end", "_expired", "_loop", "_set_for", "_timer")

    def __init__(self, loop: asyncio.AbstractEventLoop, end_seconds: float, expired: Callable[[], None]) -> None:
        self._loop = loop
        self._end = loop.time() + end_seconds
        self._at = self._end
        self._expired = expired
        self._timer: asyncio.TimerHandle | None = None
        self._set_for = math.inf  # when the timer fires

    def renew(self, seconds: float) -> None:
        """Expire this long from now at the earliest; never later than the end."""
        self._at = at = self._loop.time() + seconds
        if self._set_for > at:
            self._arm()

    def cancel(self) -> None:
        """Never call."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._set_for = math.inf

    def _arm(self) -> None:
        self.cancel()
        self._set_for = min(self._at, self._end)
        self._timer = self._loop.call_at(self._set_for, self._fire)

    def _fire(self) -> None:
        self._timer = None
        self._set_for = math.inf
        if self._loop.time() < min(self._at, self._end):
            self._arm()
        else:
            self._expired()
