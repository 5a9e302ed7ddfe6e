"""Read the event log back: both formats, rotated files included, one line at a time."""

import gzip
import heapq
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

from posthouse.mail import events

Event = dict[str, Any]

_FIRST = (events.ACCEPTED, events.RESOLVED)
_OUT_OF_PLACE_MOST = 1000  # events; a turn of a loop has fewer of one message
_LINE_MOST = 1024 * 1024
_BEGINNING = '{"time":'  # of a line in JSON; within a value its quotes would be escaped
_WORD = re.compile(r'([A-Za-z_][A-Za-z0-9_-]*)=("(?:[^"\\]|\\.)*"|\S*)')


def parse_event(line: bytes) -> Event | None:
    """Read one line of either format; None for what is not an event."""
    text = line.decode("utf-8", "replace").strip()
    if text.startswith("{"):
        try:
            event = json.loads(text)
        except ValueError:
            # A process that is killed may leave the beginning of a line, and another one's line behind it.
            whole = text.rfind(_BEGINNING, 1)
            return parse_event(text[whole:].encode()) if whole > 0 else None
        return event if isinstance(event, dict) and "event" in event else None
    head = text.split(" ", 2)
    if len(head) < 2 or "=" in head[0] or "=" in head[1]:
        return None
    event = {"time": head[0], "event": head[1]}
    for name, value in _WORD.findall(head[2] if len(head) > 2 else ""):
        event[name] = _unquoted(value)
    return event


def _unquoted(value: str) -> str:
    if not value.startswith('"'):
        return value
    try:
        return str(json.loads(value))
    except ValueError:
        return value


def log_files(path: Path) -> list[Path]:
    """Return the log and what rotation left of it (``log.1``, ``log.2.gz``, ``log-20261122``), oldest first."""
    rotated = [file for file in path.parent.glob(f"{path.name}*") if file != path and file.is_file()]
    rotated.sort(key=lambda file: file.stat().st_mtime)
    return [*rotated, path]


def queue_id_of(path: Path, name: str) -> str:
    """Return the queue id of a message that is named by its queue id or by the id in our Received field.

    The Received field is written before there is a queue id; ``accepted`` has both.
    """
    if "." not in name:
        return name
    for file in log_files(path):
        with _opened(file) as stream:
            found = next((event for event in _lines_with(stream, name) if event.get("received_id") == name), None)
        if found is not None:
            return str(found.get("queue_id", name))
    return name


def events_about(path: Path, queue_id: str) -> Iterator[Event]:
    """Yield what the logs say of one message, in the order in which it happened, reports about it included."""
    return _in_order(_as_written(path, queue_id))


def _as_written(path: Path, queue_id: str) -> Iterator[Event]:
    for file in log_files(path):
        with _opened(file) as stream:
            yield from matching_events(stream, queue_id)


def _in_order(written: Iterator[Event]) -> Iterator[Event]:
    """Each process writes the events of a turn of its loop together: lines of two processes can change places.

    Delivery may even begin before the way in has noted that it accepted, which comes first all the same.
    """
    waiting: list[tuple[int, str, int, Event]] = []
    for number, event in enumerate(written):
        rank = _FIRST.index(event["event"]) if event["event"] in _FIRST else len(_FIRST)
        heapq.heappush(waiting, (rank, str(event.get("time", "")), number, event))
        if len(waiting) > _OUT_OF_PLACE_MOST:
            yield heapq.heappop(waiting)[-1]
    while waiting:
        yield heapq.heappop(waiting)[-1]


def matching_events(stream: BinaryIO, queue_id: str) -> Iterator[Event]:
    """Yield the events about a message from where the stream stands."""
    for event in _lines_with(stream, queue_id):
        if queue_id in (event.get("queue_id"), event.get("report_id"), event.get("about")):
            yield event


def _lines_with(stream: BinaryIO, name: str) -> Iterator[Event]:
    wanted = name.encode()
    while line := stream.readline(_LINE_MOST):
        # Most lines are about others: a search of bytes is much cheaper than a parse.
        event = parse_event(line) if wanted in line else None
        if event is not None:
            yield event


def _opened(file: Path) -> BinaryIO:
    if file.suffix == ".gz":
        return cast("BinaryIO", gzip.open(file, "rb"))
    return file.open("rb")
