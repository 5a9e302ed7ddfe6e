"""The daemon's event log: structlog, msgspec for the JSON, one write per event.

The rule: an event costs microseconds (a message writes half a dozen), so there are no
levels, no formatting of unused fields and no buffering that a crash could lose.
"""

import os
from typing import Any

import msgspec
import structlog

from posthouse.adapters.event_log_lines import LineSink, json_line, plain_fields, safe_json, stamp, text_line
from posthouse.ports import Clock
from posthouse.site.model import LogDeclaration, LogFormat

_encode = msgspec.json.Encoder().encode


class _EventLogger(structlog.BoundLoggerBase):
    """structlog's chain of processors without levels."""

    def write(self, name: str, fields: dict[str, object]) -> None:
        # _proxy_to_logger would take the fields as keywords, where one named "event" clashes.
        args, kwargs = self._process_event("write", name, fields)
        self._logger.write(*args, **kwargs)


class StructlogEventLog:
    """Appends events to the site's log or to standard error."""

    def __init__(self, declaration: LogDeclaration, clock: Clock, role: str) -> None:
        self._sink = LineSink(declaration.path)
        self._clock = clock
        self._process = {"role": role, "pid": os.getpid()}
        render = _render_json if declaration.format is LogFormat.JSON else _render_text
        self._logger: _EventLogger = structlog.wrap_logger(
            self._sink, processors=[self._stamp, render], wrapper_class=_EventLogger, cache_logger_on_first_use=True
        ).bind()

    def event(self, name: str, /, **fields: object) -> None:
        """Write one event."""
        self._logger.write(name, fields)

    def reopen(self) -> None:
        """Follow a rotation of the file."""
        self._sink.reopen()

    def close(self) -> None:
        """Give up the file."""
        self._sink.close()

    def _stamp(self, _logger: object, _method: str, fields: Any) -> dict[str, object]:
        name = fields.pop("event")
        head = {"time": stamp(self._clock.now()), "event": name, **self._process}
        return {**head, **plain_fields(fields), **head}


def _render_json(_logger: object, _method: str, fields: Any) -> bytes:
    try:
        line = _encode(fields)
    except UnicodeEncodeError:  # a lone surrogate, from a file name or undecoded wire
        return json_line(fields)
    if line.isascii() and b"\x7f" not in line:
        return line + b"\n"
    return safe_json(line.decode()).encode() + b"\n"


def _render_text(_logger: object, _method: str, fields: Any) -> bytes:
    return text_line(fields)
