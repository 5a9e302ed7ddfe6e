"""Posthouse beside Debian's Postfix: the same load, disk and machine, one after the other.

    bench/run.py [--base DIR] [--runs 3] [--messages 5000] [--scenario NAME ...] [--peer NAME ...] [--write]

Runs are interleaved, so that a noisy neighbour hits both alike.  Prints a table of medians with
the ratio; ``--write`` puts it into docs/benchmarks.md.  Needs root and Debian's postfix (smtp-source, smtp-sink).  DIR
should lie on a journaled file system on a real disk: one without a journal punishes queues of one file per message.
"""

import argparse
import contextlib
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from measure import Cost, Group, Meter
from peers import PEERS, Peer, free_port, wait_for_greeting

DOCUMENT = Path(__file__).parent.parent / "docs" / "benchmarks.md"
OCTETS = 4096
PATIENCE_SECONDS = 300


class Sink:
    """smtp-sink with its counter of messages."""

    def __init__(self, group: Group, directory: Path) -> None:
        self.port = free_port()
        self._counts = directory / "sink"
        with self._counts.open("wb") as output:
            self._process = subprocess.Popen(
                group.inside("smtp-sink", "-u", "nobody", "-c", "-m", "512", f"127.0.0.1:{self.port}", "512"),
                stdout=output,
                stderr=output,
            )
        wait_for_greeting(self.port)

    def count(self) -> int:
        tail = self._counts.read_bytes()[-400:]
        numbers = [part.split()[0] for part in tail.split(b"mesg=")[1:] if part.split()]
        return int(numbers[-1]) if numbers and numbers[-1].isdigit() else 0

    def close(self) -> None:
        self._process.terminate()
        self._process.wait()


def send(group: Group, port: int, count: int, *, sessions: int = 20, kept: bool = False, to: str = "user@dest.test"):
    """Load the server with smtp-source; returns when the last message was accepted."""
    argv = ["smtp-source", "-s", str(sessions), "-m", str(count), "-l", str(OCTETS), "-f", "sender@src.test", "-t", to]
    if kept:
        argv.append("-d")
    argv.append(f"inet:127.0.0.1:{port}")
    subprocess.run(group.inside(*argv), check=True, capture_output=True, timeout=PATIENCE_SECONDS)


def wait_until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not reached():
        if time.monotonic() > deadline:
            raise SystemExit("not everything arrived in time")
        time.sleep(0.02)


@dataclass(frozen=True)
class Bench:
    """One running peer with its load and its sink."""

    peer: Peer
    sink: Sink
    load: Group
    messages: int

    def ingest(self, *, kept: bool = False) -> Cost:
        with Meter(self.peer.group) as meter:
            send(self.load, self.peer.port, self.messages, kept=kept)
        return meter.cost

    def relay(self, sessions: int) -> Cost:
        before = self.sink.count()
        with Meter(self.peer.group) as meter:
            send(self.load, self.peer.port, self.messages, sessions=sessions)
            wait_until(lambda: self.sink.count() >= before + self.messages)
        return meter.cost

    def local(self) -> Cost:
        with Meter(self.peer.group) as meter:
            send(self.load, self.peer.port, self.messages, to="user@local.test")
            wait_until(lambda: self.peer.delivered() >= self.messages)
        return meter.cost


@dataclass(frozen=True)
class Scenario:
    """A row of the table."""

    title: str
    mode: str
    measure: Callable[[Bench], Cost]


SCENARIOS = {
    "ingest": Scenario("ingest, one message per connection, 20 sessions", "hold", lambda b: b.ingest()),
    "ingest-kept": Scenario("ingest, kept connections, 20 sessions", "hold", lambda b: b.ingest(kept=True)),
    "relay-20": Scenario("relay end to end, 20 sessions", "relay", lambda b: b.relay(20)),
    "relay-100": Scenario("relay end to end, 100 sessions", "relay", lambda b: b.relay(100)),
    "local": Scenario("Maildir delivery, 20 sessions", "local", lambda b: b.local()),
}


@contextlib.contextmanager
def running(name: str, mode: str, base: Path, messages: int) -> Iterator[Bench]:
    """Start a peer with its sink, and stop both whatever happens."""
    server, load = Group(f"{name}-server"), Group(f"{name}-load")
    sink = Sink(load, base)
    peer = PEERS[name](base, server)
    try:
        peer.start(mode, sink.port)
        yield Bench(peer, sink, load, messages)
    finally:
        peer.stop()
        sink.close()
        server.remove()
        load.remove()


def table(costs: dict[str, dict[str, list[Cost]]], peers: list[str], messages: int) -> str:
    """Return the medians as a Markdown table."""
    header = ["scenario"]
    for peer in peers:
        header += [f"{peer} msg/s", "CPU-s/1,000", "PSS MiB"]
    lines = ["| " + " | ".join([*header, "ratio"]) + " |", "|---" * (len(header) + 1) + "|"]
    for name, by_peer in costs.items():
        cells, rates = [SCENARIOS[name].title], {}
        for peer in peers:
            runs = by_peer[peer]
            rates[peer] = messages / statistics.median(run.seconds for run in runs)
            cpu = statistics.median(run.cpu_seconds for run in runs) * 1000 / messages
            pss = statistics.median(run.peak_pss_octets for run in runs) / 2**20
            cells += [f"{rates[peer]:,.0f}", f"{cpu:.2f}", f"{pss:.0f}"]
        ratio = f"{rates['posthouse'] / rates['postfix']:.2f}" if {"posthouse", "postfix"} <= set(rates) else "-"
        lines.append("| " + " | ".join([*cells, ratio]) + " |")
    return "\n".join(lines)


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure Posthouse beside Postfix.")
    parser.add_argument("--base", type=Path, help="directory on the disk to measure (default: a temporary one)")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--messages", type=int, default=5000)
    parser.add_argument("--scenario", action="append", choices=SCENARIOS, help="may be repeated; default: all")
    parser.add_argument("--peer", action="append", choices=PEERS, help="may be repeated; default: all")
    parser.add_argument("--write", action="store_true", help="write the table to docs/benchmarks.md")
    return parser.parse_args()


def main() -> None:
    chosen = options()
    if os.geteuid() != 0:
        raise SystemExit("bench needs root: Postfix starts only as root, and control groups count the CPU time")
    # Ended from outside, it still stops the servers it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    peers, scenarios = chosen.peer or list(PEERS), chosen.scenario or list(SCENARIOS)
    base = chosen.base or Path(tempfile.mkdtemp(prefix="posthouse-bench-"))
    base.mkdir(parents=True, exist_ok=True)
    base.chmod(0o755)
    costs: dict[str, dict[str, list[Cost]]] = {s: {p: [] for p in peers} for s in scenarios}
    for run in range(chosen.runs):
        for scenario in scenarios:
            for name in peers:
                with running(name, SCENARIOS[scenario].mode, base, chosen.messages) as bench:
                    cost = SCENARIOS[scenario].measure(bench)
                costs[scenario][name].append(cost)
                print(f"run {run + 1} {scenario} {name}: {chosen.messages / cost.seconds:,.0f} msg/s", flush=True)
    result = table(costs, peers, chosen.messages)
    print(result)
    if chosen.write:
        write(result, chosen)


def write(result: str, chosen: argparse.Namespace) -> None:
    """Put the table, with what it was measured on, between the marks in docs/benchmarks.md."""
    where = f"{os.cpu_count()} cores, Linux {platform.release()}, Python {platform.python_version()}"
    stamp = (
        f"{datetime.now(UTC):%Y-%m-%d}, {where}; {chosen.runs} runs of {chosen.messages} messages of {OCTETS} octets."
    )
    begin, end = "<!-- table -->", "<!-- end -->"
    before, _, rest = DOCUMENT.read_text().partition(begin)
    _, _, after = rest.partition(end)
    DOCUMENT.write_text(f"{before}{begin}\n{stamp}\n\n{result}\n{end}{after}")


if __name__ == "__main__":
    main()
