"""Debian's smtp-sink as the other end: another MTA's idea of a server."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from support.peers import program
from support.ports import free_port, is_listening
from support.waiting import until


@dataclass(frozen=True)
class Sink:
    """A running smtp-sink that dumps each message into its own file."""

    port: int
    directory: Path

    def messages(self) -> list[bytes]:
        """What it has taken, each with smtp-sink's X- lines of the envelope in front."""
        return [path.read_bytes() for path in sorted(self.directory.glob("m.*"))]

    def wait_messages(self, count: int, seconds: float = 10) -> list[bytes]:
        """Wait until it has taken this many."""

        def enough() -> list[bytes] | None:
            messages = self.messages()
            # A dump is complete when its text, which ends the file, is there.
            complete = [message for message in messages if b"\n\n" in message and message.endswith(b"\n")]
            return complete if len(complete) >= count else None

        return until(enough, f"{count} messages in the sink", seconds)


@contextmanager
def running_sink(directory: Path, *options: str, port: int = 0) -> Iterator[Sink]:
    """Run smtp-sink; ``-f RCPT`` and the like make it refuse."""
    command = program("smtp-sink", "postfix")
    directory.mkdir(parents=True, exist_ok=True)
    port = port or free_port()
    # As root smtp-sink wants to be told whom to change to.
    become = ["-u", "root"] if os.geteuid() == 0 else []
    arguments = [command, *become, "-d", "m.", *options, f"127.0.0.1:{port}", "100"]
    process = subprocess.Popen(arguments, cwd=directory, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: is_listening(port), "smtp-sink to listen")
        yield Sink(port, directory)
    finally:
        process.kill()
        process.wait()
