"""Debian's smtp-sink as the other end: another MTA's idea of a server."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from support.peers import program
from support.ports import free_port, is_listening
from support.waiting import LONG, until


@dataclass(frozen=True)
class Sink:
    """A running smtp-sink that dumps each message into its own file."""

    port: int
    directory: Path
    pid: int

    def messages(self) -> list[bytes]:
        """What it has taken whole, each with smtp-sink's X- lines of the envelope in front.

        A message is whole when the sink has closed its file.  The file of one that broke off it removes.
        """
        paths = sorted(self.directory.glob("m.*"))  # first: what is not open afterwards has been closed
        being_written = self._open_files()
        texts = []
        for path in paths:
            if path not in being_written:
                with suppress(FileNotFoundError):
                    texts.append(path.read_bytes())
        return texts

    def _open_files(self) -> set[Path]:
        files = set()
        for descriptor in Path(f"/proc/{self.pid}/fd").glob("*"):  # none when it has ended
            with suppress(FileNotFoundError):  # closed meanwhile
                files.add(descriptor.readlink())
        return files

    def wait_messages(self, count: int, seconds: float = LONG) -> list[bytes]:
        """Wait until it has taken this many."""

        def enough() -> list[bytes] | None:
            messages = self.messages()
            return messages if len(messages) >= count else None

        return until(enough, f"{count} messages in the sink", seconds)


@contextmanager
def running_sink(directory: Path, *options: str, port: int = 0) -> Iterator[Sink]:
    """Run smtp-sink; ``-f RCPT`` and the like make it refuse."""
    command = program("smtp-sink", "postfix")
    directory.mkdir(parents=True, exist_ok=True)
    directory = directory.resolve()
    port = port or free_port()
    # As root smtp-sink wants to be told whom to change to.
    become = ["-u", "root"] if os.geteuid() == 0 else []
    arguments = [command, *become, "-d", "m.", *options, f"127.0.0.1:{port}", "100"]
    process = subprocess.Popen(arguments, cwd=directory, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: is_listening(port), "smtp-sink to listen")
        yield Sink(port, directory, process.pid)
    finally:
        process.kill()
        process.wait()
