"""``posthouse log``: the life of one message, from the event log."""

import os
import textwrap
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import click

from posthouse.cli.daemon_process import wait_for
from posthouse.cli.errors import CommandError
from posthouse.cli.formats import printable
from posthouse.cli.log_files import Event, events_about, matching_events, queue_id_of
from posthouse.cli.options import Age, json_option, print_json, site_option
from posthouse.cli.site_access import read_site_file
from posthouse.cli.terminal import terminal_width
from posthouse.mail import events

_UNINTERESTING = frozenset({"time", "event", "queue_id", "pid", "role"})


@click.command()
@click.argument("queue_id")
@click.option("--follow", is_flag=True, help="Go on until the message has left the queue.")
@click.option("--for", "patience", type=Age(), default="10m", metavar="AGE", help="How long to follow at most (10m).")
@json_option
@site_option
def log(queue_id: str, follow: bool, patience: timedelta, as_json: bool, site_file: Path) -> int:
    """Show the life of one message from the log.

    QUEUE_ID may also be the id in the Received field that Posthouse added to the message. Rotated files are read,
    too. Each step is shown with the time since the first; with --json the events as they were logged, one a line.
    """
    path = read_site_file(site_file).log.path
    if path is None:
        raise CommandError("this site logs to standard error; set [log] file to keep a log that can be asked")
    shown = Shown(as_json=as_json, width=terminal_width())
    try:
        end = path.stat().st_size
        queue_id = queue_id_of(path, queue_id)
        for event in events_about(path, queue_id):
            shown.show(event)
    except FileNotFoundError as error:
        raise CommandError(f"{path}: there is no log yet", os.EX_NOINPUT) from error
    if follow and not shown.is_finished:
        _follow(path, end, queue_id, shown, patience)
    if not shown.any:
        raise CommandError(f"nothing about {queue_id} in {path}", os.EX_NOINPUT)
    return os.EX_OK


def _follow(path: Path, start: int, queue_id: str, shown: "Shown", patience: timedelta) -> None:
    with path.open("rb") as stream:
        # A little back: the reader above may not have seen what was written meanwhile.
        stream.seek(start)

        def more() -> bool | None:
            for event in matching_events(stream, queue_id):
                shown.show(event)
            return True if shown.is_finished else None

        if not wait_for(more, patience.total_seconds()):
            raise CommandError(f"{queue_id} has not left the queue in this time", os.EX_TEMPFAIL)


class Shown:
    """Prints events once each, and knows whether the last was said."""

    def __init__(self, *, as_json: bool, width: int) -> None:
        self._as_json = as_json
        self._width = width
        self._first: datetime | None = None
        self._seen: set[tuple[object, ...]] = set()
        self.any = False
        self.is_finished = False

    def show(self, event: Event) -> None:
        """Print one event."""
        key = tuple(sorted((name, str(value)) for name, value in event.items()))
        if key in self._seen:
            return
        self._seen.add(key)
        self.any = True
        self.is_finished = self.is_finished or event["event"] in {events.FINISHED, events.REMOVED}
        if self._as_json:
            print_json(event)
        else:
            click.echo("\n".join(self._lines(event)))

    def _lines(self, event: Event) -> Iterator[str]:
        when = _read_time(str(event.get("time", "")))
        if self._first is None:
            self._first = when
            if when:
                yield f"{when.astimezone():%Y-%m-%d %H:%M:%S %z}"
        since = f"+{(when - self._first).total_seconds():.3f}s" if when and self._first else ""
        fields = "  ".join(
            f"{name}={printable(str(value))}" for name, value in event.items() if name not in _UNINTERESTING
        )
        head = f"{since:>12}  {event['event']:<10} "
        wrapped = textwrap.wrap(
            fields, width=self._width, initial_indent=head, subsequent_indent=" " * 25, break_on_hyphens=False
        )
        yield from wrapped or [head.rstrip()]


def _read_time(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
