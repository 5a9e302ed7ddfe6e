"""What a client meets at the door, on real sockets, with the spool in memory."""

import asyncio
import getpass
from datetime import timedelta

import pytest
from msgspec.structs import replace

from posthouse.adapters.spool_memory import MemorySpool
from posthouse.mail.limits import Limits, Timeouts
from posthouse.mail.queued import QueueFilter
from support.reception import reception, until
from support.unhurried import run_unhurried
from support.waiting import LONG

MESSAGE = b"Subject: hi\r\n\r\nbody\r\n.\r\n"


async def rows(spool):
    return [row async for row in await spool.find(QueueFilter())]


async def all_text(spool):
    texts = []
    for row in await rows(spool):
        stored = await spool.read_text(row.message.queue_id)
        texts.append(b"".join([chunk async for chunk in stored.chunks()]))
    return texts


async def begin_message(client):
    await client.ask(b"MAIL FROM:<ann@client.example>")
    await client.ask(b"RCPT TO:<joe@example.org>")
    assert (await client.ask(b"DATA")).startswith(b"354")


def test_a_message_is_accepted_and_queued(tmp_path):
    async def story():
        async with reception(tmp_path) as door:
            client = await door.greeted()
            await begin_message(client)
            client.send(MESSAGE)
            assert (await client.reply()).startswith(b"250 2.0.0")
            assert (await client.ask(b"QUIT")).startswith(b"221")
            assert await client.rest() == b""
            [row] = await rows(door.spool)
            assert str(row.recipient.address) == "joe@example.org"
            assert door.log.named("accepted")[0]["client"] == "127.0.0.1"
            await door.gone()

    run_unhurried(story())


def test_pipelined_commands_are_answered_in_order(tmp_path):
    async def story():
        async with reception(tmp_path) as door:
            client = await door.greeted()
            recipients = b"RCPT TO:<joe@example.org>\r\nRCPT TO:<nobody@example.org>\r\n"
            client.send(b"MAIL FROM:<ann@client.example>\r\n" + recipients + b"DATA\r\n")
            codes = [(await client.reply())[:3] for _ in range(4)]
            assert codes == [b"250", b"250", b"550", b"354"]
            client.send(MESSAGE + b"NOOP\r\nQUIT\r\n")
            assert [line[:3] for line in (await client.rest()).splitlines()] == [b"250", b"250", b"221"]

    run_unhurried(story())


def test_replies_of_one_pipelined_group_leave_together(tmp_path):
    async def story():
        async with reception(tmp_path) as door:
            client = await door.greeted()
            client.send(b"NOOP\r\n" * 50)
            await asyncio.wait_for(client.reader.readuntil(b"\r\n"), LONG)
            # RFC 2920 section 3.2: replies are held back and sent as a group.
            assert len(await asyncio.wait_for(client.reader.read(65536), LONG)) >= 49 * len(b"250 2.0.0 OK\r\n")

    run_unhurried(story())


def test_a_client_that_closes_its_half_still_gets_its_replies(tmp_path):
    async def story():
        async with reception(tmp_path) as door:
            client = await door.connect()
            client.send(b"EHLO client.example\r\nMAIL FROM:<>\r\nRCPT TO:<joe@example.org>\r\nRSET\r\nQUIT\r\n")
            client.writer.write_eof()
            codes = [line[:4] for line in (await client.rest()).splitlines()]
            assert [code for code in codes if code[3:] == b" "] == [
                b"220 ",
                b"250 ",
                b"250 ",
                b"250 ",
                b"250 ",
                b"221 ",
            ]
            await door.gone()

    run_unhurried(story())


def test_a_client_that_vanishes_in_data_leaves_nothing(tmp_path):
    async def story():
        async with reception(tmp_path) as door:
            client = await door.greeted()
            await begin_message(client)
            client.send(b"Subject: half a mess")
            await client.leave()
            await door.gone()
            assert await rows(door.spool) == []
            assert door.log.named("disconnected")[0]["reason"] == "lost"

    run_unhurried(story())


def test_an_idle_client_is_told_421_when_its_time_is_up(tmp_path):
    async def story():
        timeouts = replace(Timeouts(), command=timedelta(milliseconds=50))
        async with reception(tmp_path, timeouts=timeouts) as door:
            client = await door.greeted()
            assert (await client.reply()).startswith(b"421 4.4.2")
            assert await client.rest() == b""
            await door.gone()

    run_unhurried(story())


def test_a_trickle_of_bytes_does_not_renew_the_command_timeout(tmp_path):
    async def story():
        timeouts = replace(Timeouts(), command=timedelta(milliseconds=200))
        async with reception(tmp_path, timeouts=timeouts) as door:
            client = await door.greeted()
            answer = asyncio.ensure_future(client.reply())
            while not answer.done():
                client.send(b"N")
                await asyncio.wait({answer}, timeout=0.02)
            assert (await answer).startswith(b"421 4.4.2")

    run_unhurried(story())


def test_text_that_does_not_come_is_told_421(tmp_path):
    async def story():
        timeouts = replace(Timeouts(), text=timedelta(milliseconds=50), command=timedelta(milliseconds=100))
        async with reception(tmp_path, timeouts=timeouts) as door:
            client = await door.greeted()
            await begin_message(client)
            client.send(b"Subject: hi\r\n")
            assert (await client.reply()).startswith(b"421 4.4.2")
            await door.gone()
            assert await rows(door.spool) == []

    run_unhurried(story())


def test_a_session_ends_however_busy_it_is(tmp_path):
    async def story():
        timeouts = replace(Timeouts(), session=timedelta(milliseconds=150))
        async with reception(tmp_path, timeouts=timeouts) as door:
            client = await door.greeted()
            await begin_message(client)
            answer = asyncio.ensure_future(client.reply())
            while not answer.done():
                client.send(b"more and more\r\n")
                await asyncio.wait({answer}, timeout=0.01)
            assert (await answer).startswith(b"421 4.4.2")

    run_unhurried(story())


@pytest.mark.parametrize(
    ("limits", "reply"),
    [
        pytest.param(Limits(connections=2), b"421 4.3.2", id="in all"),
        pytest.param(Limits(connections_per_client=2), b"421 4.7.0", id="from one address"),
    ],
)
def test_a_connection_too_many_is_told_421(tmp_path, limits, reply):
    async def story():
        async with reception(tmp_path, limits=limits) as door:
            first = await door.greeted()
            await door.greeted()
            third = await door.connect()
            assert (await third.rest()).startswith(reply)
            await first.ask(b"QUIT")
            await first.rest()
            await until(lambda: door.service.admission.total == 1)
            await door.greeted()

    run_unhurried(story())


@pytest.mark.parametrize(
    ("relay_from", "code"),
    [pytest.param((), b"550", id="a stranger"), pytest.param(("127.0.0.0/8",), b"250", id="a neighbour")],
)
def test_relaying_is_for_clients_of_the_listener_s_networks(tmp_path, relay_from, code):
    async def story():
        async with reception(tmp_path, relay_from=relay_from) as door:
            client = await door.greeted()
            await client.ask(b"MAIL FROM:<ann@client.example>")
            assert (await client.ask(b"RCPT TO:<bob@elsewhere.example>"))[:3] == code

    run_unhurried(story())


def test_a_local_submission_is_vouched_for_by_the_kernel_and_completed(tmp_path):
    async def story():
        async with reception(tmp_path, unix=True) as door:
            client = await door.greeted()
            await client.ask(b"MAIL FROM:<joe@example.org>")
            assert (await client.ask(b"RCPT TO:<bob@elsewhere.example>"))[:3] == b"250"
            await client.ask(b"DATA")
            client.send(b"Subject: hi\r\nBcc: secret@example.org\r\n\r\nbody\r\n.\r\n")
            assert (await client.reply()).startswith(b"250")
            [text] = await all_text(door.spool)
            assert b"\r\nMessage-ID: " in text
            assert b"\r\nDate: " in text
            assert b"secret" not in text
            assert door.log.named("connected")[0]["client"] == f"unix:{getpass.getuser()}"

    run_unhurried(story())


class BrokenSpool(MemorySpool):
    """A spool with a bug in it."""

    def begin(self):
        raise RuntimeError("a bug in /some/module.py")


def test_a_bug_is_421_for_one_client_and_a_traceback_for_the_log(tmp_path):
    async def story():
        async with reception(tmp_path, spool=BrokenSpool()) as door:
            client = await door.greeted()
            await client.ask(b"MAIL FROM:<ann@client.example>")
            await client.ask(b"RCPT TO:<joe@example.org>")
            client.send(b"DATA\r\nSubject: hi\r\n\r\nbody\r\n.\r\n")
            replies = await client.rest()
            assert b"421 4.3.0" in replies
            assert b"module" not in replies
            assert "a bug" in door.log.named("trouble")[0]["traceback"]
            await client.leave()
            await door.gone()
            await door.greeted()

    run_unhurried(story())


def test_stopping_tells_idle_sessions_at_once_and_lets_a_transaction_end(tmp_path):
    async def story():
        async with reception(tmp_path) as door:
            idle, busy = await door.greeted(), await door.greeted()
            await begin_message(busy)
            stopping = asyncio.ensure_future(door.worker.stop(timedelta(seconds=5)))
            assert (await idle.reply()).startswith(b"421 4.3.2")
            busy.send(MESSAGE)
            assert (await busy.reply()).startswith(b"250 2.0.0")
            assert (await busy.reply()).startswith(b"421 4.3.2")
            await asyncio.wait_for(stopping, LONG)
            assert len(await rows(door.spool)) == 1

    run_unhurried(story())


def test_stopping_cuts_a_transaction_that_takes_too_long(tmp_path):
    async def story():
        async with reception(tmp_path) as door:
            busy = await door.greeted()
            await begin_message(busy)
            stopping = asyncio.ensure_future(door.worker.stop(timedelta(milliseconds=50)))
            assert (await busy.reply()).startswith(b"421 4.3.2")
            await asyncio.wait_for(stopping, LONG)
            assert await rows(door.spool) == []

    run_unhurried(story())


def test_retiring_drops_no_session(tmp_path):
    async def story():
        async with reception(tmp_path) as door:
            client = await door.greeted()
            retiring = asyncio.ensure_future(door.worker.retire())
            await begin_message(client)
            client.send(MESSAGE)
            assert (await client.reply()).startswith(b"250 2.0.0")
            assert not retiring.done()
            await client.ask(b"QUIT")
            await asyncio.wait_for(retiring, LONG)

    run_unhurried(story())


class SlowDraft:
    """A draft on a disk that does not come back."""

    def __init__(self):
        self.released = asyncio.Event()

    async def write(self, _chunk):
        await self.released.wait()

    async def abandon(self):
        return


class SlowSpool(MemorySpool):
    def begin(self):
        self.draft = SlowDraft()
        return self.draft


def test_a_slow_disk_slows_the_client_and_costs_no_memory(tmp_path):
    async def story():
        async with reception(tmp_path, spool=SlowSpool()) as door:
            client = await door.greeted()
            await begin_message(client)
            client.send(b"Subject: big\r\n\r\n")
            line = b"x" * 998 + b"\r\n"
            sent = 0
            while sent < 20_000_000:
                client.send(line * 1000)
                sent += 1_000_000
                try:
                    await asyncio.wait_for(client.writer.drain(), 0.2)
                except TimeoutError:
                    break
            assert sent < 20_000_000, "the server took everything although nothing could be written"
            [connection] = door.service.connections
            assert connection._session.buffered_octets < 1_000_000
            client.writer.transport.abort()
            door.spool.draft.released.set()
            await door.gone()

    run_unhurried(story())


def test_text_with_a_bare_line_end_is_refused_and_logged(tmp_path):
    async def story():
        async with reception(tmp_path) as door:
            client = await door.greeted()
            await begin_message(client)
            client.send(b"Subject: x\n\nUnix lines\n\r\n.\r\n")
            assert (await client.reply()).startswith(b"550 5.6.11")
            [refused] = door.log.named("refused")
            assert refused["command"] == "DATA"
            assert refused["reply"].startswith("550 5.6.11")
            assert refused["sender"] == "ann@client.example"
            assert await rows(door.spool) == []

    run_unhurried(story())


def test_a_command_that_the_session_refuses_is_in_the_log(tmp_path):
    async def story():
        async with reception(tmp_path) as door:
            client = await door.greeted()
            await client.ask(b"MAIL FROM:<ann@client.example>")
            assert (await client.ask(b"RCPT TO:<bad@@x>")).startswith(b"501 5.1.3")
            [refused] = door.log.named("refused")
            assert refused["client"] == "127.0.0.1"
            assert refused["helo"] == "client.example"
            assert (refused["command"], refused["argument"]) == ("RCPT", "TO:<bad@@x>")
            assert refused["reply"].startswith("501 5.1.3")

    run_unhurried(story())


def test_mail_from_a_host_with_an_underscore_is_taken(tmp_path):
    async def story():
        async with reception(tmp_path) as door:
            client = await door.greeted()
            assert (await client.ask(b"MAIL FROM:<ann@my_host.example>")).startswith(b"250")
            await client.ask(b"RCPT TO:<joe@example.org>")
            await client.ask(b"DATA")
            client.send(MESSAGE)
            assert (await client.reply()).startswith(b"250")
            [row] = await rows(door.spool)
            assert str(row.message.reverse_path) == "ann@my_host.example"

    run_unhurried(story())
