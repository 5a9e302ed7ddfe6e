"""The same loop over a real event loop: waiter and spawner of asyncio."""

import asyncio
import pathlib
from datetime import timedelta

from posthouse.adapters.clock_manual import ManualClock
from posthouse.adapters.clock_system import SystemClock
from posthouse.adapters.event_log_memory import MemoryEventLog
from posthouse.adapters.spawner_asyncio import AsyncioSpawner
from posthouse.adapters.spool_memory import MemorySpool
from posthouse.adapters.waiter_asyncio import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, AsyncioWaiter
from posthouse.adapters.wakeup_unix import WakeupReceiver, WakeupSender
from posthouse.deliver.loop import Deliverer, Settings, World
from posthouse.mail import events
from posthouse.mail.address import Address, Path
from posthouse.mail.envelope import Envelope
from posthouse.mail.outcome import delivered
from posthouse.mail.queued import Batch
from posthouse.ports import AttemptReport, StoredText
from support.deliver_world import TEXT, CountingMeter, MemoryDeadLetters, SpoolSubmission, to
from support.unhurried import run_unhurried
from support.waiting import LONG

SOON = timedelta(milliseconds=20)


def test_a_notification_ends_a_wait_even_when_it_came_before(tmp_path: pathlib.Path):
    async def story() -> None:
        clock, receiver = SystemClock(), WakeupReceiver(tmp_path / "wakeup")
        waiter = AsyncioWaiter(receiver, clock)
        waiter.notify()
        await waiter.wait(None)
        await waiter.wait(clock.now() + SOON)  # the first wait has used the notification up

        waiting = asyncio.create_task(waiter.wait(None))
        await asyncio.sleep(0)
        waiter.notify()
        await waiting
        receiver.close()

    asyncio.run(asyncio.wait_for(story(), LONG))


def test_a_time_in_the_past_is_no_wait(tmp_path: pathlib.Path):
    async def story() -> None:
        clock, receiver = SystemClock(), WakeupReceiver(tmp_path / "wakeup")
        waiter = AsyncioWaiter(receiver, clock)
        await waiter.wait(clock.now() - SOON)
        await waiter.sleep(clock.now() - SOON)
        receiver.close()

    asyncio.run(asyncio.wait_for(story(), LONG))


class Taker:
    """A channel that takes everything and says when it has it all."""

    def __init__(self, expected: int) -> None:
        self.left = expected
        self.over = asyncio.Event()

    async def attempt(self, batch: Batch, text: StoredText) -> AttemptReport:
        assert text.octets == len(TEXT)
        await asyncio.sleep(0)
        self.left -= len(batch.recipients)
        if not self.left:
            self.over.set()
        return AttemptReport((delivered("taken"),) * len(batch.recipients))

    async def close(self) -> None:
        self.left = 0


def test_hints_that_lead_to_nothing_are_heard_less_often(tmp_path: pathlib.Path):
    async def story() -> list[float]:
        clock, receiver = SystemClock(), WakeupReceiver(tmp_path / "wakeup")
        sender = WakeupSender(tmp_path / "wakeup")
        waiter = AsyncioWaiter(receiver, clock)
        loop, taken = asyncio.get_running_loop(), []
        for work in (False, False, False, True):
            begun = loop.time()
            sender.notify()
            await waiter.wait(None)
            taken.append(loop.time() - begun)
            waiter.found(work)
            waiter.notify()  # an attempt has ended: no hint, and no pause
            await waiter.wait(None)
            waiter.found(False)
        sender.close()
        receiver.close()
        return taken

    _, second, third, fourth = run_unhurried(story())

    assert second >= FIRST_PAUSE_SECONDS / 2
    assert third >= FIRST_PAUSE_SECONDS
    assert fourth >= LONGEST_PAUSE_SECONDS / 2


def test_messages_go_out_and_draining_ends_the_loop(tmp_path: pathlib.Path):
    async def story() -> list[str]:
        receiver = WakeupReceiver(tmp_path / "wakeup")
        clock, spool, log = SystemClock(), MemorySpool(), MemoryEventLog()
        taker, waiter, spawner = Taker(30), AsyncioWaiter(receiver, clock), AsyncioSpawner()
        world = World(
            queue=spool,
            channels={"smtp": taker},
            submission=SpoolSubmission(spool, ManualClock()),
            dead_letters=MemoryDeadLetters(),
            clock=clock,
            log=log,
            meter=CountingMeter(),
            waiter=waiter,
            spawner=spawner,
            jitter=lambda: 0.5,
        )
        deliverer = Deliverer(world, Settings(name="mx.example.org", owner="d1"))
        running = asyncio.create_task(deliverer.run())
        for number in range(30):
            draft = spool.begin()
            await draft.write(TEXT)
            await draft.commit(
                Envelope(Path(Address("alice", "example.com")), (to(f"u{number}@b.example"),)), clock.now()
            )
            waiter.notify()
            await asyncio.sleep(0)
        await taker.over.wait()
        await deliverer.drain()
        await running
        receiver.close()
        return [event.name for event in log.events]

    names = asyncio.run(asyncio.wait_for(story(), LONG))

    assert names.count(events.DELIVERED) == names.count(events.FINISHED) == 30
    assert events.TROUBLE not in names
