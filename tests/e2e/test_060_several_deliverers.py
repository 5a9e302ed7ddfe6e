"""Several deliver processes on one spool: each recipient is one process's, and a dead one's work is taken over."""

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from posthouse.adapters.clock_system import SystemClock
from posthouse.adapters.spool_sqlite.direct import DirectSpool
from posthouse.submit.eager import run
from support.e2e_site import SITE
from support.sinks import Sink, running_sink
from support.spool_letters import envelope, recipient
from support.standstill import killed_with, leases, standing_still, stopped_outside_a_write
from support.waiting import until

DELIVER = """
import asyncio, sys
from pathlib import Path
from posthouse.wiring.delivering import Owner, open_deliverer
from posthouse.wiring.machine import daemon_event_log, system_clock
from posthouse.site.toml import read_site

async def deliver(site, owner):
    clock = system_clock()
    log = daemon_event_log(site, clock, owner)
    async with open_deliverer(site, Owner(owner), log=log, clock=clock) as deliverer:
        await deliverer.run()

asyncio.run(deliver(read_site(Path(sys.argv[1])), sys.argv[2]))
"""


def queue(spool: Path, port: int, messages: range) -> None:
    """Put messages with these numbers for one host into the spool."""
    direct = DirectSpool(spool, now=SystemClock().now)
    for number in messages:
        draft = direct.begin()
        run(draft.write(b"Subject: a test\r\nX-Number: %d.\r\n\r\nbody\r\n" % number))
        to = recipient(f"u{number}@far.example", host=f"[127.0.0.1]:{port}")
        run(draft.commit(envelope(to), SystemClock().now()))
    run(direct.close())


def queued(spool: Path) -> int:
    direct = DirectSpool(spool, now=SystemClock().now)
    try:
        return run(direct.totals()).messages
    finally:
        run(direct.close())


@contextmanager
def deliverer(home: Path, name: str, lease: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A deliver process of its own, with its own place for hints and its own log, on the spool that they share."""
    site_file = home / f"{name}.toml"
    (home / f"run-{name}").mkdir()
    site = SITE.replace("[site]\n", f'[site]\nspool = "{home}/spool"\nrun = "{home}/run-{name}"\n')
    site = site.replace('file = "log"', f'file = "log-{name}"')
    site_file.write_text(site + f'\n[concurrency]\nlease = "{lease}"\nper-host-initial = 20\n')
    process = subprocess.Popen([sys.executable, "-c", DELIVER, str(site_file), name])
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def numbers(sink: Sink) -> Counter[bytes]:
    return Counter(match[1] for text in sink.messages() if (match := re.search(rb"X-Number: ([0-9]+)\.", text)))


def count(home: Path, name: str, event: str) -> int:
    path = home / f"log-{name}"
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    return sum(json.loads(line)["event"] == event for line in lines)


def test_two_deliver_processes_on_one_spool_never_deliver_a_recipient_twice(tmp_path):
    spool = tmp_path / "spool"
    with running_sink(tmp_path / "sink") as sink:
        queue(spool, sink.port, range(300))
        with deliverer(tmp_path, "a", lease="1h") as first:
            until(lambda: count(tmp_path, "a", "delivered"), "the first to deliver")
            with stopped_outside_a_write(first.pid, spool):  # so that there is something to do for the other one
                queue(spool, sink.port, range(300, 600))
                with ExitStack() as beside:
                    beside.enter_context(deliverer(tmp_path, "b", lease="1h"))
                    until(lambda: count(tmp_path, "b", "delivered"), "the second to deliver")
                    second = beside.pop_all()
            with second:
                until(lambda: len(numbers(sink)) == 600, "every message")
                until(lambda: sum(count(tmp_path, name, "delivered") for name in "ab") == 600, "every record")

        assert numbers(sink).total() == 600
    assert not any(count(tmp_path, name, "lease-lost") for name in "ab")


def test_the_work_of_a_killed_deliver_process_is_taken_over_when_its_leases_end(tmp_path):
    spool = tmp_path / "spool"
    with running_sink(tmp_path / "sink") as sink:
        queue(spool, sink.port, range(200))
        with deliverer(tmp_path, "a", lease="10s") as first:
            until(lambda: count(tmp_path, "a", "delivered"), "the first to deliver")
            with standing_still(sink.pid):
                queue(spool, sink.port, range(200, 400))  # it may have delivered all the others by now
                until(lambda: leases(spool, "a"), "the first to have work in hand")
                in_hand = killed_with(first.pid, spool)
                ends = leases(spool, "a")
                first.wait()
            with deliverer(tmp_path, "b", lease="10s"):
                until(lambda: not queued(spool), "an empty queue")
                emptied = SystemClock().now()

        assert len(numbers(sink)) == 400
        assert numbers(sink).total() - 400 <= in_hand  # twice only what the dead one could not record
    assert emptied.timestamp() * 1e6 >= max(ends)
