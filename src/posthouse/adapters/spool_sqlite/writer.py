"""The threads behind the event loop: one that writes, one that reads, one that counts, a few for large texts.

The loop hands an operation over and goes on; the writer waits for its turn among the processes, takes everything
that waits by then as one group, and hands the results of a group back with one call.
"""

import asyncio
import contextlib
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
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

    def __init__(self, committer: GroupCommitter, reader: Reader, surveyor: Reader) -> None:
        self._committer = committer
        self._reader = reader
        self._surveyor = surveyor
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._waiting = 0  # operations handed over and not yet answered
        self._room: asyncio.Future[None] | None = None  # for those that wait until there are fewer
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False
        self._reading: ThreadPoolExecutor | None = None
        self._surveying: ThreadPoolExecutor | None = None
        self._files: ThreadPoolExecutor | None = None

    async def write(self, operation: Operation[T]) -> T:
        """Hand an operation to the writer and wait until it is durable."""
        loop = self._loop or self._start()
        if self._closed:
            raise SpoolError("the spool is closed")
        while self._waiting >= _WAITING:
            await self._wait_for_room(loop)
        future: asyncio.Future[T] = loop.create_future()
        self._waiting += 1
        self._jobs.put((operation, future))
        return await future

    async def _wait_for_room(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._room is None:
            self._room = loop.create_future()
        await asyncio.shield(self._room)  # many wait for one future: the one that gives up must not end it

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

    async def survey(self, question: Callable[[sqlite3.Connection], T]) -> T:
        """Ask what may take long, beside the reader."""
        if self._surveying is None:
            self._surveying = ThreadPoolExecutor(1, thread_name_prefix="spool-surveyor")
        return await asyncio.get_running_loop().run_in_executor(self._surveying, self._surveyor.ask, question)

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
        for executor in (self._files, self._reading, self._surveying):
            if executor is not None:
                executor.shutdown(wait=True)
        self._files = self._reading = self._surveying = None
        self._reader.close()
        self._surveyor.close()
        self._committer.close()

    # -- in the writer's thread

    def _write_groups(self) -> None:
        while True:
            try:
                job = self._jobs.get(timeout=self._committer.sync_due_in)
            except Empty:
                self._committer.sync()
                continue
            if job is None:
                return
            group = [job]
            results = self._committer.run([job[0]], partial(self._fill, group))
            self._hand_back(group, results)

    def _fill(self, group: list[_Job]) -> Iterator[Operation[Any]]:
        """Take everything that waits by now; the word that the spool is closed is left for the next round."""
        while len(group) < _GROUP:
            try:
                job = self._jobs.get_nowait()
            except Empty:
                return
            if job is None:
                self._jobs.put(None)
                return
            group.append(job)
            yield job[0]

    def _hand_back(self, group: Sequence[_Job], results: Sequence[Result]) -> None:
        if self._loop is not None:
            # A loop that is closed has nobody left who waits.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._answer, group, results)

    # -- in the event loop

    def _answer(self, group: Sequence[_Job], results: Sequence[Result]) -> None:
        self._waiting -= len(group)
        if self._room is not None:
            self._room.set_result(None)
            self._room = None
        for (_, future), result in zip(group, results, strict=True):
            if future.done():  # cancelled: whoever waited has left, the work is done all the same
                continue
            if isinstance(result, BaseException):
                future.set_exception(result)
            else:
                future.set_result(result)
