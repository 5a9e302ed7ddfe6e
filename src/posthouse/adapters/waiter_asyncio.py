"""How deliver's loop waits in an event loop: for the wake-up datagram, for a time, or for its own notice.

The rule: the wall clock is asked again after every wait of ten minutes at most, so that a clock that was
corrected delays nothing for long.
"""

import asyncio
from datetime import datetime

from posthouse.adapters.wakeup_unix import WakeupReceiver
from posthouse.ports import Clock

_LONGEST_SECONDS = 600.0


class AsyncioWaiter:
    """Port Waiter."""

    def __init__(self, receiver: WakeupReceiver, clock: Clock) -> None:
        self._receiver = receiver
        self._clock = clock

    def notify(self) -> None:
        """End the wait that runs, or the next one."""
        self._receiver.wake()

    async def wait(self, until: datetime | None) -> None:
        """Return at a notification, or about this time."""
        await self._receiver.wait(_LONGEST_SECONDS if until is None else self._seconds(until))

    async def sleep(self, until: datetime) -> None:
        """Return at this time, or after ten minutes when it is further away."""
        await asyncio.sleep(self._seconds(until))

    def _seconds(self, until: datetime) -> float:
        seconds = (until - self._clock.now()).total_seconds()
        return min(max(seconds, 0.0), _LONGEST_SECONDS)
