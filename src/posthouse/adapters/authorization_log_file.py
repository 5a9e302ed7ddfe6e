"""Port AuthorizationLog as MMDF writes it: lines in the file of AUTHLOG, and events in our own log.

A line that cannot be written is an event of trouble, once for each change of the reason: mail does not wait for a log.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from posthouse.mail import events
from posthouse.ports import Clock, EventLog


class AuthorizationLogFile:
    """Port AuthorizationLog."""

    def __init__(self, path: Path | None, clock: Clock, log: EventLog) -> None:
        """``path`` None: the level of AUTHLOG lets nothing through, and only our own log is written."""
        self._path = path
        self._clock = clock
        self._log = log
        self._trouble = ""

    def write(self, message: str, entries: Sequence[str]) -> None:
        """Append."""
        for entry in entries:
            self._log.event(events.AUTHORIZED, queue_id=message, entry=entry)
        if self._path is None:
            return
        head = f"{self._clock.now():%m/%d %H:%M:%S} AU-{os.getpid() % 10000:04}:  {message}: "
        lines = "".join(f"{head}{_printable(entry)}\n" for entry in entries).encode("latin-1", "replace")
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
            try:
                os.write(descriptor, lines)  # at once, so that processes do not mix their lines
            finally:
                os.close(descriptor)
        except OSError as error:
            if str(error) != self._trouble:
                self._trouble = str(error)
                self._log.event(events.TROUBLE, where="authorization log", error=str(error))


def _printable(entry: str) -> str:
    """Let nothing of an address begin a line of its own."""
    return "".join(letter if letter.isprintable() else f"\\{ord(letter):03o}" for letter in entry)
