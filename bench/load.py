"""The two ends of a measurement, both from Debian's postfix package: smtp-source sends, smtp-sink takes."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from measure import Group
from peers import free_port, wait_for_greeting

SINK_CONNECTIONS = 512
PROGRAMS = "/usr/sbin:/sbin"


@dataclass(frozen=True)
class Load:
    """What smtp-source is told."""

    messages: int
    sessions: int = 20
    kept: bool = False
    octets: int = 4096
    recipients: int = 1

    def send(self, group: Group, port: int, to: str = "user@dest.test") -> None:
        """Send it all; return when the last message was accepted.  Raises CalledProcessError."""
        argv = ["smtp-source", "-s", str(min(self.sessions, self.messages)), "-m", str(self.messages)]
        argv += ["-l", str(self.octets), "-f", "sender@src.test", "-t", to]
        if self.kept:
            argv.append("-d")
        if self.recipients > 1:
            argv += ["-r", str(self.recipients)]
        subprocess.run(
            group.inside(*argv, f"inet:127.0.0.1:{port}"),
            check=True,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=environment(),
        )


class Sink:
    """smtp-sink with its counter of messages, which it writes into memory."""

    def __init__(self, group: Group, port: int = 0, address: str = "127.0.0.1") -> None:
        self.port = port or free_port()
        self._counts = os.memfd_create("sink")
        self._process = subprocess.Popen(
            group.inside(
                "smtp-sink", "-u", "nobody", "-c", "-m", str(SINK_CONNECTIONS), f"{address}:{self.port}", "512"
            ),
            stdin=subprocess.DEVNULL,
            stdout=self._counts,
            stderr=self._counts,
            env=environment(),
        )

    def count(self) -> int:
        """Return how many messages it has taken."""
        size = os.fstat(self._counts).st_size
        tail = os.pread(self._counts, 400, max(0, size - 400))
        whole = tail.split(b"\r")[:-1]  # what follows the last is still being written
        return int(whole[-1].rpartition(b"mesg=")[2]) if whole else 0

    def is_running(self) -> bool:
        return self._process.poll() is None

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._counts)


@contextmanager
def running_sink(group: Group, port: int = 0, address: str = "127.0.0.1") -> Iterator[Sink]:
    """Run a sink until the end of the block."""
    sink = Sink(group, port, address)
    try:
        wait_for_greeting(sink.port, sink.is_running)
        yield sink
    finally:
        sink.close()


def environment() -> dict[str, str]:
    """Return our environment with the folders in which Debian keeps these programs."""
    return os.environ | {"PATH": f"{os.environ.get('PATH', '')}:{PROGRAMS}"}
