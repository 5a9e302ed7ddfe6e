"""What is measured: each turn starts a server on empty directories, loads it, and stops it.

A turn has a limit in time and ends with its processes gone, whatever the server does.
"""

import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from load import Load, Sink, running_sink
from measure import Cost, Group, Meter
from peers import PEERS, Peer, free_port

POLL_SECONDS = 0.02
SETTLE_SECONDS = 2  # between the last message of a backlog and a look at the memory
PORTIONS = 10  # in which a backlog is sent
TURN_SECONDS = 240
BACKLOG_SECONDS = 600
RECIPIENT = "user@dest.test"


class TurnFailedError(Exception):
    """A server did not do its work, or not in time; run.py catches it, says so and goes on with the next turn."""


@dataclass(frozen=True)
class Scenario:
    """A row of the table.  ``mode`` is the peer's; ``load`` is sent once."""

    title: str
    mode: str
    load: Load


SCENARIOS = {
    "ingest": Scenario("ingest, one message per connection, 20 sessions", "hold", Load(5000)),
    "ingest-kept": Scenario("ingest, kept connections, 20 sessions", "hold", Load(5000, kept=True)),
    "relay-20": Scenario("relay end to end, 20 sessions", "relay", Load(5000)),
    "relay-100": Scenario("relay end to end, 100 sessions", "relay", Load(5000, sessions=100)),
    "fan-out": Scenario("fan-out, 50 recipients each, relay", "relay", Load(500, recipients=50)),
    "local": Scenario("Maildir delivery, 20 sessions", "local", Load(5000)),
    "large": Scenario("5 MiB each, relay", "relay", Load(200, octets=5 * 2**20)),
}


@dataclass(frozen=True)
class Backlog:
    """What a queue of messages to a dead host costs.  Rates are of messages, per second."""

    first_rate: float  # accepted, in the first tenth
    last_rate: float  # in the last tenth
    rate: float
    cpu_seconds_per_thousand: float
    filling_pss_octets: int  # at most, while they came in
    full_pss_octets: int  # a moment later
    listing_seconds: float  # mailq, all of it
    restart_seconds: float  # from the start command to the greeting
    drain_rate: float  # from the command that retries everything to the last message at the host
    drain_cpu_seconds_per_thousand: float
    drain_pss_octets: int


@dataclass(frozen=True)
class Bench:
    """One running peer; ``port`` is where it sends what it relays."""

    peer: Peer
    port: int
    group: Group  # of the load and the sink
    folder: Path

    def meter(self) -> Meter:
        return Meter(self.peer.group, self.group, self.folder)


@contextmanager
def time_limit(seconds: int) -> Iterator[None]:
    """Raise TurnFailedError in the block when it takes longer.  Only for the main thread."""

    def ring(*_: object) -> None:
        raise TurnFailedError(f"not done after {seconds} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def running(make: Callable[[Path, Group], Peer], mode: str, folder: Path) -> Iterator[Bench]:
    """Start a peer, and stop it whatever happens.  Raises TurnFailedError with what the peer said."""
    with ExitStack() as stack:
        server, load = Group("server"), Group("load")
        stack.callback(load.remove)
        stack.callback(server.remove)
        peer, port = make(folder, server), free_port()
        stack.callback(peer.stop)
        try:
            peer.start(mode, port)
            yield Bench(peer, port, load, folder)
        except (subprocess.SubprocessError, TimeoutError, TurnFailedError) as error:
            raise TurnFailedError(f"{error}\n{peer.said()}") from error


def measure(name: str, scenario: Scenario, folder: Path) -> Cost:
    """Take one turn: from the first connection until the last message is where it belongs."""
    with running(PEERS[name], scenario.mode, folder) as bench, time_limit(TURN_SECONDS), ExitStack() as stack:
        sink = stack.enter_context(running_sink(bench.group, bench.port)) if scenario.mode == "relay" else None
        to = "user@local.test" if scenario.mode == "local" else RECIPIENT
        with bench.meter() as meter:
            scenario.load.send(bench.group, bench.peer.port, to)
            _wait_until(lambda: _has_arrived(bench.peer, sink, scenario))
        return meter.cost


def measure_straight(load: Load, folder: Path) -> Cost:
    """Send the load to the sink with no server between: what the two ends can do."""
    with ExitStack() as stack:
        nobody, group = Group("nobody"), Group("straight")
        stack.callback(nobody.remove)
        stack.callback(group.remove)
        sink = stack.enter_context(running_sink(group))
        with time_limit(TURN_SECONDS), Meter(nobody, group, folder) as meter:
            load.send(group, sink.port, RECIPIENT)
        return meter.cost


def measure_backlog(name: str, messages: int, folder: Path) -> Backlog:
    """Fill the queue for a dead host, list it, restart on it, and let the host come alive."""
    with running(PEERS[name], "relay", folder) as bench, time_limit(BACKLOG_SECONDS):
        rates: list[float] = []
        portion = Load(messages // PORTIONS)
        with bench.meter() as filling:
            for _ in range(PORTIONS):
                start = time.monotonic()
                portion.send(bench.group, bench.peer.port, RECIPIENT)
                rates.append(portion.messages / (time.monotonic() - start))
        messages = portion.messages * PORTIONS
        time.sleep(SETTLE_SECONDS)
        full = bench.peer.group.pss_octets()
        listing = _seconds_to_list(bench.peer, messages)
        bench.peer.stop()
        restart = bench.peer.resume()
        drained = _drain(bench, messages)
    return Backlog(
        rates[0],
        rates[-1],
        messages / filling.cost.seconds,
        filling.cost.cpu_seconds * 1000 / messages,
        filling.cost.peak_pss_octets,
        full,
        listing,
        restart,
        messages / drained.seconds,
        drained.cpu_seconds * 1000 / messages,
        drained.peak_pss_octets,
    )


def of_at_most(scenario: Scenario, messages: int) -> Scenario:
    """Return the scenario with no more messages than these."""
    return replace(scenario, load=replace(scenario.load, messages=min(messages, scenario.load.messages)))


def _has_arrived(peer: Peer, sink: Sink | None, scenario: Scenario) -> bool:
    load = scenario.load
    if scenario.mode == "local":
        return peer.in_mailbox() >= load.messages
    if sink is None or sink.count() < load.messages:
        return sink is None
    # The sink counts transactions; how many of them a message needs is the server's choice.
    return load.recipients == 1 or peer.relayed() >= load.messages * load.recipients


def _drain(bench: Bench, messages: int) -> Cost:
    with running_sink(bench.group, bench.port) as sink, bench.meter() as meter:
        subprocess.run(bench.peer.group.inside(*bench.peer.flush()), check=True, capture_output=True)
        _wait_until(lambda: sink.count() >= messages)
    return meter.cost


def _seconds_to_list(peer: Peer, messages: int) -> float:
    """Time the listing of the whole queue, and see that all of it is listed."""
    with tempfile.TemporaryFile() as listing:
        start = time.monotonic()
        subprocess.run(peer.queue_listing(), check=True, stdin=subprocess.DEVNULL, stdout=listing)
        seconds = time.monotonic() - start
        listing.seek(0)
        listed = sum(RECIPIENT.encode() in line for line in listing)
    if listed < messages:
        raise TurnFailedError(f"the listing shows {listed} of {messages} messages")
    return seconds


def _wait_until(reached: Callable[[], bool]) -> None:
    """Wait; the turn's time limit ends it."""
    while not reached():
        time.sleep(POLL_SECONDS)
