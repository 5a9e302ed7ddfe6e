"""The threads behind the event loop: one that writes, one that reads, a few for large texts.

The loop hands an operation over and goes on; the writer takes everything that
waits as one group, and hands the results of a group back with one call.
"""

import asyncio
import contextlib
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from posthouse.adapters.spool_sqlite.commit import GroupCommitter, Reader, Result
from posthouse.adapters.spool_sqlite.store import Operation
from posthouse.mail.errors import SpoolError

T = TypeVar("T")

_GROUP = 256  # operations in one transaction at most
_WAITING = 2048  # operations handed over and not yet answered; more wait in the event loop
_FILE_THREADS = 4

_Job = tuple[Operation[Any], "asyncio.Future[Any]"]


class ThreadRunner:
    """Runs the spool's work in threads.  Used from one event loop; threads start with the first work."""

    def __init__(self, committer: GroupCommitter, reader: Reader) -> None:
        self._committer = committer
        self._reader = reader
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._room = asyncio.Semaphore(_WAITING)
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False
        self._reading: ThreadPoolExecutor | None = None
        self._files: ThreadPoolExecutor | None = None

    async def write(self, operation: Operation[T]) -> T:
        """Hand an operation to the writer and wait until it is durable."""
        loop = self._loop or self._start()
        if self._closed:
            raise SpoolError("the spool is closed")
        async with self._room:
            future: asyncio.Future[T] = loop.create_future()
            self._jobs.put((operation, future))
            return await future

    def _start(self) -> asyncio.AbstractEventLoop:
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._write_groups, name="spool-writer", daemon=True)
        self._thread.start()
        return self._loop

    async def read(self, question: Callable[[sqlite3.Connection], T]) -> T:
        """Ask the reader."""
        if self._reading is None:
            self._reading = ThreadPoolExecutor(1, thread_name_prefix="spool-reader")
        return await asyncio.get_running_loop().run_in_executor(self._reading, self._reader.ask, question)

    async def file(self, work: Callable[[], T]) -> T:
        """Do something with a file."""
        if self._files is None:
            self._files = ThreadPoolExecutor(_FILE_THREADS, thread_name_prefix="spool-text")
        return await asyncio.get_running_loop().run_in_executor(self._files, work)

    async def close(self) -> None:
        """Let the threads finish what they have and end."""
        self._closed = True
        thread, self._thread = self._thread, None
        if thread is not None:
            self._jobs.put(None)
            await asyncio.get_running_loop().run_in_executor(None, thread.join)
        for executor in (self._files, self._reading):
            if executor is not None:
                executor.shutdown(wait=True)
        self._files = self._reading = None
        self._reader.close()
        self._committer.close()

    # -- in the writer's thread

    def _write_groups(self) -> None:
        while True:
            group = self._next_group()
            if group:
                results = self._committer.run([operation for operation, _ in group])
                self._hand_back(group, results)
            else:
                return

    def _next_group(self) -> list[_Job]:
        """Wait for a job and take all the others that wait; nothing when the spool is being closed."""
        job = self._jobs.get()
        group: list[_Job] = []
        while job is not None:
            group.append(job)
            if len(group) == _GROUP:
                break
            try:
                job = self._jobs.get_nowait()
            except Empty:
                break
        else:
            if group:
                self._jobs.put(None)  # the end comes after this group
        return group

    def _hand_back(self, group: Sequence[_Job], results: Sequence[Result]) -> None:
        if self._loop is not None:
            # A loop that is closed has nobody left who waits.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(_deliver, group, results)


def _deliver(group: Sequence[_Job], results: Sequence[Result]) -> None:
    for (_, future), result in zip(group, results, strict=True):
        if future.done():  # cancelled: whoever waited has left, the work is done all the same
            continue
        if isinstance(result, BaseException):
            future.set_exception(result)
        else:
            future.set_result(result)
