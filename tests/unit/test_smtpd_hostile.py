"""Clients that are impatient, greedy or half gone, on real sockets: none of them gets less or more than its due."""

import asyncio
from datetime import timedelta

import pytest
from msgspec.structs import replace

from posthouse.adapters.spool_memory import MemorySpool
from posthouse.mail.limits import Limits, Timeouts
from posthouse.mail.lookup import BUILTIN
from posthouse.mail.queued import QueueFilter
from posthouse.site.model import AliasSource, TableKind, TableSource
from support.reception import reception
from support.unhurried import run_unhurried

ENVELOPE = b"EHLO client.example\r\nMAIL FROM:<ann@client.example>\r\nRCPT TO:<joe@example.org>\r\n"
MESSAGE = b"Subject: hi\r\n\r\nbody\r\n.\r\n"


class SlowDraft:
    """A draft whose commit waits until it is let go."""

    def __init__(self, draft, released):
        self._draft = draft
        self._released = released

    async def write(self, chunk):
        await self._draft.write(chunk)

    async def commit(self, envelope, now):
        await self._released.wait()
        return await self._draft.commit(envelope, now)

    async def abandon(self):
        await self._draft.abandon()


class SlowSpool(MemorySpool):
    """A spool whose commits take their time, as those on a disk do."""

    def __init__(self):
        super().__init__()
        self.released = asyncio.Event()

    def begin(self):
        return SlowDraft(super().begin(), self.released)


async def count(spool):
    return len([row async for row in await spool.find(QueueFilter())])


def test_a_client_that_closes_its_half_after_the_final_dot_hears_what_became_of_its_message(tmp_path):
    async def story():
        spool = SlowSpool()
        async with reception(tmp_path, spool=spool) as door:
            client = await door.connect()
            client.send(ENVELOPE + b"DATA\r\n" + MESSAGE)
            client.writer.write_eof()
            assert b"354" in await client.reply() + b"".join([await client.reply() for _ in range(4)])
            spool.released.set()
            assert (await client.rest()).startswith(b"250 2.0.0")
            assert await count(spool) == 1

    run_unhurried(story())


@pytest.mark.parametrize(
    "wire", [b"", b"DATA\r\nSubject: hi\r\n\r\nbo", b"RCPT TO:<an"], ids=["idle", "text", "command"]
)
def test_a_client_that_closes_its_half_hears_all_replies_and_its_transaction_is_void(tmp_path, wire):
    async def story():
        async with reception(tmp_path) as door:
            client = await door.connect()
            client.send(ENVELOPE + wire)
            client.writer.write_eof()
            assert b"250 2.1.5" in await client.rest()
            await door.gone()
            assert await count(door.spool) == 0

    run_unhurried(story())


def test_text_may_take_longer_than_a_command(tmp_path):
    async def story():
        timeouts = replace(Timeouts(), command=timedelta(milliseconds=60), text=timedelta(seconds=5))
        async with reception(tmp_path, timeouts=timeouts) as door:
            client = await door.connect()
            client.send(ENVELOPE + b"DATA\r\nSubject: hi\r\n")
            for _ in range(5):
                last = await client.reply()
            assert last.startswith(b"354")
            answer = asyncio.ensure_future(client.reply())
            await asyncio.wait({answer}, timeout=0.15)
            client.send(b"\r\nbody\r\n.\r\n")
            assert (await answer).startswith(b"250 2.0.0")

    run_unhurried(story())


def test_a_text_that_will_be_refused_may_take_its_time_too(tmp_path):
    async def story():
        timeouts = replace(Timeouts(), text=timedelta(milliseconds=100), command=timedelta(milliseconds=100))
        async with reception(tmp_path, timeouts=timeouts) as door:
            client = await door.connect()
            client.send(ENVELOPE + b"DATA\r\nSubject: a bare LF\n\r\n")
            for _ in range(5):
                await client.reply()
            answer = asyncio.ensure_future(client.reply())
            for _ in range(8):
                client.send(b"more\r\n")
                await asyncio.wait({answer}, timeout=0.03)
            client.send(b".\r\n")
            assert (await answer).startswith(b"550 5.6.11")

    run_unhurried(story())


def test_while_the_spool_is_slow_the_client_waits_and_its_session_ends_afterwards(tmp_path):
    async def story():
        spool = SlowSpool()
        timeouts = replace(Timeouts(), session=timedelta(milliseconds=50))
        async with reception(tmp_path, spool=spool, timeouts=timeouts) as door:
            client = await door.connect()
            client.send(ENVELOPE + b"DATA\r\n" + MESSAGE)
            for _ in range(5):
                await client.reply()
            answer = asyncio.ensure_future(client.reply())
            await asyncio.wait({answer}, timeout=0.1)
            spool.released.set()
            assert (await answer).startswith(b"250 2.0.0")
            assert (await client.reply()).startswith(b"421 4.4.2")

    run_unhurried(story())


def test_a_client_that_talks_on_still_hears_why_its_session_ended(tmp_path):
    async def story():
        async with reception(tmp_path) as door:
            client = await door.greeted()
            client.send(b"WIZ\r\n" * 21 + b"and on and on\r\n" * 200_000)
            replies = (await client.rest()).splitlines()
            assert replies[-1].startswith(b"421 4.7.0")
            assert len(replies) == 21
            await client.leave()
            await door.gone()

    run_unhurried(story())


def test_one_client_s_costly_recipients_do_not_hold_up_the_others(tmp_path, monkeypatch):
    # As on a machine where each list takes longer to expand than one connection may have at a time.
    monkeypatch.setattr("posthouse.smtpd.connection._SLICE_SECONDS", -1.0)
    members = ",".join(f"u{number}@elsewhere.example" for number in range(300))
    lists = TableSource("lists", TableKind.INLINE, entries=tuple((f"l{n}", (members,), BUILTIN) for n in range(40)))
    people = TableSource("people", TableKind.INLINE, entries=(("joe", ("",), BUILTIN),))
    tables = {"lists": lists, "people": people}

    async def story():
        limits = Limits(alias_width=1500)
        async with reception(tmp_path, limits=limits, tables=tables, aliases=(AliasSource("lists"),)) as door:
            greedy, patient = await door.greeted(), await door.greeted()
            await greedy.ask(b"MAIL FROM:<ann@client.example>")
            greedy.send(b"".join(b"RCPT TO:<l%d@example.org>\r\n" % number for number in range(40)))
            # The same recipients are in each list; only so many lists may be expanded for one message.
            while not door.log.named("refused"):  # noqa: ASYNC110 - what is awaited has no event of its own
                await asyncio.sleep(0)  # one turn of the loop, not a time
            assert (await patient.ask(b"NOOP")).startswith(b"250")
            assert len(door.log.named("refused")) < 35
            codes = [(await greedy.reply())[:3] for _ in range(40)]
            assert codes == [b"250"] * 5 + [b"452"] * 35

    run_unhurried(story())
