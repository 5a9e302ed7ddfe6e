"""Many messages while every process is killed again and again: is any lost, and is each duplicate one that may be?

    python bench/soak.py [--messages N] [--kill-every SECONDS] [--seed N]

A third goes to a Maildir, a third to another host, a third to a host that refuses it and comes back as a
report.  Every process, the supervisor too, is killed (SIGKILL) at random moments; a client whose
reply was lost sends its message again, as clients do.  At the end each message must have arrived.

The copies of a message are told apart by the id in its Received field.  Different ids: the client sent it
again (RFC 1047).  The same id twice: a delivery whose outcome was not recorded before the kill,
and then the log has an ``attempted`` without an outcome.  Anything else is a mistake of ours.
"""

import argparse
import itertools
import json
import os
import random
import re
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from support.daemon import Daemon, make_site
from support.e2e_site import SITE, relay_to
from support.ports import free_port

CLIENTS = 10
PATIENCE_SECONDS = 120  # without anything leaving the queue, after the last kill
_NUMBER = re.compile(rb"^Subject: soak ([0-9]+)\r?$", re.MULTILINE)
_RECEIVED_ID = re.compile(rb"^Received: [^;]*?\sid ([^\s;]+)", re.MULTILINE)
_REPORTED = re.compile(rb"^X-Posthouse-Queue-ID: (\S+)\r?$", re.MULTILINE)
_REPORT_ID = re.compile(rb"^Message-ID: (\S+)\r?$", re.MULTILINE)
_OUTCOMES = {"delivered", "deferred", "failed", "expired", "lease-lost"}
_WAYS = ("joe@mx.test", "joe@relay.test", "joe@refused.test")


@dataclass(frozen=True)
class Copy:
    """One arrival: of which message, under which id, and for a report which of them."""

    number: int
    name: str
    report: str = ""


@dataclass
class Sink:
    """Another host: takes what is for relay.test and refuses what is for refused.test."""

    port: int
    copies: list[Copy] = field(default_factory=list)

    def serve(self) -> None:
        listener = socket.create_server(("127.0.0.1", self.port), backlog=200)
        while True:
            client, _ = listener.accept()
            threading.Thread(target=self._talk, args=(client,), daemon=True).start()

    def _talk(self, client: socket.socket) -> None:
        with client, client.makefile("rb") as lines, suppress(OSError):
            client.sendall(b"220 sink\r\n")
            for line in lines:
                verb = line[:4].upper()
                if verb == b"DATA":
                    client.sendall(b"354 go on\r\n")
                    text = text_of(lines)
                    if text is None:
                        return  # cut off by a kill
                    if text:
                        self.copies.append(read_copy(text))
                    # Who sent DATA along with a recipient that was refused ends it with a dot alone.
                    client.sendall(b"250 taken\r\n" if text else b"554 nobody to take it\r\n")
                elif verb == b"EHLO":
                    client.sendall(b"250-sink\r\n250 PIPELINING\r\n")
                elif verb == b"RCPT" and b"refused.test" in line:
                    client.sendall(b"550 5.1.1 no such user\r\n")
                else:
                    client.sendall(b"221 bye\r\n" if verb == b"QUIT" else b"250 ok\r\n")


def text_of(lines: BinaryIO) -> bytes | None:
    """Read one text up to its final dot; None when it has none."""
    read: list[bytes] = []
    for line in lines:
        if line == b".\r\n":
            return b"".join(read)
        read.append(line)
    return None


def read_copy(text: bytes) -> Copy:
    """Tell which message this is, or which one is reported here."""
    number = _NUMBER.findall(text)[-1]
    reported = _REPORTED.search(text)
    if reported:
        report = _REPORT_ID.search(text)
        return Copy(int(number), reported[1].decode(), report[1].decode() if report else "?")
    name = _RECEIVED_ID.search(text)
    return Copy(int(number), name[1].decode() if name else "?")


class Clients:
    """Send every number until a 250 has come for it."""

    def __init__(self, daemon: Daemon, messages: int) -> None:
        self._daemon = daemon
        self._numbers: Iterator[int] = iter(range(messages))
        self._lock = threading.Lock()
        self.accepted = 0
        self.unanswered: Counter[int] = Counter()  # sent whole, and no reply came
        self.threads = [threading.Thread(target=self._send_all) for _ in range(CLIENTS)]

    def _next(self) -> int | None:
        with self._lock:
            return next(self._numbers, None)

    def _send_all(self) -> None:
        number = self._next()
        while number is not None:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self._daemon.port), timeout=30) as client:
                replies = client.makefile("rb")
                replies.readline()
                while number is not None and self._send(client, replies, number):
                    with self._lock:
                        self.accepted += 1
                    number = self._next()
                continue
            time.sleep(0.05)  # the daemon is being started again

    def _send(self, client: socket.socket, replies: object, number: int) -> bool:
        readline = replies.readline  # type: ignore[attr-defined]
        client.sendall(b"HELO soak.test\r\nMAIL FROM:<ann@mx.test>\r\n")
        client.sendall(b"RCPT TO:<%s>\r\nDATA\r\n" % _WAYS[number % 3].encode())
        if [readline()[:3] for _ in range(4)] != [b"250", b"250", b"250", b"354"]:
            return False
        text = b"Subject: soak %d\r\nMessage-ID: <%d@soak.test>\r\n\r\n" % (number, number)
        self.unanswered[number] += 1
        client.sendall(text + b"x" * 70 * (number % 50) + b"\r\nsoak\r\n.\r\n")
        reply = readline()[:3]
        if reply:
            self.unanswered[number] -= 1
        return reply == b"250"


class Killer:
    """Kills one process after the other."""

    def __init__(self, daemon: Daemon, mean_seconds: float, chance: random.Random) -> None:
        self._daemon = daemon
        self._mean_seconds = mean_seconds
        self._chance = chance
        self.kills: Counter[str] = Counter()

    def wait_and_kill(self) -> None:
        time.sleep(self._chance.uniform(0.2, 2 * self._mean_seconds))
        supervisor = self._daemon.process
        assert supervisor is not None
        victim = self._chance.choice([supervisor.pid, *self._daemon.children()])
        with suppress(ProcessLookupError):
            os.kill(victim, signal.SIGKILL)
        if victim == supervisor.pid:
            self.kills["supervisor"] += 1
            supervisor.wait()
            self._start_again()
        else:
            self.kills["child"] += 1

    def _start_again(self) -> None:
        for _ in range(50):  # the children of the one that was killed may still be leaving
            with suppress(AssertionError):
                self._daemon.start()
                return
            time.sleep(0.2)
        raise SystemExit(f"it does not start again: {self._daemon.stderr()}")


@dataclass
class Verdict:
    """What became of everything."""

    lost: list[int] = field(default_factory=list)
    sent_again: int = 0
    delivered_again: int = 0
    unexplained: list[str] = field(default_factory=list)


def judge(messages: int, copies: list[Copy], clients: Clients, daemon: Daemon) -> Verdict:
    """Count what is lost and explain what came more than once."""
    verdict = Verdict()
    by_number: dict[int, list[Copy]] = defaultdict(list)
    for copy in copies:
        by_number[copy.number].append(copy)
    verdict.lost = [number for number in range(messages) if number not in by_number]
    unrecorded, nameless = attempts_without_outcome(daemon)
    for number, arrived in by_number.items():
        names = {copy.name for copy in arrived}
        verdict.sent_again += len(names) - 1
        if len(names) - 1 > clients.unanswered[number]:
            verdict.unexplained.append(f"message {number}: accepted as {sorted(names)}, sent again too rarely for it")
        for name in names:
            same = [copy for copy in arrived if copy.name == name]
            if len({copy.report for copy in same}) > 1:
                verdict.unexplained.append(f"message {number}: reported more than once")
            verdict.delivered_again += len(same) - 1
            missing = len(same) - 1 - unrecorded[name]
            if 0 < missing <= nameless:
                nameless -= missing
            elif missing > 0:
                verdict.unexplained.append(
                    f"message {number}, {name}: {len(same)} copies, {unrecorded[name]} unrecorded"
                )
    return verdict


def attempts_without_outcome(daemon: Daemon) -> tuple[Counter[str], int]:
    """Count the attempts of which no outcome was logged, by the id in Received or the queue id that is reported.

    The number beside them is of those whose name was lost: a kill takes the log lines of the last moment along.
    """
    names: dict[str, str] = {}
    balance: Counter[str] = Counter()
    for event in daemon.each_event():
        queue_id = event.get("queue_id")
        if event["event"] == "accepted" and event.get("received_id"):
            names[queue_id] = event["received_id"]
        elif event["event"] == "bounced":
            names[event["report_id"]] = queue_id
        elif event["event"] == "attempted":
            balance[queue_id] += 1
        elif event["event"] in _OUTCOMES:
            balance[queue_id] -= 1
    found: Counter[str] = Counter()
    nameless = 0
    for queue_id, count in balance.items():
        if queue_id in names:
            found[names[queue_id]] += max(count, 0)
        else:
            nameless += max(count, 0)
    return found, nameless


def arrived_here(daemon: Daemon) -> list[Copy]:
    folders = [daemon.home / "mail" / user / "new" for user in ("joe", "ann")]
    return [read_copy(path.read_bytes()) for folder in folders for path in folder.iterdir()]


def queued(daemon: Daemon) -> int:
    """Count the recipients that wait."""
    done = daemon.run("queue", "list", "--group-by", "state", "--json")
    if done.returncode != 0:
        return 1  # the daemon is just being started again
    return sum(json.loads(line)["recipients"] for line in done.stdout.splitlines())


def run_down(daemon: Daemon) -> int:
    """Wait for as long as something leaves the queue; return how many recipients are left."""
    least = queued(daemon)
    end = time.monotonic() + PATIENCE_SECONDS
    while least and time.monotonic() < end:
        time.sleep(1)
        now = queued(daemon)
        if now < least:
            least, end = now, time.monotonic() + PATIENCE_SECONDS
    return least


def run(options: argparse.Namespace, home: Path) -> int:
    sink = Sink(free_port())
    threading.Thread(target=sink.serve, daemon=True).start()
    port = free_port()
    site = SITE.replace('"127.0.0.1:0"', f'"127.0.0.1:{port}"') + "\n[limits]\nconnections-per-client = 900\n"
    daemon = make_site(home, site + relay_to("relay.test", sink.port) + relay_to("refused.test", sink.port))
    daemon.start()
    clients = Clients(daemon, options.messages)
    killer = Killer(daemon, options.kill_every, random.Random(options.seed))
    begun = time.monotonic()
    for thread in clients.threads:
        thread.start()
    try:
        while any(thread.is_alive() for thread in clients.threads):
            killer.wait_and_kill()
            print(f"\r{clients.accepted} accepted, {sum(killer.kills.values())} kills", end="", flush=True)
        accepted_in = time.monotonic() - begun
        for _ in range(3):  # and while the queue runs down
            killer.wait_and_kill()
        left = run_down(daemon)
        daemon.stop(30)
    finally:
        daemon.kill()
    verdict = judge(options.messages, arrived_here(daemon) + sink.copies, clients, daemon)
    print(f"\r{clients.accepted} messages accepted in {accepted_in:.0f} s; killed: {dict(killer.kills)}")
    print(f"{left} recipients still in the queue (their messages count as lost here)")
    print(f"{len(verdict.lost)} lost{': ' if verdict.lost else ''}{', '.join(map(str, verdict.lost[:20]))}")
    print(f"{verdict.sent_again} duplicates because a client without a reply sent its message again")
    print(f"{verdict.delivered_again} duplicates because a kill came between a delivery and its record")
    print(f"{len(verdict.unexplained)} duplicates without an explanation")
    for line in itertools.islice(verdict.unexplained, 20):
        print("   ", line)
    return 1 if verdict.lost or verdict.unexplained else 0


def main() -> None:
    parser = argparse.ArgumentParser(description="Lose no message, whatever is killed.")
    parser.add_argument("--messages", type=int, default=200_000)
    parser.add_argument("--kill-every", type=float, default=2.0, help="seconds, on average")
    parser.add_argument("--seed", type=int, default=None, help="of the moments and the victims")
    options = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="posthouse-soak-"))
    status = run(options, home)
    if status == 0:
        shutil.rmtree(home)
    else:
        print(f"what was left is in {home}")
    raise SystemExit(status)


if __name__ == "__main__":
    main()
