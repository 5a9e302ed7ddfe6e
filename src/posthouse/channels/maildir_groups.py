"""A few threads that take waiting Maildir deliveries in groups.

A delivery is mostly waiting: for the disk, and for the interpreter after each call.  Those that come while the threads
are busy go together with the next that is free, and their answers come back to the event loop together.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from posthouse.channels.maildir import MaildirDelivery, deliver_together

MOST_IN_GROUP = 16  # files open in a thread at once; the first of them waits for the last


@dataclass(slots=True)
class _Errand:
    """The deliveries of one attempt."""

    left: int
    done: "asyncio.Future[None]"


_Waiting = tuple[MaildirDelivery, _Errand]


class MaildirGroups:
    """Used from one event loop.  Threads start with the first delivery."""

    def __init__(self, threads: int, name: str) -> None:
        self._most_groups = threads
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._waiting: deque[_Waiting] = deque()
        self._groups = 0  # in threads now
        self._is_about_to_start = False

    async def deliver(self, deliveries: Sequence[MaildirDelivery]) -> None:
        """Return when each is durable in its Maildir, or its ``trouble`` says why not."""
        if not deliveries:
            return
        loop = asyncio.get_running_loop()
        errand = _Errand(len(deliveries), loop.create_future())
        self._waiting.extend((delivery, errand) for delivery in deliveries)
        if not self._is_about_to_start:
            self._is_about_to_start = True
            loop.call_soon(self._start, loop)  # with all that come in this turn of the loop
        await errand.done

    def close(self) -> None:
        """Let the threads end with what they have."""
        self._threads.shutdown(wait=False)

    def _start(self, loop: asyncio.AbstractEventLoop) -> None:
        self._is_about_to_start = False
        while self._groups < self._most_groups and (group := self._next_group()):
            self._groups += 1
            deliveries = [delivery for delivery, _ in group]
            visit = loop.run_in_executor(self._threads, deliver_together, deliveries)
            visit.add_done_callback(partial(self._finish, loop, group))

    def _next_group(self) -> list[_Waiting]:
        """Take the oldest, without those whose attempt was given up meanwhile."""
        group: list[_Waiting] = []
        while self._waiting and len(group) < MOST_IN_GROUP:
            waiting = self._waiting.popleft()
            if not waiting[1].done.done():
                group.append(waiting)
        return group

    def _finish(self, loop: asyncio.AbstractEventLoop, group: list[_Waiting], visit: "asyncio.Future[None]") -> None:
        self._groups -= 1
        error = visit.exception()
        for _, errand in group:
            errand.left -= 1
            if errand.done.done():
                continue
            if error is not None:
                errand.done.set_exception(error)
            elif not errand.left:
                errand.done.set_result(None)
        self._start(loop)
