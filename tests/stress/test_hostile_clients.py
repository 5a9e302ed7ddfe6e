"""Clients that mean no good, at a real daemon: memory stays bounded, and the others go on."""

import itertools
import os
import resource
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random

import pytest

from support.daemon import Daemon, running_daemon
from support.e2e_site import SITE
from support.memory import KIB, MIB, growth_of, resident_octets
from support.standstill import stopped_outside_a_write
from support.waiting import LONG, until

MOST_GROWTH = 4 * MIB
MOST_CPU_SECONDS = 20  # for twenty thousand lines in a packet each; here it is a twentieth of one
HOSTILE_SITE = (
    SITE
    + """
[limits]
text-octets = "8M"

[metrics]
listen = "127.0.0.1:0"
"""
)


@pytest.fixture(scope="module")
def daemon(tmp_path_factory):
    with running_daemon(tmp_path_factory.mktemp("hostile"), HOSTILE_SITE) as daemon:
        yield daemon


@pytest.fixture(autouse=True)
def others_go_on(daemon):
    """After each test: the same processes, no bug in the log, and mail flows."""
    children = daemon.children()
    bugs = len(daemon.events("trouble"))
    yield
    delivered = len(daemon.events("delivered"))
    daemon.send("ann@mx.test", "joe@mx.test")
    until(lambda: len(daemon.events("delivered")) > delivered, "a delivery")
    assert daemon.children() == children, daemon.stderr()
    troubles = daemon.events("trouble")[bugs:]
    assert not troubles, troubles


def connect(daemon: Daemon) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", daemon.port), timeout=LONG)
    assert client.recv(1000).startswith(b"220")
    return client


def rest_of(client: socket.socket) -> bytes:
    """What is said until the connection ends."""
    said = b""
    with suppress(ConnectionError):
        while piece := client.recv(65536):
            said += piece
    client.close()
    return said


def pour(client: socket.socket, piece: bytes, octets: int) -> None:
    """Send this again and again; stop when the other side has had enough."""
    with suppress(ConnectionError):
        for _ in range(octets // len(piece)):
            client.sendall(piece)


def pour_slowly(client: socket.socket, piece: bytes) -> None:
    """Send this again and again, until the other side has had enough."""
    while True:
        client.sendall(piece)
        threading.Event().wait(0.01)


def begin_text(client: socket.socket) -> bool:
    """Return whether it came that far; a client that is slow may have been told to go."""
    client.sendall(b"EHLO c.test\r\nMAIL FROM:<ann@mx.test>\r\nRCPT TO:<joe@mx.test>\r\nDATA\r\n")
    said = b""
    while b"\r\n354 " not in said:
        piece = client.recv(65536)
        if not piece:
            return False
        said += piece
    return True


@contextmanager
def impatient_daemon(home: Path, what: str) -> Iterator[Daemon]:
    """One that waits a second for a command, or gives a session three; the other waits are long."""
    with running_daemon(home, SITE.replace("[timeouts]\n", f"[timeouts]\n{what}\n")) as daemon:
        yield daemon
        daemon.send("ann@mx.test", "joe@mx.test")
        daemon.wait_messages("joe", 1)


def in_text(daemon: Daemon) -> socket.socket:
    """Connect and come to the text, as soon as there is time for that within one session."""

    def try_it() -> socket.socket | None:
        with suppress(ConnectionError):
            client = connect(daemon)
            if begin_text(client):
                return client
            client.close()
        return None

    return until(try_it, "a session that comes to its text")


def metrics_port(daemon: Daemon) -> int:
    return int(daemon.events("started")[-1]["metrics"].rpartition(":")[2])


GARBAGE = {
    "chance": Random(1).randbytes(MIB),
    "NULs": bytes(MIB),
    "line ends": b"\n" * MIB,
    "TLS": bytes.fromhex("16030100c8010000c40303") * 1000,
    "HTTP": b"POST / HTTP/1.1\r\nHost: x\r\n\r\n" + b"MAIL FROM:<a@b>\r\n" * 1000,
}


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
@pytest.mark.parametrize("door", ["SMTP", "submit socket", "metrics"])
def test_garbage_at_a_door_harms_nobody(daemon, door, garbage):
    if door == "submit socket":
        client = socket.socket(socket.AF_UNIX)
        client.connect(str(daemon.home / "run" / "submit.sock"))
    else:
        port = daemon.port if door == "SMTP" else metrics_port(daemon)
        client = socket.create_connection(("127.0.0.1", port))
    client.settimeout(LONG)
    with growth_of(daemon.children()) as growth:
        pour(client, garbage, len(garbage))
        with suppress(OSError):
            client.shutdown(socket.SHUT_WR)
        rest_of(client)
    assert max(growth.octets.values()) < MOST_GROWTH, growth


@pytest.mark.parametrize("door", ["wakeup.sock", "pickup.sock"])
def test_garbage_at_a_hint_socket_is_a_hint_at_most(daemon, door):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender, growth_of(daemon.children()) as growth:
        sender.settimeout(0.1)
        for number in range(3000):
            with suppress(OSError):
                sender.sendto(b"x" * (number % 1000), str(daemon.home / "run" / door))
    assert max(growth.octets.values()) < MOST_GROWTH, growth


def drip(client: socket.socket, octets: bytes, ended: threading.Event) -> None:
    with suppress(OSError):
        for octet in itertools.cycle(octets):
            if ended.wait(0.2):
                return
            client.sendall(bytes([octet]))


def test_who_sends_a_command_an_octet_at_a_time_is_told_421(tmp_path):
    with impatient_daemon(tmp_path, 'command = "1s"') as daemon:
        assert drip_until_told(connect(daemon), b"NOOP").startswith(b"421 4.4.2")


def test_who_sends_text_an_octet_at_a_time_is_told_421_when_the_session_ends(tmp_path):
    with impatient_daemon(tmp_path, 'session = "3s"') as daemon:
        assert drip_until_told(in_text(daemon), b"x\r\n").startswith(b"421 4.4.2")


def drip_until_told(client: socket.socket, octets: bytes) -> bytes:
    """Send an octet now and then; return what was said at the end.  Would each one prolong the wait, it never came."""
    ended = threading.Event()
    dripping = threading.Thread(target=drip, args=(client, octets, ended))
    dripping.start()
    said = b""
    with suppress(ConnectionError):
        while piece := client.recv(1000):
            said += piece
    ended.set()
    dripping.join()
    client.close()
    return said


def test_a_command_line_without_end_is_refused_and_not_kept(daemon):
    client = connect(daemon)
    with growth_of(daemon.children()) as growth:
        pour(client, b"x" * MIB, 24 * MIB)
        client.sendall(b"\r\nQUIT\r\n")
        said = rest_of(client)
    assert said.startswith(b"500 5.5.2"), said
    assert b"\r\n221 " in said
    assert max(growth.octets.values()) < MOST_GROWTH, growth


@pytest.mark.parametrize(
    ("piece", "refusal"),
    [
        pytest.param(b"x" * MIB, b"5", id="one line"),
        pytest.param((b"x" * 1022 + b"\r\n") * KIB, b"552 5.3.4", id="lines"),
        pytest.param((b"X-Y: z\r\n") * KIB, b"5", id="a header without end"),
    ],
)
def test_a_text_beyond_all_limits_is_refused_at_its_end_and_not_kept(daemon, piece, refusal):
    client = connect(daemon)
    begin_text(client)
    with growth_of(daemon.children()) as growth:
        pour(client, piece, 24 * MIB)
        client.sendall(b"\r\n.\r\nQUIT\r\n")
        said = rest_of(client)
    assert said.startswith(refusal), said
    assert max(growth.octets.values()) < MOST_GROWTH, growth
    assert not list((daemon.home / "spool" / "texts").rglob("*/?*/?*"))


def test_a_text_that_never_ends_ends_with_its_session(tmp_path):
    with impatient_daemon(tmp_path, 'session = "3s"') as daemon:
        client = in_text(daemon)
        with pytest.raises(ConnectionError):
            pour_slowly(client, b"x" * 70 + b"\r\n")
        assert rest_of(client).startswith((b"421 4.4.2", b""))


def test_a_header_of_a_hundred_thousand_lines_is_carried_as_it_is(daemon):
    header = b"".join(b"%05d:\r\n" % number for number in range(100_000))
    before = len(daemon.messages("ann"))
    daemon.send("ann@mx.test", "ann@mx.test", header + b"\r\nbody\r\n")
    messages = daemon.wait_messages("ann", before + 1)
    whole = header.replace(b"\r\n", b"\n") + b"\nbody\n"
    assert any(message.endswith(whole) for message in messages)


def test_a_header_that_comes_in_tiny_pieces_takes_no_more_time_than_others_can_spare(daemon):
    cpu = cpu_seconds(daemon)
    client = connect(daemon)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    begin_text(client)
    for _ in range(20_000):
        client.sendall(b"X-Y: " + b"z" * 40 + b"\r\n")
    client.sendall(b"\r\n.\r\nQUIT\r\n")
    assert rest_of(client).startswith(b"250 ")
    assert cpu_seconds(daemon) - cpu < MOST_CPU_SECONDS


def cpu_seconds(daemon: Daemon) -> float:
    ticks = 0
    for pid in daemon.children():
        stat = Path(f"/proc/{pid}/stat").read_text()
        ticks += sum(map(int, stat.rpartition(")")[2].split()[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def test_nuls_in_a_text_are_carried_and_in_commands_refused(daemon):
    client = connect(daemon)
    client.sendall(b"EHLO c.test\r\nMAIL FROM:<a\0b@mx.test>\r\n")
    client.sendall(b"MAIL FROM:<>\r\nRCPT TO:<joe\0@mx.test>\r\nNO\0OP\r\nQUIT\r\n")
    replies = [line[:3] for line in rest_of(client).split(b"\r\n") if line[3:4] == b" "]
    assert replies == [b"250", b"501", b"250", b"501", b"500", b"221"]
    before = len(daemon.messages("ann"))
    daemon.send("ann@mx.test", "ann@mx.test", b"Subject: nul\r\n\r\na\0b\r\n")
    assert any(message.endswith(b"\na\0b\n") for message in daemon.wait_messages("ann", before + 1))


def test_recipients_by_the_ten_thousand_are_not_kept(daemon):
    client = connect(daemon)
    client.sendall(b"EHLO c.test\r\nMAIL FROM:<>\r\n")
    with growth_of(daemon.children()) as growth:
        reader: list[bytes] = []
        reading = threading.Thread(target=lambda: reader.append(rest_of(client)))
        reading.start()
        with suppress(ConnectionError):
            for number in range(0, 20_000, 100):
                client.sendall(b"".join(b"RCPT TO:<u%d@relay.test>\r\n" % n for n in range(number, number + 100)))
            client.sendall(b"QUIT\r\n")
        reading.join()
    said = reader[0]
    assert said.count(b"250 2.1.5") == 1000
    assert b"452 4.5.3" in said
    assert max(growth.octets.values()) < MOST_GROWTH, growth


@pytest.mark.parametrize("most", [pytest.param(900, id="900"), pytest.param(10_000, id="10,000")])
def test_idle_connections_cost_little_and_those_beyond_the_limit_are_told_421(tmp_path, most):
    if resource.getrlimit(resource.RLIMIT_NOFILE)[0] < most + 1000:
        pytest.skip(f"this machine does not allow a process {most + 1000} open files")
    site = SITE + f"\n[limits]\nconnections = {most}\nconnections-per-client = {most - 100}\n"
    with running_daemon(tmp_path, site) as daemon:
        before = sum(map(resident_octets, daemon.children()))
        clients = [socket.create_connection(("127.0.0.1", daemon.port), timeout=LONG) for _ in range(most + 100)]
        greetings = [client.recv(1000)[:9] for client in clients]
        grown = sum(map(resident_octets, daemon.children())) - before
        strangers = ("127.0.0.2", daemon.ports[1])
        others = [
            socket.create_connection(strangers, timeout=LONG, source_address=("127.0.0.3", 0)) for _ in range(200)
        ]
        others_greetings = [client.recv(1000)[:9] for client in others]
        for client in clients + others:
            client.close()
        until(lambda: len(daemon.events("disconnected")) >= most, "the end of all of them")
        daemon.send("ann@mx.test", "joe@mx.test")

    assert [greeting[:3] for greeting in greetings].count(b"220") == most - 100
    assert greetings.count(b"421 4.7.0") == 200
    assert [greeting[:3] for greeting in others_greetings].count(b"220") == 100
    assert others_greetings.count(b"421 4.3.2") == 100
    assert grown / (most - 100) < 10 * KIB


@pytest.mark.parametrize(
    "is_text", [pytest.param(False, id="a command"), pytest.param(True, id="text", marks=pytest.mark.soak)]
)
def test_a_line_of_a_gigabyte_is_refused_and_not_kept(tmp_path, is_text):
    with running_daemon(tmp_path, SITE) as daemon:
        client = connect(daemon)
        if is_text:
            begin_text(client)
        with growth_of(daemon.children()) as growth:
            pour(client, b"x" * MIB, 1024 * MIB)
            client.sendall(b"\r\n.\r\nQUIT\r\n" if is_text else b"\r\nQUIT\r\n")
            said = rest_of(client)
        daemon.send("ann@mx.test", "joe@mx.test")
        daemon.wait_messages("joe", 1)

    assert said.startswith(b"5"), said
    assert b"\r\n221 " in said
    assert max(growth.octets.values()) < MOST_GROWTH, growth


def test_mail_is_taken_while_the_deliver_process_stands_still(daemon):
    daemon.send("ann@mx.test", "joe@mx.test")
    daemon.wait_event("delivered")  # which names the process
    before = len(daemon.messages("joe"))
    with stopped_outside_a_write(daemon.pid_of("deliver"), daemon.home / "spool"):
        for _ in range(50):
            daemon.send("ann@mx.test", "joe@mx.test")
    daemon.wait_messages("joe", before + 50)
