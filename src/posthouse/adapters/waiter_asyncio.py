"""The port Waiter over an event loop, and over the wake-up datagrams of other processes.

Times are given by the clock of the day, which may jump; waiting is done in
pieces, so that a clock that was set costs a minute and not a day.
"""

import asyncio
from datetime import datetime
from typing import Protocol

from posthouse.ports import Clock

_LONGEST_SECONDS = 60.0


class Hints(Protocol):
    """Where hints come from: adapters/wakeup_unix.WakeupReceiver, or EventHints."""

    async def wait(self, timeout: float | None) -> bool:
        """Wait for a hint, at most so many seconds; True when there was one."""

    def wake(self) -> None:
        """Give the hint from inside this process."""


class EventHints:
    """Hints from this process alone."""

    def __init__(self) -> None:
        self._woken = asyncio.Event()

    async def wait(self, timeout: float | None) -> bool:
        """Wait for ``wake``."""
        try:
            async with asyncio.timeout(timeout):
                await self._woken.wait()
        except TimeoutError:
            return False
        self._woken.clear()
        return True

    def wake(self) -> None:
        """End the wait."""
        self._woken.set()


class AsyncioWaiter:
    """Waits for hints and times."""

    def __init__(self, clock: Clock, hints: Hints) -> None:
        self._clock = clock
        self._hints = hints

    def notify(self) -> None:
        """End the wait that runs, or the next one."""
        self._hints.wake()

    async def wait(self, until: datetime | None) -> None:
        """Return at a notification or at this time."""
        while not await self._hints.wait(self._piece(until)):
            if until is not None and self._clock.now() >= until:
                return

    async def sleep(self, until: datetime) -> None:
        """Return at this time."""
        while self._clock.now() < until:
            await asyncio.sleep(self._piece(until))

    def _piece(self, until: datetime | None) -> float:
        left = _LONGEST_SECONDS if until is None else (until - self._clock.now()).total_seconds()
        return max(0.0, min(left, _LONGEST_SECONDS))
