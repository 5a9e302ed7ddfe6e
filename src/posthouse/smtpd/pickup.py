"""When the drop is looked into: at the start, at each hint, and every now and then.

The rule: a hint saves time and nothing depends on it.  Whoever drops a message finds no daemon
that could be given one, so that the regular look is what counts.
"""

import asyncio
from datetime import timedelta
from typing import Protocol

from posthouse.mail import events
from posthouse.mail.errors import SpoolError
from posthouse.ports import EventLog
from posthouse.submit.pickup import Pickup

_EVERY_SECONDS = 10.0
_REST_SECONDS = 0.05  # between two looks: anybody may hint as often as he likes


class Hint(Protocol):
    """Where hints arrive."""

    async def wait(self, timeout: float | None) -> bool:
        """Wait for one, at most so many seconds."""

    def wake(self) -> None:
        """End the wait."""

    def close(self) -> None:
        """Listen no more."""


class PickupRounds:
    """Runs a Pickup until told to leave."""

    def __init__(self, pickup: Pickup, hint: Hint, log: EventLog) -> None:
        self._pickup = pickup
        self._hint = hint
        self._log = log
        self._is_leaving = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin with a look at once."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    def finish(self) -> None:
        """Take nothing more after the message that is being taken."""
        self._is_leaving = True
        self._pickup.leave()
        self._hint.wake()

    async def leave(self, within: timedelta | None = None) -> None:
        """Return when that is done, or give up after this time."""
        self.finish()
        if self._task is not None:
            await asyncio.wait((self._task,), timeout=None if within is None else within.total_seconds())
            self._task.cancel()
        self._hint.close()

    async def _run(self) -> None:
        while not self._is_leaving:
            try:
                await self._pickup.look()
            except SpoolError as error:
                self._log.event(events.TROUBLE, where="pickup", error=str(error))
            except Exception as error:  # noqa: BLE001 - a bug here must not end the looking
                self._log.event(events.TROUBLE, where="pickup", error=repr(error))
            if not self._is_leaving:
                await asyncio.sleep(_REST_SECONDS)
                await self._hint.wait(_EVERY_SECONDS)
