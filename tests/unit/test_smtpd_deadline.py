"""A deadline that is renewed by an assignment."""

import asyncio

from posthouse.smtpd.deadline import Deadline
from support.unhurried import run_unhurried
from support.waiting import LONG


def test_a_renewed_deadline_expires_once_and_late():
    async def story():
        loop = asyncio.get_running_loop()
        expired = asyncio.Event()
        begun = loop.time()
        times = []
        deadline = Deadline(loop, 10.0, lambda: (times.append(loop.time() - begun), expired.set()))
        deadline.renew(0.01)
        deadline.renew(0.05)
        await asyncio.wait_for(expired.wait(), LONG)
        assert len(times) == 1
        assert times[0] >= 0.05

    run_unhurried(story())


def test_renewing_arms_no_second_timer():
    async def story():
        loop = asyncio.get_running_loop()
        armed = []
        real = loop.call_at
        loop.call_at = lambda *arguments: armed.append(1) or real(*arguments)
        deadline = Deadline(loop, 100.0, lambda: None)
        for _ in range(100):
            deadline.renew(50.0)
        deadline.cancel()
        assert len(armed) == 1

    run_unhurried(story())


def test_no_renewal_outlives_the_session():
    async def story():
        expired = asyncio.Event()
        deadline = Deadline(asyncio.get_running_loop(), 0.01, expired.set)
        deadline.renew(1000.0)
        await asyncio.wait_for(expired.wait(), LONG)

    run_unhurried(story())


def test_a_shorter_deadline_replaces_a_longer_one():
    async def story():
        expired = asyncio.Event()
        deadline = Deadline(asyncio.get_running_loop(), 1000.0, expired.set)
        deadline.renew(500.0)
        deadline.renew(0.01)
        await asyncio.wait_for(expired.wait(), LONG)

    run_unhurried(story())
