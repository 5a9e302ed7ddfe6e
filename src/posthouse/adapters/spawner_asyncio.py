"""Attempts beside each other, as tasks of the event loop.

The rule: a task is kept until it is done, because the event loop itself holds on to none.
"""

import asyncio
from collections.abc import Coroutine


class AsyncioSpawner:
    """Port Spawner."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def spawn(self, coroutine: Coroutine[object, object, None]) -> None:
        """Run a coroutine concurrently and keep it alive to its end."""
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def cancel(self) -> None:
        """End what still runs."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(set(self._tasks))
