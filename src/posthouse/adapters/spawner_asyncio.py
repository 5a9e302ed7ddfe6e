"""The port Spawner as tasks of an event loop."""

import asyncio
from collections.abc import Coroutine


class AsyncioSpawner:
    """Runs coroutines as tasks and holds on to them; a task that nobody holds may be collected while it waits."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def spawn(self, coroutine: Coroutine[object, object, None]) -> None:
        """Run it concurrently."""
        task: asyncio.Task[None] = asyncio.ensure_future(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def cancel_all(self) -> None:
        """Cancel what still runs: after a drain whose deadline passed, just before the process ends."""
        for task in self._tasks:
            task.cancel()
