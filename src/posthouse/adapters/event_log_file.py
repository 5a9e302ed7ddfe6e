"""The event log: lines in the site's log file, or on standard error.

The rule: an event costs microseconds (a message writes half a dozen of them), so there are no levels and
no formatting of fields that nobody gave.  A command writes each event at once.  A daemon gathers the
events of one turn of its event loop, gives them one time, and writes them together: what a crash can lose of the
log is that turn, and the log is not the record of any mail (the spool is).
"""

from __future__ import annotations  # so that the ports are imported by the type checker alone

import os
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from posthouse.adapters.event_log_lines import LineSink, json_line, plain_fields, stamp, text_line
from posthouse.site.model import LogDeclaration, LogFormat

if TYPE_CHECKING:
    from posthouse.ports import Clock

Later = Callable[[Callable[[], None]], object]

_GATHERED = 256  # events; more than one turn of a loop has, unless something is wrong
_SECOND = timedelta(seconds=1)
_NO_TIME = timedelta(0)
_OWN = frozenset({"time", "event", "role", "pid"})  # no field of an event replaces these


class FileEventLog:
    """Appends events to the site's log."""

    def __init__(self, declaration: LogDeclaration, clock: Clock, role: str) -> None:
        self._sink = LineSink(declaration.path)
        self._render = json_line if declaration.format is LogFormat.JSON else text_line
        self._clock = clock
        self._process = {"role": role, "pid": os.getpid()}
        self._later: Later | None = None
        self._gathered: list[bytes] = []
        self._time = ""  # of the first of them
        self._second = clock.now().replace(microsecond=0)
        self._stamp = stamp(self._second)[:-4]  # up to the decimal point

    def gather(self, later: Later) -> None:
        """From now on write events together: ``later`` calls back soon (``loop.call_soon``)."""
        self._later = later

    def event(self, name: str, /, **fields: object) -> None:
        """Write one event."""
        if not _OWN.isdisjoint(fields):
            fields = {key: value for key, value in fields.items() if key not in _OWN}
        if not self._gathered:
            self._time = self._now()  # those gathered with it share its time
        line = self._render({"time": self._time, "event": name, **self._process, **plain_fields(fields)})
        if self._later is None:
            self._sink.write(line)
            return
        if not self._gathered:
            self._later(self.flush)
        self._gathered.append(line)
        if len(self._gathered) >= _GATHERED:
            self.flush()

    def flush(self) -> None:
        """Write what was gathered."""
        if self._gathered:
            lines, self._gathered = self._gathered, []
            self._sink.write(b"".join(lines))

    def reopen(self) -> None:
        """Follow a rotation of the file."""
        self.flush()
        self._sink.reopen()

    def close(self) -> None:
        """Write what was gathered, give up the file, and write at once what may still come."""
        self._later = None
        self.flush()
        self._sink.close()

    def _now(self) -> str:
        """Return the time as events have it.  Most events share their second with the one before."""
        now: datetime = self._clock.now()
        if not _NO_TIME <= now - self._second < _SECOND:
            self._second = now.replace(microsecond=0)
            self._stamp = stamp(self._second)[:-4]
        return f"{self._stamp}{now.microsecond // 1000:03d}Z"
