"""How fast mail for very many hosts goes out, without and beside mail for four that behave badly.

    bench/hosts.py [--folder DIR] [--hosts 10000] [--messages 20000] [--bad 1000] [--rounds 1]

The hosts are addresses of 127.1.0.0/16, all of them one smtp-sink.  Of the bad ones one answers each command after
five seconds, one takes no connection (and does not refuse it either), one says 450 to each RCPT, one closes after the
final dot; each has so many messages, accepted before the others.  The spool is filled first, and the time runs from the
greeting until the good hosts have everything.  Needs root and Debian's postfix.
"""

import argparse
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from statistics import median

from load import running_sink
from measure import Cost, Group
from peers import Posthouse
from scenarios import TurnFailedError, running, time_limit

LIMIT_SECONDS = 300
SLOW_SECONDS = 5
POLL_SECONDS = 0.05
GOOD = "[127.1.{{high}}.{{low}}]:{port}"  # fill.py puts the number of the host in
BAD = "127.2.0.{}"
FILL = Path(__file__).parent / "fill.py"


def _answer_slowly(verb: bytes) -> bytes | None:
    time.sleep(SLOW_SECONDS)
    return _reply(verb)


def _refuse_recipients(verb: bytes) -> bytes | None:
    return b"450 4.2.0 not now\r\n" if verb == b"RCPT" else _reply(verb)


def _close_after_text(verb: bytes) -> bytes | None:
    return None if verb == b"." else _reply(verb)


def _reply(verb: bytes) -> bytes:
    return b"354 go on\r\n" if verb == b"DATA" else b"250 ok\r\n"


def _serve(listener: socket.socket, answer: Callable[[bytes], bytes | None]) -> None:
    with suppress(OSError):  # closed at the end
        while True:
            client, _ = listener.accept()
            threading.Thread(target=_talk, args=(client, answer), daemon=True).start()


def _talk(client: socket.socket, answer: Callable[[bytes], bytes | None]) -> None:
    """Converse; an answer of None closes the connection."""
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with client, client.makefile("rb") as lines, suppress(OSError):
        client.sendall(b"220 bad\r\n")
        for line in lines:
            reply = answer(line[:4].upper().strip())
            if reply is None:
                return
            client.sendall(reply)
            if reply.startswith(b"354"):
                for _ in iter(lines.readline, b".\r\n"):
                    pass
                last = answer(b".")
                if last is None:
                    return
                client.sendall(last)


@contextmanager
def bad_hosts() -> Iterator[list[str]]:
    """Open the four bad hosts, and return each as a hop."""
    with ExitStack() as stack:
        hops = []
        for number, answer in enumerate((_answer_slowly, _refuse_recipients, _close_after_text), 1):
            listener = stack.enter_context(socket.create_server((BAD.format(number), 0), backlog=100))
            threading.Thread(target=_serve, args=(listener, answer), daemon=True).start()
            hops.append(_hop(listener))
        hops.append(_hop(_open_deaf(stack)))
        yield hops


def _open_deaf(stack: ExitStack) -> socket.socket:
    """A port whose queue of connections is full: whoever connects hears nothing."""
    listener = stack.enter_context(socket.create_server((BAD.format(4), 0), backlog=0))
    for _ in range(3):
        client = stack.enter_context(socket.socket())
        client.setblocking(False)
        client.connect_ex(listener.getsockname())
    return listener


def _hop(listener: socket.socket) -> str:
    host, port = listener.getsockname()
    return f"[{host}]:{port}"


class Filled(Posthouse):
    """Posthouse that starts with mail for these hops in its queue: options of fill.py."""

    def __init__(self, base: Path, group: Group, mail: list[list[str]]) -> None:
        super().__init__(base, group)
        self._mail = mail

    def _prepare(self, mode: str, sink: int) -> None:
        super()._prepare(mode, sink)
        with (self.home / "site.toml").open("a") as site:
            site.write('[timeouts]\ndrain = "2s"\n')  # slow attempts are not waited for at the end
        for options in self._mail:
            command = [sys.executable, str(FILL), str(self.home / "spool"), "--due", "0", *options]
            subprocess.run(command, check=True, capture_output=True)


def fill_options(hop: str, hosts: int, messages: int) -> list[str]:
    """A message to one recipient, so many times."""
    return ["--hop", hop, "--hosts", str(hosts), "--messages", str(messages), "--recipients", str(messages)]


def measure(given: argparse.Namespace, folder: Path, *, with_bad: bool) -> tuple[float, Cost]:
    """Return the messages a second that the good hosts got, and what it cost.  Raises TurnFailedError."""
    with ExitStack() as stack:
        group = Group("hosts")
        stack.callback(group.remove)
        sink = stack.enter_context(running_sink(group, address="0.0.0.0"))
        hops = stack.enter_context(bad_hosts()) if with_bad else []
        mail = [fill_options(hop, 1, given.bad) for hop in hops]
        mail.append(fill_options(GOOD.format(port=sink.port), given.hosts, given.messages))
        bench = stack.enter_context(running(partial(Filled, mail=mail), "relay", folder))
        stack.enter_context(time_limit(LIMIT_SECONDS))
        with bench.meter() as meter:
            already = sink.count()
            while sink.count() < given.messages:
                time.sleep(POLL_SECONDS)
        return (given.messages - already) / meter.cost.seconds, meter.cost


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="on the disk to measure (default: where temporary files are)")
    parser.add_argument("--hosts", type=int, default=10_000)
    parser.add_argument("--messages", type=int, default=20_000, help="for all good hosts together")
    parser.add_argument("--bad", type=int, default=1000, help="messages for each bad host")
    parser.add_argument("--rounds", type=int, default=1)
    given = parser.parse_args()
    # Ended from outside, it still stops the server it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    rates: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(given.rounds):
        for with_bad, found in rates.items():
            with tempfile.TemporaryDirectory(prefix="bench-", dir=given.folder) as folder:
                Path(folder).chmod(0o755)
                try:
                    rate, cost = measure(given, Path(folder).resolve(), with_bad=with_bad)
                except TurnFailedError as error:
                    raise SystemExit(str(error)) from error
            found.append(rate)
            beside = "beside four bad hosts" if with_bad else "good hosts alone"
            print(
                f"{beside}: {rate:,.0f} msg/s, {cost.cpu_seconds * 1000 / given.messages:.2f} CPU-s/1,000,"
                f" {cost.peak_pss_octets / 2**20:.0f} MiB",
                flush=True,
            )
    print(f"beside them {median(rates[True]) / median(rates[False]):.0%} of the rate without")


if __name__ == "__main__":
    main()
