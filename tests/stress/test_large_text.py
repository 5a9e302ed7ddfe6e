"""A message of any size passes through without ever lying whole in memory: every way in, every way out."""

import subprocess
import sys
import threading

import pytest

from support.daemon import Daemon, make_site, running_daemon
from support.e2e_site import SITE, relay_to
from support.memory import MIB, growth_of
from support.other_user import USER, needs_root, public_home, sendmail_as
from support.sinks import running_sink
from support.standstill import stopped_outside_a_write
from support.waiting import LONG, until

MOST_GROWTH = 8 * MIB
LINE = b"0123456789abcdef" * 48 + b"\r\n"
SIZE = '\n[limits]\ntext-octets = "60M"\n'
CHANNELS = """
[channels.file]
kind = "local"
format = "mbox"
mailbox = "mbox/{user}"

[channels.program]
argv = ["/bin/sh", "-c", "cat > {home}/$0.part && mv {home}/$0.part {home}/$0", "{user}"]

[domains."file.test"]
users = ["people"]
channel = "file"

[domains."program.test"]
users = ["people"]
channel = "program"
"""


LMTP = """
[[route]]
host = "lmtp.test"
channel = "lmtp"

[channels.lmtp]
relay = "[127.0.0.1]:PORT"
"""


def text_of(octets: int) -> bytes:
    return b"Subject: large\r\n\r\n" + LINE * (octets // len(LINE))


@pytest.fixture(params=[pytest.param(16, id="16 MiB"), pytest.param(50, id="50 MiB", marks=pytest.mark.soak)])
def large(request) -> bytes:
    return text_of(request.param * MIB)


@pytest.fixture(scope="module")
def daemon(tmp_path_factory):
    home = tmp_path_factory.mktemp("large")
    with (
        running_sink(home / "sink") as sink,
        running_sink(home / "store", "-L") as store,
        running_sink(home / "strict", "-f", "RCPT") as strict,
        running_daemon(
            home,
            SITE
            + SIZE
            + CHANNELS
            + relay_to("relay.test", sink.port)
            + relay_to("refused.test", strict.port)
            + LMTP.replace("PORT", str(store.port)),
        ) as daemon,
    ):
        yield daemon


def hand_in(daemon: Daemon, recipient: str, text: bytes) -> None:
    with daemon.smtp(timeout=LONG) as client:
        client.sendmail("ann@mx.test", [recipient], text, mail_options=["RET=FULL"])


def processes(daemon: Daemon) -> list[int]:
    return [daemon.process.pid, *daemon.children()]


def carry(daemon: Daemon, recipient: str, text: bytes) -> None:
    """Bring one message to where it ends."""
    event = "bounced" if recipient.endswith("refused.test") else "delivered"
    before = len(daemon.events(event))
    hand_in(daemon, recipient, text)
    until(lambda: len(daemon.events(event)) > before, f"{event} {recipient}")


WAYS_OUT = {
    "relay": "joe@relay.test",
    "LMTP": "joe@lmtp.test",
    "Maildir": "joe@mx.test",
    "mbox": "joe@file.test",
    "program": "joe@program.test",
    "bounce": "joe@refused.test",
}


@pytest.mark.parametrize("recipient", WAYS_OUT.values(), ids=WAYS_OUT)
def test_on_its_way_out_a_large_message_never_lies_whole_in_memory(daemon, large, recipient):
    carry(daemon, recipient, text_of(MIB))
    pids = processes(daemon)

    with growth_of(pids) as growth:
        carry(daemon, recipient, large)

    assert max(growth.octets.values()) < MOST_GROWTH, growth


def test_twenty_large_messages_at_once_cost_little_more_than_one(daemon):
    recipients = list(WAYS_OUT.values())
    carry(daemon, WAYS_OUT["bounce"], text_of(MIB))
    text = text_of(2 * MIB)
    ends = len(daemon.events("delivered")) + len(daemon.events("bounced"))
    pids = processes(daemon)

    with growth_of(pids) as growth:
        threads = [
            threading.Thread(target=hand_in, args=(daemon, recipients[n % len(recipients)], text)) for n in range(20)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        until(lambda: len(daemon.events("delivered")) + len(daemon.events("bounced")) >= ends + 20, "all of them")

    assert max(growth.octets.values()) < 20 * MIB, growth


@pytest.mark.parametrize(
    "octets", [pytest.param(10 * MIB, id="10 MiB: their headers"), pytest.param(MIB - 1000, id="1 MiB: whole")]
)
def test_twenty_reports_that_bring_large_messages_back_never_hold_them(daemon, octets):
    carry(daemon, WAYS_OUT["bounce"], text_of(octets))
    text = text_of(octets)
    bounces = len(daemon.events("bounced"))

    with growth_of(processes(daemon)) as growth:
        with stopped_outside_a_write(daemon.pid_of("deliver"), daemon.home / "spool"):  # then all at once
            for _ in range(20):
                hand_in(daemon, WAYS_OUT["bounce"], text)
        until(lambda: len(daemon.events("bounced")) >= bounces + 20, "all of them")

    assert max(growth.octets.values()) < MOST_GROWTH, growth


def test_a_large_message_that_nobody_can_be_told_of_goes_to_the_dead_letters_in_pieces(tmp_path, large):
    site = SITE.replace("master@mx.test", "master@refused.test") + SIZE
    with (
        running_sink(tmp_path / "strict", "-f", "RCPT") as strict,
        running_daemon(tmp_path, site + relay_to("refused.test", strict.port)) as daemon,
    ):
        bury(daemon, text_of(MIB))
        with growth_of(processes(daemon)) as growth:
            bury(daemon, large)

    assert max(growth.octets.values()) < MOST_GROWTH, growth
    kept = (tmp_path / "spool" / "dead-letters").read_bytes()
    assert kept.count(b"\n" + LINE[:-2]) == large.count(LINE) + text_of(MIB).count(LINE)


def bury(daemon: Daemon, text: bytes) -> None:
    before = len(daemon.events("dead-letter"))
    with daemon.smtp(timeout=LONG) as client:
        client.sendmail("", ["master@refused.test"], text)  # nobody else is left to tell
    until(lambda: len(daemon.events("dead-letter")) > before, "the dead letter")


SENDMAIL = """
import sys
from posthouse.cli.classic.sendmail import main
sys.argv = ["sendmail", *sys.argv[2:]]
try:
    main()
finally:
    for line in open("/proc/self/status"):
        if line.startswith("VmHWM:"):
            print(line.split()[1], file=open({report!r}, "w"))
"""


def sendmail(daemon: Daemon, recipient: str, text: bytes) -> int:
    """Hand in by the command; return the most memory that it had."""
    report = daemon.home / "peak"
    command = [sys.executable, "-c", SENDMAIL.format(report=str(report)), "-", "-C", str(daemon.site_file), recipient]
    done = subprocess.run(command, input=text.replace(b"\r\n", b"\n"), capture_output=True, timeout=LONG, check=False)
    assert done.returncode == 0, done.stderr
    return int(report.read_text()) * 1024


def test_handed_in_by_sendmail_a_large_message_never_lies_whole_in_memory(daemon, large):
    small = sendmail(daemon, "ann@mx.test", text_of(MIB))
    pids = processes(daemon)

    with growth_of(pids) as growth:
        most = sendmail(daemon, "ann@mx.test", large)

    assert most - small < MOST_GROWTH
    assert max(growth.octets.values()) < MOST_GROWTH, growth


def test_handed_in_by_sendmail_while_the_daemon_is_down_a_large_message_never_lies_whole_in_memory(tmp_path, large):
    daemon = make_site(tmp_path, SITE + SIZE)
    small = sendmail(daemon, "ann@mx.test", text_of(MIB))

    most = sendmail(daemon, "ann@mx.test", large)

    assert most - small < MOST_GROWTH


@needs_root
def test_a_large_message_from_the_drop_never_lies_whole_in_memory(large):
    with public_home() as home:
        daemon = make_site(home, SITE + SIZE + CHANNELS)
        try:
            daemon.start()
            daemon.stop()
            for text in (text_of(MIB), large):
                ended = sendmail_as(USER, daemon.site_file, "joe@mx.test", stdin=text.replace(b"\r\n", b"\n"))
                assert ended.code == 0, ended
            daemon.start()
            pids = processes(daemon)
            with growth_of(pids) as growth:
                until(lambda: len(daemon.events("delivered")) >= 2, "both")
        finally:
            daemon.kill()

    assert max(growth.octets.values()) < 2 * MOST_GROWTH, growth
