"""An intake over memory adapters: what the tests of submit stand on."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from posthouse.adapters.clock_manual import ManualClock
from posthouse.adapters.event_log_memory import MemoryEventLog
from posthouse.adapters.meter_none import NoMeter
from posthouse.adapters.spool_memory import MemorySpool
from posthouse.mail.address import NULL_PATH, Path
from posthouse.mail.queued import QueueFilter, QueueRow
from posthouse.mail.reply import Reply
from posthouse.routing.compiled import compile_routing
from posthouse.smtp.parameters import NO_MAIL_PARAMETERS, NO_RCPT_PARAMETERS
from posthouse.submit.client import Client
from posthouse.submit.intake import Intake
from posthouse.submit.native import NativeRouter
from posthouse.submit.transaction import Transaction
from support.routing_sites import address, make_site, make_tables

T = TypeVar("T")

STRANGER = Client("mx.far.example", "198.51.100.7", "ESMTP")
TRUSTED = Client("desk.example.org", "192.0.2.50", "ESMTP", may_relay=True)
LOCAL_USER = Client(user="ann", full_name="Ann Other", may_relay=True, local_submission=True)

TEXT = b"From: a@far.example\r\nSubject: x\r\n\r\nbody\r\n"


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run one coroutine in a loop of its own."""
    return asyncio.run(coroutine)


def path(text: str) -> Path:
    """Return a path; "" for the null reverse-path."""
    return Path(address(text)) if text else NULL_PATH


@dataclass
class CountingWakeup:
    """Port Wakeup that counts the hints."""

    hints: int = 0

    def notify(self) -> None:
        """Count one."""
        self.hints += 1


@dataclass
class Rig:
    """An intake and everything around it."""

    changes: dict[str, object] = field(default_factory=dict)
    entries: dict[str, dict[str, str]] = field(default_factory=dict)
    spool: MemorySpool = field(default_factory=MemorySpool)

    def __post_init__(self) -> None:
        self.site = make_site(**self.changes)
        self.clock = ManualClock()
        self.log = MemoryEventLog()
        self.wakeup = CountingWakeup()
        self.tables = make_tables(self.entries)
        self.intake = Intake(
            self.site,
            NativeRouter(compile_routing(self.site), self.tables, vrfy=self.site.vrfy),
            spool=self.spool,
            clock=self.clock,
            log=self.log,
            meter=NoMeter(),
            wakeup=self.wakeup,
        )

    async def begun(self, client: Client, sender: str = "a@far.example", *recipients: str) -> Transaction:
        """Return a transaction with its sender and recipients, all of which must be accepted."""
        transaction = self.intake.begin(client)
        replies = [await transaction.sender(path(sender), NO_MAIL_PARAMETERS)]
        replies += [await transaction.recipient(path(one), NO_RCPT_PARAMETERS) for one in recipients]
        assert all(reply.is_positive for reply in replies), replies
        return transaction

    async def send(self, client: Client, sender: str, recipients: list[str], *chunks: bytes) -> Reply:
        """Hand one message in and return the last reply."""
        transaction = await self.begun(client, sender, *recipients)
        assert (await transaction.start_text()).code == 354
        for chunk in chunks:
            await transaction.write(chunk)
        return await transaction.finish()

    async def rcpt(self, client: Client, recipient: str) -> Reply:
        """Return the answer to one recipient."""
        transaction = await self.begun(client)
        return await transaction.recipient(path(recipient), NO_RCPT_PARAMETERS)

    async def queued(self) -> list[QueueRow]:
        """Return everything in the spool."""
        return [row async for row in await self.spool.find(QueueFilter())]

    async def text(self) -> bytes:
        """Return the text of the one message in the spool."""
        (queue_id,) = {row.message.queue_id for row in await self.queued()}
        stored = await self.spool.read_text(queue_id)
        return b"".join([chunk async for chunk in stored.chunks()])
