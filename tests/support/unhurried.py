"""An event loop whose time passes only while it waits and nothing comes.

What a test says with short timeouts ("after 50 ms of silence", "text may take longer than a command") then
holds however long the machine leaves the process standing between two steps: as far as timers know, no time
has passed.  Both ends of each connection must live in this loop.
"""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run_unhurried(story: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine as ``asyncio.run`` does, in such a loop."""
    with asyncio.Runner(loop_factory=UnhurriedLoop) as runner:
        return runner.run(story)


class UnhurriedLoop(asyncio.SelectorEventLoop):
    """Counts the waits that ended in nothing."""

    def __init__(self) -> None:
        self._waited = 0.0  # seconds
        super().__init__(_CountingSelector(self))

    def time(self) -> float:
        """Return the seconds that were waited in vain."""
        return self._waited

    def count(self, seconds: float) -> None:
        """Let time pass."""
        self._waited += seconds


class _CountingSelector(selectors.DefaultSelector):
    def __init__(self, loop: UnhurriedLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(timeout)
        if timeout is not None and timeout > 0 and not ready:
            self._loop.count(timeout)
        return ready
