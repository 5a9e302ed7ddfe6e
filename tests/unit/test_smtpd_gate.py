"""What network clients meet at a site that limits by load and rate."""

import asyncio

from posthouse.scheduling.load import LoadLimits, RateThrottle
from posthouse.smtpd.gate import Gate
from support.reception import reception, until
from support.unhurried import run_unhurried

CALM, BUSY, FULL = 1, 10, 12


class Load:
    """Port LoadAverage: what the test says."""

    def __init__(self, value: int) -> None:
        self.value = value

    def now(self) -> int:
        return self.value


def gate(load: Load, throttle: RateThrottle | None = None) -> Gate:
    return Gate(LoadLimits(refuse=FULL, delay=BUSY), load, throttle)


def test_a_connection_is_refused_while_the_load_is_too_high(tmp_path):
    load = Load(FULL)

    async def story():
        async with reception(tmp_path, gate=gate(load)) as door:
            client = await door.connect()
            assert await client.reply() == b"421 4.3.2 The load of this host is too high, try again later\r\n"
            assert await client.rest() == b""

            load.value = CALM
            client = await door.greeted()
            assert (await client.ask(b"QUIT")).startswith(b"221")

    run_unhurried(story())


def test_a_unix_socket_is_served_at_any_load(tmp_path):
    async def story():
        async with reception(tmp_path, gate=gate(Load(FULL)), unix=True) as door:
            await door.greeted()

    run_unhurried(story())


def test_commands_are_answered_later_while_the_load_is_high(tmp_path):
    async def story():
        async with reception(tmp_path, gate=gate(Load(BUSY))) as door:
            loop = asyncio.get_running_loop()
            client = await door.connect()
            await client.reply()
            began = loop.time()
            assert (await client.ask(b"EHLO client.example")).startswith(b"250")
            assert (await client.ask(b"NOOP")).startswith(b"250")
            assert loop.time() - began >= 1.9

    run_unhurried(story())


def test_who_leaves_while_a_command_waits_leaves_nothing_behind(tmp_path):
    async def story():
        async with reception(tmp_path, gate=gate(Load(BUSY))) as door:
            client = await door.connect()
            await client.reply()
            client.send(b"EHLO client.example\r\n")
            await client.leave()
            await door.gone()

    run_unhurried(story())


def test_connections_beyond_the_rate_are_greeted_in_later_seconds(tmp_path):
    async def story():
        async with reception(tmp_path, gate=gate(Load(CALM), RateThrottle(1))) as door:
            clients = [await door.connect() for _ in range(3)]
            replies = [await client.reply() for client in clients]
            assert all(reply.startswith(b"220") for reply in replies)
            await until(lambda: len(door.service.connections) == len(clients))

    run_unhurried(story())


def test_a_connection_is_refused_when_too_many_wait_for_their_greeting(tmp_path):
    async def story():
        throttle = RateThrottle(1)
        throttle.wait(asyncio.get_running_loop().time() + 3600)  # everything until then is taken
        async with reception(tmp_path, gate=gate(Load(CALM), throttle)) as door:
            client = await door.connect()
            assert await client.reply() == b"421 4.3.2 Too many connections, try again later\r\n"
            assert await client.rest() == b""

    run_unhurried(story())


def test_whoever_guesses_recipients_is_answered_later():
    limits = LoadLimits(refuse=0, delay=0, refused_recipients=3)
    door = Gate(limits, Load(CALM), None)

    assert [door.delay(refused) for refused in (0, 2, 3, 4)] == [0.0, 0.0, 1.0, 1.0]
    assert Gate(LoadLimits(), Load(CALM), None).delay(1000) == 0.0
