"""The event log of short commands: JSON or text lines, the standard library only.

The daemon has event_log_structlog; this one serves ``sendmail`` and the operator's
commands, which must start fast.  Both write the same lines to the same file.
"""

import os

from posthouse.adapters.event_log_lines import RENDERERS, LineSink, plain_fields, stamp
from posthouse.ports import Clock
from posthouse.site.model import LogDeclaration


class FileEventLog:
    """Appends events to the site's log."""

    def __init__(self, declaration: LogDeclaration, clock: Clock, role: str) -> None:
        self._sink = LineSink(declaration.path)
        self._render = RENDERERS[declaration.format]
        self._clock = clock
        self._process = {"role": role, "pid": os.getpid()}

    def event(self, name: str, /, **fields: object) -> None:
        """Write one event."""
        head = {  # named twice below: first for the order, last so that no field can replace it
            "time": stamp(self._clock.now()),
            "event": name,
            **self._process,
        }
        self._sink.write(self._render({**head, **plain_fields(fields), **head}))

    def reopen(self) -> None:
        """Follow a rotation of the file."""
        self._sink.reopen()

    def close(self) -> None:
        """Give up the file."""
        self._sink.close()
