"""Group commit: everything that waits is written in one transaction with one sync.

When one operation of a group raises, the group is rolled back and each of its
operations gets a transaction of its own, so that only the culprit fails.  When
the commit itself fails, all of them fail: nobody is told of success before
COMMIT has returned.

What is synced when (docs/spool.md): mail before anybody is told of its commit; settlements with the next sync, at
the latest after SOON_SECONDS; leases never for their own sake.  The turn at writing ends before the sync, so that
another process writes while this one waits for the disk; one sync of the log covers every commit before it.
"""

import contextlib
import errno
import fcntl
import os
import sqlite3
import time
from collections.abc import Callable, Coroutine, Iterable, Iterator
from pathlib import Path
from typing import Any, Protocol, TypeVar

from posthouse.adapters.spool_sqlite.log_sync import LogSync
from posthouse.adapters.spool_sqlite.schema import TEXTS, as_spool_error, connect, open_lock, prepare
from posthouse.adapters.spool_sqlite.store import Operation, Settle, Store, Unsynced, run_operations

T = TypeVar("T")
Step = Callable[[str], None]
More = Callable[[], Iterable[Operation[Any]]]
Result = Any  # what an operation returned, or the exception that it raised

SOON_SECONDS = 0.2  # until settlements are synced
_COLLISIONS = 3  # how often a message is given a new queue id


def no_step(_name: str) -> None:
    """Stand where the crash tests stop a process; the names are those of docs/spool.md."""


class Runner(Protocol):
    """Where the work of a spool is done: in threads, or at once."""

    def write(self, operation: Operation[T]) -> Coroutine[Any, Any, T]:
        """Run an operation in a write transaction and return when it is durable."""

    def read(self, question: Callable[[sqlite3.Connection], T]) -> Coroutine[Any, Any, T]:
        """Run a short reading on a connection of its own."""

    def survey(self, question: Callable[[sqlite3.Connection], T]) -> Coroutine[Any, Any, T]:
        """Run a reading that may take long, on another connection: nothing short waits for it."""

    def file(self, work: Callable[[], T]) -> Coroutine[Any, Any, T]:
        """Run something that waits for the disk."""

    def close(self) -> Coroutine[Any, Any, None]:
        """Finish what waits, then give everything back."""


class _CommitFailedError(Exception):
    """COMMIT raised: the cause is its __cause__."""


class GroupCommitter:
    """Owns the writing connection.  Used by one thread at a time."""

    def __init__(self, folder: Path, min_free_octets: int, step: Step) -> None:
        self._folder = folder
        self._min_free_octets = min_free_octets
        self._step = step
        self._store: Store | None = None
        self._lock = -1
        self._log = LogSync(folder)
        self._is_suspect = False  # a sync of the log failed: what it was to write may never be
        self._owing_since: float | None = None  # settlements that are committed and not synced (monotonic)
        self._gone_texts: list[str] = []  # files whose rows are gone, but not yet beyond a power cut

    def run(self, operations: Iterable[Operation[Any]], more: More = lambda: ()) -> list[Result]:
        """Run operations; the results stand in their order, exceptions among them.

        ``more`` gives what has come while other processes had their turn: it joins the group, last in order.
        """
        operations = list(operations)
        try:
            return self._together(operations, more)
        except _CommitFailedError as failure:
            error = self._translate(failure.__cause__)
            return [error] * len(operations)
        except Exception as error:  # noqa: BLE001 - handed to whoever waits for it
            if len(operations) == 1 and not isinstance(error, sqlite3.IntegrityError):
                return [self._translate(error)]
            return [self._alone(operation) for operation in operations]

    def _alone(self, operation: Operation[Any]) -> Result:
        for _ in range(_COLLISIONS):
            try:
                return self._together([operation], lambda: ())[0]
            except sqlite3.IntegrityError as error:  # a queue id that exists: the next run draws another
                collision = error
            except _CommitFailedError as failure:
                return self._translate(failure.__cause__)
            except Exception as error:  # noqa: BLE001 - handed to whoever waits for it
                return self._translate(error)
        return self._translate(collision)

    def _together(self, operations: list[Operation[Any]], more: More) -> list[Result]:
        store = self._open()
        with self._turn():
            operations.extend(more())
            store.connection.execute("BEGIN IMMEDIATE")
            try:
                self._step("begun")
                results = run_operations(store, operations)
                store.flush()
                self._step("rows-written")
                self._commit(store)
                self._step("committed")
            except BaseException:
                self._roll_back(store)
                raise
        self._make_durable(store, operations)
        self._finish(store)
        return results

    def _make_durable(self, store: Store, operations: Iterable[Operation[Any]]) -> None:
        if not self._must_sync(operations):
            if self._owing_since is None and any(isinstance(operation, Settle) for operation in operations):
                self._owing_since = time.monotonic()
            return
        try:
            self._sync_log(store)
        except (OSError, sqlite3.Error) as error:
            self._take_back(store)
            raise _CommitFailedError from error
        self._owing_since = None
        self._step("synced")

    def _sync_log(self, store: Store) -> None:
        """Put every commit so far beyond a power cut.

        After a failure the system may call pages clean that it never wrote, and the next sync a success, with a gap
        before all that follows in the log.  So everything first goes into the database, and the log begins anew.
        """
        if self._is_suspect:
            (is_busy, _, _) = store.connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()
            if is_busy:
                raise OSError(errno.EBUSY, "the log of the spool failed and cannot be begun anew yet")
            self._is_suspect = False
            return
        try:
            self._log.sync()
        except OSError:
            self._is_suspect = True
            raise

    def _take_back(self, store: Store) -> None:
        """Remove the messages of a commit that may not be on the disk: whoever sent them is told so.

        One that was leased meanwhile stays: it is as if the reply to its 250 had been lost.
        """
        added = store.added
        store.reset()
        with contextlib.suppress(sqlite3.Error), self._turn():
            store.take_back(added)

    def _must_sync(self, operations: Iterable[Operation[Any]]) -> bool:
        if any(not isinstance(operation, Unsynced | Settle) for operation in operations):
            return True
        return self.sync_due_in == 0.0

    @property
    def sync_due_in(self) -> float | None:
        """Return in how many seconds ``sync`` is due; None while nothing is owed."""
        if self._owing_since is None:
            return None
        return max(0.0, self._owing_since + SOON_SECONDS - time.monotonic())

    def sync(self) -> None:
        """Sync what is owed.  Trouble is left to whoever writes next; it stays owed."""
        if self._owing_since is None:
            return
        try:
            self._sync_log(self._open())
        except (OSError, sqlite3.Error):
            self._owing_since = time.monotonic()
        else:
            self._owing_since = None
            self._remove_texts()

    def _commit(self, store: Store) -> None:
        try:
            self._step("committing")
            store.connection.execute("COMMIT")
        except Exception as error:
            raise _CommitFailedError from error

    def _roll_back(self, store: Store) -> None:
        """Undo; a connection that cannot even do that is opened anew."""
        store.reset()
        try:
            if store.connection.in_transaction:
                store.connection.execute("ROLLBACK")
        except sqlite3.Error:
            self._drop_connection()

    def _finish(self, store: Store) -> None:
        """Remove the text files whose rows are gone for good; what stays behind is an orphan, for clean_orphans."""
        self._gone_texts += store.removed_texts
        store.reset()
        if self._owing_since is None:
            self._remove_texts()
        self._step("texts-removed")

    def _remove_texts(self) -> None:
        removed, self._gone_texts = self._gone_texts, []
        for name in removed:
            with contextlib.suppress(OSError):
                (self._folder / TEXTS / name).unlink()

    @contextlib.contextmanager
    def _turn(self) -> Iterator[None]:
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._lock, fcntl.LOCK_UN)

    def _open(self) -> Store:
        if self._store is None:
            prepare(self._folder)
            if self._lock < 0:
                self._lock = open_lock(self._folder)
            self._store = Store(connect(self._folder), self._folder, self._min_free_octets)
        return self._store

    def _drop_connection(self) -> None:
        self._log.close()
        if self._store is not None:
            with contextlib.suppress(sqlite3.Error):
                self._store.connection.close()
            self._store = None

    def _translate(self, error: BaseException | None) -> BaseException:
        return as_spool_error(error, self._folder) if isinstance(error, Exception) else error or RuntimeError()

    def close(self) -> None:
        """Sync what is owed, close the connection and the lock."""
        self.sync()
        self._drop_connection()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


class Reader:
    """Owns a connection for listings.  Used by one thread at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._connection: sqlite3.Connection | None = None

    def ask(self, question: Callable[[sqlite3.Connection], T]) -> T:
        """Answer a question.  Raises SpoolError."""
        try:
            if self._connection is None:
                from posthouse.adapters.spool_sqlite.listing import install_functions

                prepare(self._folder)
                self._connection = connect(self._folder, read_only=True)
                install_functions(self._connection)
            return question(self._connection)
        except (sqlite3.Error, OSError) as error:
            raise as_spool_error(error, self._folder) from error

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
