"""The way out's loop: lease what is due, run attempts beside each other, sweep, drain.

Its rule: nothing that another process would need is kept here.  Whoever kills
this process loses open connections, never a decision.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from posthouse.deliver.settings import Settings
from posthouse.ports import Channel, Clock, DeadLetters, EventLog, Meter, Spawner, SpoolQueue, Submission, Waiter


@dataclass(frozen=True, slots=True)
class World:
    """Every port that deliver uses, as wiring gives them.  ``jitter`` draws from [0, 1)."""

    queue: SpoolQueue
    channels: Mapping[str, Channel]
    submission: Submission
    dead_letters: DeadLetters
    clock: Clock
    log: EventLog
    meter: Meter
    waiter: Waiter
    spawner: Spawner
    jitter: Callable[[], float]


class Deliverer:
    """One deliver process: ``await run()`` until ``await drain()`` has come back."""

    def __init__(self, world: World, settings: Settings) -> None:
        self._world = world
        self._settings = settings

    async def run(self) -> None:
        """Deliver until drained.  Never ends because of a SpoolError."""

    async def drain(self) -> None:
        """Lease nothing more, await running attempts up to the deadline, give leases back, close channels."""
