"""The wake-up hint: heard when somebody listens, harmless when nobody does."""

import asyncio
import time

from posthouse.adapters.wakeup_unix import GatheredWakeup, WakeupReceiver, WakeupSender


def test_a_hint_without_a_listener_is_lost_quietly(tmp_path):
    sender = WakeupSender(tmp_path / "wakeup")
    sender.notify()
    sender.close()
    sender.close()

    assert list(tmp_path.iterdir()) == []


def test_a_thousand_hints_wake_once_and_the_sender_never_waits(tmp_path):
    async def scenario():
        receiver = WakeupReceiver(tmp_path / "wakeup")
        sender = WakeupSender(tmp_path / "wakeup")
        for _ in range(1000):
            sender.notify()
        assert await receiver.wait(5) is True
        assert await receiver.wait(0.01) is False
        sender.notify()
        assert await receiver.wait(5) is True
        sender.close()
        receiver.close()

    asyncio.run(scenario())
    assert list(tmp_path.iterdir()) == []


def test_a_new_listener_takes_over_and_the_old_one_leaves_its_socket(tmp_path):
    async def scenario():
        sender = WakeupSender(tmp_path / "wakeup")
        old = WakeupReceiver(tmp_path / "wakeup")
        new = WakeupReceiver(tmp_path / "wakeup")
        old.close()
        sender.notify()
        assert await new.wait(5) is True
        new.wake()
        assert await new.wait(None) is True
        new.close()
        sender.close()

    asyncio.run(scenario())


def test_a_receiver_that_rests_hears_at_its_end_what_was_said_meanwhile(tmp_path):
    async def scenario():
        receiver = WakeupReceiver(tmp_path / "wakeup")
        sender = WakeupSender(tmp_path / "wakeup")
        begun = time.monotonic()
        receiver.rest(0.1)
        receiver.rest(60)  # one rest is enough
        for _ in range(100):
            sender.notify()
        assert await receiver.wait(60) is True
        assert time.monotonic() - begun >= 0.09
        assert (receiver.take_heard(), receiver.take_heard()) == (True, False)

        receiver.rest(60)
        receiver.wake()  # what is said inside the process is heard at once
        assert await receiver.wait(60) is True
        assert receiver.take_heard() is False
        sender.close()
        receiver.close()

    asyncio.run(scenario())
    assert list(tmp_path.iterdir()) == []


def test_hints_that_follow_closely_go_out_as_one(tmp_path):
    later = []

    async def scenario():
        receiver = WakeupReceiver(tmp_path / "wakeup")
        gathered = GatheredWakeup(WakeupSender(tmp_path / "wakeup"), lambda _seconds, call: later.append(call))
        gathered.notify()
        assert await receiver.wait(5) is True
        for _ in range(100):
            gathered.notify()
        assert await receiver.wait(0.01) is False
        later.pop()()
        assert await receiver.wait(5) is True
        later.pop()()  # nothing more was owed
        assert later == []
        gathered.notify()
        gathered.notify()
        gathered.close()
        assert await receiver.wait(5) is True
        gathered.notify()
        receiver.close()

    asyncio.run(scenario())
