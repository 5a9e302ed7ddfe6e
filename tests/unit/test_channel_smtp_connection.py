"""What a connection writes, and what it keeps waiting for, on a transport in memory."""

import asyncio
from datetime import timedelta

import pytest

from posthouse.channels.mail_exchangers import Target
from posthouse.channels.smtp_connection import Connection, reply_timeout
from posthouse.mail.address import Address
from posthouse.mail.limits import Timeouts
from posthouse.smtp.client import Awaiting, ClientSession, ConnectionLost, RecipientCommand, TextWanted, Transaction
from support.channel_mail import SENDER, MemoryText
from support.unhurried import run_unhurried
from support.waiting import LONG

TIMEOUTS = Timeouts(greeting=timedelta(seconds=0.2))


class MemoryTransport(asyncio.Transport):
    """Keeps each write."""

    def __init__(self):
        super().__init__()
        self.writes = []
        self.aborted = False

    def write(self, data):
        self.writes.append(bytes(data))

    def abort(self):
        self.aborted = True


def connect():
    connection = Connection(ClientSession("us.example"), Target("mx.example", "192.0.2.1", 25), TIMEOUTS)
    transport = MemoryTransport()
    connection.connection_made(transport)
    return connection, transport


def test_a_pipelined_message_is_two_writes():
    async def run():
        connection, transport = connect()
        connection.data_received(b"220 hi\r\n")
        ready = asyncio.create_task(connection.event())
        await asyncio.sleep(0)
        connection.data_received(b"250-hi\r\n250 PIPELINING\r\n")
        await ready
        transport.writes.clear()
        connection.session.begin(Transaction(SENDER, (RecipientCommand(Address("bob", "example.net")),), 36))
        wanted = asyncio.create_task(connection.event())
        await asyncio.sleep(0)
        connection.data_received(b"250 ok\r\n250 ok\r\n354 go on\r\n")
        assert await wanted == TextWanted()
        await connection.send_text(MemoryText(b"Hello.\r\n"))
        ended = asyncio.create_task(connection.event())
        await asyncio.sleep(0)
        connection.data_received(b"250 ok\r\n")
        await ended
        return transport.writes

    envelope, text = asyncio.run(run())

    assert envelope.count(b"\r\n") == 3  # MAIL, RCPT, DATA
    assert text == b"Hello.\r\n.\r\n"


def test_octets_without_a_line_end_do_not_prolong_the_wait():
    async def run():
        connection, transport = connect()
        loop = asyncio.get_running_loop()
        drip = [loop.call_later(0.02 * number, connection.data_received, b"2") for number in range(50)]
        async with asyncio.timeout(LONG):
            event = await connection.event()
        took = sum(timer.when() <= loop.time() for timer in drip)
        for timer in drip:
            timer.cancel()
        return event, took, transport.aborted

    event, took, aborted = run_unhurried(run())

    assert isinstance(event, ConnectionLost)
    assert took < 50
    assert aborted


@pytest.mark.parametrize(
    ("awaiting", "minutes"),
    [
        pytest.param(Awaiting.GREETING, 5, id="RFC 5321 section 4.5.3.2.1"),
        pytest.param(Awaiting.MAIL, 5, id="4.5.3.2.2"),
        pytest.param(Awaiting.RCPT, 5, id="4.5.3.2.3"),
        pytest.param(Awaiting.DATA, 2, id="4.5.3.2.4"),
        pytest.param(Awaiting.TEXT_END, 10, id="4.5.3.2.6"),
    ],
)
def test_each_reply_has_the_time_that_the_rfc_gives_it(awaiting, minutes):
    assert reply_timeout(Timeouts(), awaiting) == timedelta(minutes=minutes)
