"""Coroutines run by hand, under both event loops."""

import asyncio

import pytest
import uvloop

from posthouse.submit.eager import run, start
from support.waiting import LONG

LOOPS = [pytest.param(asyncio.new_event_loop, id="asyncio"), pytest.param(uvloop.new_event_loop, id="uvloop")]


async def at_once(value):
    return value


async def failing(error):
    raise error


def test_run_returns_what_never_waits():
    assert run(at_once(7)) == 7


def test_run_raises_what_the_coroutine_raises():
    with pytest.raises(KeyError):
        run(failing(KeyError("x")))


def test_run_refuses_a_coroutine_that_waits_and_closes_it():
    closed = []

    async def waits():
        try:
            await asyncio.sleep(0)
        finally:
            closed.append(True)

    with pytest.raises(RuntimeError):
        run(waits())
    assert closed == [True]


def test_what_never_waits_is_done_before_start_returns_and_spawns_nothing():
    heard = []

    start(at_once(7), lambda result, error: heard.append((result, error)), pytest.fail)

    assert heard == [(7, None)]


def test_an_error_before_the_first_wait_is_heard_at_once():
    heard = []
    error = KeyError("x")

    start(failing(error), lambda *outcome: heard.append(outcome), pytest.fail)

    assert heard == [(None, error)]


def test_an_error_in_done_is_not_taken_for_one_of_the_coroutine():
    def done(result, error):
        assert error is None
        raise LookupError(result)

    with pytest.raises(LookupError):
        start(at_once(1), done, pytest.fail)


def started(loop_factory, coroutine_function, act=None):
    """Start a coroutine in a loop and return what ``done`` heard, and its task."""

    async def main():
        loop = asyncio.get_running_loop()
        heard = loop.create_future()
        calls, tasks = [], []

        def done(result, error):
            calls.append((result, error))
            heard.set_result((result, error))

        start(coroutine_function(loop), done, lambda coroutine: tasks.append(loop.create_task(coroutine)))
        if act is not None:
            act(tasks)
        outcome = await asyncio.wait_for(heard, LONG)
        await asyncio.wait(tasks, timeout=LONG)
        assert len(calls) == 1
        return outcome, tasks[0]

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        return runner.run(main())


@pytest.mark.parametrize("loop_factory", LOOPS)
@pytest.mark.parametrize("waits", [1, 2, 5])
def test_a_coroutine_that_waits_goes_on_in_a_task(loop_factory, waits):
    async def work(loop):
        total = 0
        for number in range(waits):
            future = loop.create_future()
            loop.call_soon(future.set_result, number)
            total += await future
            await asyncio.sleep(0)
        return total

    (result, error), task = started(loop_factory, work)

    assert (result, error) == (sum(range(waits)), None)
    assert task.exception() is None


@pytest.mark.parametrize("loop_factory", LOOPS)
def test_a_future_that_is_ready_before_the_task_runs_is_no_trouble(loop_factory):
    async def work(loop):
        future = loop.create_future()
        loop.call_soon(future.set_result, "early")
        return await future

    def act(_tasks):
        pass

    assert started(loop_factory, work, act)[0] == ("early", None)


@pytest.mark.parametrize("loop_factory", LOOPS)
def test_the_error_of_an_awaited_future_reaches_the_coroutine(loop_factory):
    async def work(loop):
        future = loop.create_future()
        loop.call_soon(future.set_exception, KeyError("from the future"))
        try:
            await future
        except KeyError:
            return "caught"

    assert started(loop_factory, work)[0] == ("caught", None)


@pytest.mark.parametrize("loop_factory", LOOPS)
def test_an_error_after_a_wait_is_heard_and_the_task_ends_quietly(loop_factory):
    async def work(_loop):
        await asyncio.sleep(0)
        raise KeyError("late")

    (result, error), task = started(loop_factory, work)

    assert result is None
    assert isinstance(error, KeyError)
    assert task.exception() is None


@pytest.mark.parametrize("loop_factory", LOOPS)
def test_a_task_cancelled_before_it_ran_cancels_the_coroutine_where_it_waits(loop_factory):
    cleaned = []

    async def work(loop):
        try:
            await loop.create_future()
        finally:
            cleaned.append(True)

    (result, error), task = started(loop_factory, work, lambda tasks: tasks[0].cancel())

    assert result is None
    assert isinstance(error, asyncio.CancelledError)
    assert cleaned == [True]
    assert task.cancelled()


@pytest.mark.parametrize("loop_factory", LOOPS)
def test_a_task_cancelled_while_it_waits_cancels_the_coroutine(loop_factory):
    async def work(loop):
        await asyncio.sleep(0)
        await loop.create_future()

    def act(tasks):
        loop = asyncio.get_running_loop()
        loop.call_later(0.01, tasks[0].cancel)

    (_, error), task = started(loop_factory, work, act)

    assert isinstance(error, asyncio.CancelledError)
    assert task.cancelled()


@pytest.mark.parametrize("loop_factory", LOOPS)
def test_a_coroutine_may_survive_a_cancellation(loop_factory):
    async def work(loop):
        try:
            await loop.create_future()
        except asyncio.CancelledError:
            await asyncio.sleep(0)
            return "cleaned up"

    assert started(loop_factory, work, lambda tasks: tasks[0].cancel())[0] == ("cleaned up", None)


@pytest.mark.parametrize("loop_factory", LOOPS)
def test_threads_and_timeouts_work_after_the_first_wait(loop_factory):
    async def work(_loop):
        await asyncio.sleep(0)
        async with asyncio.timeout(LONG):
            return await asyncio.to_thread(lambda: 3)

    assert started(loop_factory, work)[0] == (3, None)


def test_closing_what_was_never_run_closes_the_coroutine():
    closed, spawned = [], []

    async def work():
        try:
            await asyncio.sleep(0)
        finally:
            closed.append(True)

    start(work(), lambda *_: pytest.fail("nothing ended"), spawned.append)
    spawned[0].close()

    assert closed == [True]
