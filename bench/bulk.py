"""How long single messages take from acceptance to delivery, alone and beside one message with very many recipients.

    bench/bulk.py [--folder DIR] [--recipients 50000] [--singles 300] [relay] [local]

``relay``: the big message goes to smtp-sink, the single ones to another host.  ``local``: both go to Maildirs.  One
of them counts as beside the big one while that still has recipients to deliver.  Needs root and Debian's postfix.
"""

import argparse
import re
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from typing import NamedTuple

from load import Load, running_sink
from measure import Group
from peers import Posthouse, free_port
from scenarios import TurnFailedError, running, time_limit

PAUSE_SECONDS = 0.03  # between two single messages
WAIT_SECONDS = 60  # for the last single messages
LIMIT_SECONDS = 300
FIRST = 10  # messages before anything is measured
MODES = ("relay", "local")
SITE = """
[limits]
recipients = 1_000_000
[domains."single.test"]
users = ["anybody"]
channel = "boxes"
[domains."bulk.test"]
users = ["anybody"]
channel = "boxes"
[tables.anybody]
kind = "regexp"
file = "anybody"
[channels.boxes]
kind = "local"
mailbox = "box/{{domain}}/"
[[route]]
host = "one.dest.test"
channel = "relay"
relay = "[127.0.0.1]:{one}"
"""
_NUMBER = re.compile(rb"^Subject: single ([0-9]+)", re.MULTILINE)


@dataclass(frozen=True)
class OneHost:
    """Another host, which remembers when each single message arrived."""

    port: int = field(default_factory=free_port)
    arrived: dict[int, float] = field(default_factory=dict)

    def serve(self) -> None:
        listener = socket.create_server(("127.0.0.1", self.port), backlog=100)
        while True:
            client, _ = listener.accept()
            threading.Thread(target=self._talk, args=(client,), daemon=True).start()

    def _talk(self, client: socket.socket) -> None:
        # Else the second of two replies waits for the acknowledgement of the first, for 40 ms.
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with client, client.makefile("rb") as lines, suppress(OSError):
            client.sendall(b"220 one\r\n")
            for line in lines:
                verb = line[:4].upper()
                if verb == b"DATA":
                    client.sendall(b"354 go on\r\n")
                    text = b"".join(iter(lines.readline, b".\r\n"))
                    self.arrived[_number(text)] = time.time()
                client.sendall(b"250-one\r\n250 PIPELINING\r\n" if verb == b"EHLO" else b"250 ok\r\n")


class Server(Posthouse):
    """Posthouse with two domains besides, and a host for the single messages."""

    def __init__(self, base: Path, group: Group, one_port: int) -> None:
        super().__init__(base, group)
        self._one_port = one_port

    def _prepare(self, mode: str, sink: int) -> None:
        super()._prepare(mode, sink)
        with (self.home / "site.toml").open("a") as site:
            site.write(SITE.format(one=self._one_port))
        (self.home / "anybody").write_text(".* x\n")


class Timing(NamedTuple):
    """Seconds of one message until it arrived: from its final dot, and from the 250 (0 where it was there sooner)."""

    from_dot: float
    from_acceptance: float


@dataclass(frozen=True)
class Singles:
    """Sends single messages over one connection, and knows how long each took to arrive."""

    port: int
    to: str
    arrivals: Callable[[], dict[int, float]]

    def timings(self, numbers: range, is_over: Callable[[], bool]) -> list[Timing]:
        """Send these until it is over; return how long each took.  Raises TurnFailedError."""
        sent: dict[int, tuple[float, float]] = {}
        with socket.create_connection(("127.0.0.1", self.port), timeout=WAIT_SECONDS) as client:
            replies = client.makefile("rb")
            replies.readline()
            client.sendall(b"HELO bench.test\r\n")
            replies.readline()
            for number in numbers:
                dot = _send(client, replies.readline, number, self.to)
                sent[number] = (dot, time.time())
                if is_over():
                    del sent[number]
                    break
                time.sleep(PAUSE_SECONDS)
        return self._taken(sent)

    def _taken(self, sent: dict[int, tuple[float, float]]) -> list[Timing]:
        deadline = time.monotonic() + WAIT_SECONDS
        arrived = self.arrivals()
        while not sent.keys() <= arrived.keys():
            if time.monotonic() > deadline:
                raise TurnFailedError(f"{len(sent.keys() - arrived.keys())} single messages did not arrive")
            time.sleep(0.1)
            arrived = self.arrivals()
        return [
            Timing(arrived[number] - dot, max(0.0, arrived[number] - accepted))
            for number, (dot, accepted) in sent.items()
        ]


@dataclass(frozen=True)
class Found:
    """Timings of the single ones, and recipients of the big message a second meanwhile."""

    alone: list[Timing]
    beside: list[Timing]
    bulk_rate: float


def measure(mode: str, recipients: int, singles: int, folder: Path) -> Found:
    """Measure alone, send the big message, and measure beside it.  Raises TurnFailedError."""
    host = OneHost()
    threading.Thread(target=host.serve, daemon=True).start()
    make = partial(Server, one_port=host.port)
    with running(make, "relay", folder) as bench, running_sink(bench.group, bench.port), time_limit(LIMIT_SECONDS):
        server = bench.peer
        to, bulk_to, arrivals = "joe@one.dest.test", "u@dest.test", host.arrived.copy
        if mode == "local":
            to, bulk_to = "joe@single.test", "u@bulk.test"
            arrivals = partial(_in_maildir, server.home / "box" / "single.test" / "new")
        sender = Singles(server.port, to, arrivals)
        sender.timings(range(FIRST), _never)  # the server opens its files and connections
        alone = sender.timings(range(FIRST, FIRST + singles), _never)
        Load(1, recipients=recipients).send(bench.group, server.port, bulk_to)
        start, already = time.monotonic(), server.relayed()
        over = FIRST + singles + recipients
        beside = sender.timings(range(FIRST + singles, FIRST + 2 * singles), lambda: server.relayed() >= over)
        rate = (server.relayed() - already - len(beside)) / (time.monotonic() - start)
    return Found(alone, beside, rate)


def _never() -> bool:
    return False


def _send(client: socket.socket, readline: Callable[[], bytes], number: int, to: str) -> float:
    """Send one message; return when its final dot was sent, after it was accepted.  Raises TurnFailedError."""
    text = f"Subject: single {number}\r\n\r\n" + "x" * 70 + "\r\n.\r\n"
    before = 0.0
    for command in ("MAIL FROM:<a@src.test>\r\n", f"RCPT TO:<{to}>\r\n", "DATA\r\n", text):
        before = time.time()
        client.sendall(command.encode())
        reply = readline()
        if not reply.startswith((b"2", b"3")):
            raise TurnFailedError(f"the server said {reply!r}")
    return before


def _number(text: bytes) -> int:
    found = _NUMBER.search(text)
    if found is None:
        raise TurnFailedError("a message came that is none of the single ones")
    return int(found[1])


def _in_maildir(new: Path) -> dict[int, float]:
    """When each was moved into the Maildir, to the tick of the file system's clock."""
    if not new.is_dir():
        return {}
    return {_number(path.read_bytes()): path.stat().st_ctime for path in new.iterdir()}


def _milliseconds(seconds: Iterable[float]) -> tuple[float, float]:
    """The median and the 95th percentile."""
    each = [second * 1000 for second in seconds]
    return median(each), quantiles(each, n=20)[-1]


def report(mode: str, recipients: int, found: Found) -> str:
    """One mode, for a person."""
    head = f"{mode}: {len(found.alone)} messages alone, {len(found.beside)} beside {recipients:,} recipients"
    lines = [f"{head}, which went out at {found.bulk_rate:,.0f}/s"]
    columns = zip(
        ("the final dot", "250"), zip(*found.alone, strict=True), zip(*found.beside, strict=True), strict=True
    )
    for start, *both in columns:
        alone, beside = map(_milliseconds, both)
        compared = f"alone {alone[0]:.1f} (95 %: {alone[1]:.1f}), beside {beside[0]:.1f} (95 %: {beside[1]:.1f})"
        lines.append(f"  ms from {start}: {compared}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="on the disk to measure (default: where temporary files are)")
    parser.add_argument("--recipients", type=int, default=50_000)
    parser.add_argument("--singles", type=int, default=300, help="at most so many each time")
    parser.add_argument("modes", nargs="*", metavar="MODE", default=MODES, help=f"of {', '.join(MODES)}")
    options = parser.parse_args()
    if not set(options.modes) <= set(MODES):
        parser.error(f"a mode is one of {', '.join(MODES)}")
    # Ended from outside, it still stops the server it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    for mode in options.modes:
        with tempfile.TemporaryDirectory(prefix="bench-", dir=options.folder) as folder:
            Path(folder).chmod(0o755)
            try:
                found = measure(mode, options.recipients, options.singles, Path(folder).resolve())
            except TurnFailedError as error:
                raise SystemExit(f"{mode}: {error}") from error
        print(report(mode, options.recipients, found), flush=True)


if __name__ == "__main__":
    main()
