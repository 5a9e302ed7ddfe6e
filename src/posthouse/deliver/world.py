"""Every port that deliver uses, in one value, as wiring gives them."""

from collections.abc import Callable, Mapping

from msgspec import Struct

from posthouse.deliver.letter_writer import LetterWriter
from posthouse.ports import (
    Channel,
    Clock,
    DeadLetters,
    Dialect,
    EventLog,
    Meter,
    Spawner,
    SpoolQueue,
    Submission,
    Waiter,
)


class World(Struct, frozen=True):
    """The ports.  ``jitter`` draws from [0, 1)."""

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
    dialect: Dialect | None = None  # None: every channel sends what is stored
    letters: LetterWriter | None = None  # None: reports are worded by dsn/compose.py
    rests: Callable[[], bool] | None = None  # says that the machine is too busy for deliveries; None: it never is

    def token(self) -> str:
        """Draw a word for a boundary and a Message-ID."""
        return f"{int(self.jitter() * 2**52):013x}"
