"""How deliver's loop waits in an event loop: for the wake-up datagram, for a time, or for its own notice.

The rule: the wall clock is asked again after every wait of ten minutes at most, so that a clock that was
corrected delays nothing for long.

Mail that comes in for a host that is left alone, or whose window is full, gives hints that lead to nothing.  After
such a one the next are heard only when a pause is over, a longer one each time, up to ``LONGEST_PAUSE_SECONDS``.
"""

import asyncio
from datetime import datetime

from posthouse.adapters.wakeup_unix import WakeupReceiver
from posthouse.ports import Clock

_LONGEST_SECONDS = 600.0
FIRST_PAUSE_SECONDS = 0.01
LONGEST_PAUSE_SECONDS = 0.04


class AsyncioWaiter:
    """Port Waiter."""

    def __init__(self, receiver: WakeupReceiver, clock: Clock) -> None:
        self._receiver = receiver
        self._clock = clock
        self._pause_seconds = 0.0
        self._was_hinted = False

    def notify(self) -> None:
        """End the wait that runs, or the next one."""
        self._receiver.wake()

    async def wait(self, until: datetime | None) -> None:
        """Return at a notification, or about this time."""
        await self._receiver.wait(_LONGEST_SECONDS if until is None else self._seconds(until))
        self._was_hinted = self._receiver.take_heard()

    def found(self, work: bool) -> None:
        """Rest after a hint that led to nothing."""
        if not self._was_hinted:
            return
        if work:
            self._pause_seconds = 0.0
            return
        self._pause_seconds = min(max(2 * self._pause_seconds, FIRST_PAUSE_SECONDS), LONGEST_PAUSE_SECONDS)
        self._receiver.rest(self._pause_seconds)

    async def sleep(self, until: datetime) -> None:
        """Return at this time, or after ten minutes when it is further away."""
        await asyncio.sleep(self._seconds(until))

    def _seconds(self, until: datetime) -> float:
        seconds = (until - self._clock.now()).total_seconds()
        return min(max(seconds, 0.0), _LONGEST_SECONDS)
