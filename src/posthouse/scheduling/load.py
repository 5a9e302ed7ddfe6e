"""What a busy machine leaves for later: the options QueueLA, RefuseLA, DelayLA and QueueFactor of a sendmail site.

Sendmail Installation and Operation Guide, section 4.6.  Loads are averages of the last minute, as whole numbers.
"""

from typing import Final

from msgspec import Struct

DELAY_SECONDS: Final = 1.0  # of each command, at DelayLA
LONGEST_WAIT_SECONDS: Final = 60  # for a greeting; a client waits five minutes for it (RFC 5321 section 4.5.3.2.1)


class LoadLimits(Struct, frozen=True):
    """The loads from which on something else is done.  0 for ``refuse`` and ``delay``: never."""

    queue: int = 8
    refuse: int = 12
    delay: int = 0
    factor: int = 600_000
    refused_recipients: int = 0  # BadRcptThrottle: so many in one session delay it as DelayLA does; 0: any number

    def queues(self, load: int, priority: int) -> bool:
        """Is a message of this priority put into the queue without an attempt?"""
        return load >= self.queue and priority > self.factor // (load - self.queue + 1)

    def refuses(self, load: int) -> bool:
        """Are connections refused?"""
        return 0 < self.refuse <= load

    def delays(self, load: int) -> bool:
        """Are commands answered a second later?"""
        return 0 < self.delay <= load


class RateThrottle:
    """The option ConnectionRateThrottle: so many connections in a second, the next ones wait for later seconds."""

    __slots__ = ("_begun", "_count", "_rate")

    def __init__(self, rate: int) -> None:
        """``rate`` is at least 1."""
        self._rate = rate
        self._begun = 0.0
        self._count = 0

    def wait(self, now: float) -> float | None:
        """Count a connection at this moment (monotonic seconds); return how long it has to wait.

        None, and it is not counted: it would have to wait for more than LONGEST_WAIT_SECONDS.
        """
        full = self._count // self._rate  # seconds that are taken already
        if not self._count or now - self._begun >= max(full, 1):
            self._begun, self._count = now, 0
        second = self._count // self._rate
        seconds = max(self._begun + second - now, 0.0) if second else 0.0
        if seconds > LONGEST_WAIT_SECONDS:
            return None
        self._count += 1
        return seconds
