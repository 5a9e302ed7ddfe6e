"""Run coroutines by hand, and make a task only of one that really waits.

Most of what the way in awaits is answered at once (a cached table, a draft
that fits into memory), so that a task for each command would cost more than
the command.  The one rule: nothing here imports an event loop; who has one
brings ``spawn``.

Known limits: until its first wait a coroutine runs outside any task, so it
must not open ``asyncio.timeout`` or ask for the current task before that.
"""

from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, TypeVar

T = TypeVar("T")

Done = Callable[[T | None, BaseException | None], None]


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run to the end a coroutine that never waits.  Raises RuntimeError when it does: a command has no loop."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    coroutine.close()
    raise RuntimeError("a coroutine that had to finish at once began to wait")


def start(
    coroutine: Coroutine[Any, Any, T], done: Done[T], spawn: Callable[[Coroutine[Any, Any, None]], object]
) -> None:
    """Run a coroutine to its end or its first wait; the rest goes to ``spawn`` (``loop.create_task``).

    ``done(result, None)`` or ``done(None, error)`` is called exactly once: before
    this returns when the coroutine did not wait, from the spawned task when it did. A cancelled task
    also ends with ``done(None, CancelledError())``.
    """
    try:
        awaited = coroutine.send(None)
    except StopIteration as end:
        result = end.value
    except Exception as error:  # noqa: BLE001 - handed on whole; the caller's one place decides
        done(None, error)
        return
    else:
        spawn(_Rest(coroutine, awaited, done))
        return
    done(result, None)


class _Rest(Coroutine[Any, Any, None]):
    """A coroutine that has already run to its first wait, made to look unstarted.

    An event loop begins a task with ``send(None)`` and expects to be given what the
    coroutine waits for.  The first step has given that to us, so the first ``send``
    hands it on as it is; from then on every step goes straight through.  A
    ``throw`` may come before the first ``send``: a task that was cancelled
    before it ran.
    """

    __slots__ = ("_awaited", "_coroutine", "_done", "_handed_on")

    def __init__(self, coroutine: Coroutine[Any, Any, T], awaited: object, done: Done[T]) -> None:
        self._coroutine = coroutine
        self._awaited = awaited
        self._done: Callable[[Any, BaseException | None], None] = done
        self._handed_on = False

    def send(self, value: Any) -> Any:
        if not self._handed_on:
            self._handed_on = True
            awaited, self._awaited = self._awaited, None
            return awaited
        return self._step(self._coroutine.send, value)

    def throw(
        self,
        typ: type[BaseException] | BaseException,
        val: object = None,
        tb: TracebackType | None = None,
    ) -> Any:
        self._handed_on = True
        self._awaited = None
        error = typ if isinstance(typ, BaseException) else val if isinstance(val, BaseException) else typ()
        return self._step(self._coroutine.throw, error if tb is None else error.with_traceback(tb))

    def close(self) -> None:
        self._handed_on = True
        self._awaited = None
        self._coroutine.close()

    def __await__(self) -> Any:
        raise RuntimeError("the rest of a coroutine is spawned, not awaited")

    def _step(self, resume: Callable[[Any], Any], value: object) -> object:
        """Resume the coroutine.  Its end is ours (StopIteration), after ``done`` has heard of it."""
        try:
            return resume(value)
        except StopIteration as end:
            result = end.value
        except Exception as error:  # noqa: BLE001 - handed on whole
            self._done(None, error)
            raise StopIteration from None
        except BaseException as error:
            # Cancellation must still look like one to the loop.
            self._done(None, error)
            raise
        self._done(result, None)
        raise StopIteration
