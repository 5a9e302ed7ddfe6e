"""``posthouse serve``, ``reload``, ``stop`` and ``status``: the daemon, run, told and asked."""

import os
import signal
from datetime import UTC, datetime
from pathlib import Path

import click

from posthouse.cli.daemon_process import (
    PID_FILE,
    find_daemon,
    is_posthouse,
    need_daemon,
    require_right_to_signal,
    send_signal,
    wait_for,
)
from posthouse.cli.errors import CommandError
from posthouse.cli.log_files import Event, parse_event
from posthouse.cli.options import json_option, now, print_json, site_option
from posthouse.cli.site_access import open_queue, read_site_file
from posthouse.mail import events
from posthouse.mail.queued import QueueTotals
from posthouse.mail.wording import seconds_in_words
from posthouse.site.model import Site
from posthouse.submit.eager import run

_RELOAD_SECONDS = 130.0  # new processes have 90 s to get ready, and old ones 30 s to take nothing new
_RELOADS = frozenset({events.RELOADED, events.RELOAD_REFUSED})
_GRACE_SECONDS = 15.0  # beyond the drain time that the site allows


@click.command()
@site_option
def serve(site_file: Path) -> int:
    """Run the mail router in the foreground.

    SIGHUP takes up a changed site, SIGUSR1 reopens the log, SIGTERM and Ctrl-C stop it. Nothing accepted is lost.
    """
    from posthouse.cli.supervision.serve import serve as run_daemon

    return run_daemon(site_file)


@click.command()
@site_option
def reload(site_file: Path) -> int:
    """Make the running daemon take up a changed site.

    The site is checked first; with a mistake in it nothing changes and the exit code is 78. A user who may not is told
    so with 77. No session and no delivery is dropped.
    """
    from posthouse.cli.commands.check import raise_problems

    _require_operator_of_daemon(site_file)
    site = raise_problems(site_file)
    pid = need_daemon(site)
    log = site.log.path
    start = log.stat().st_size if log and log.exists() else 0
    send_signal(pid, signal.SIGHUP)
    if log is None:
        click.echo(f"The daemon (process {pid}) was told; its log says what came of it.")
        return os.EX_OK
    event = wait_for(lambda: _reload_event(log, start), _RELOAD_SECONDS)
    if event is None:
        raise CommandError(f"the daemon (process {pid}) did not answer in time; see {log}", os.EX_TEMPFAIL)
    if event["event"] == events.RELOADED:
        click.echo(f"Reloaded {site.file}.")
        return os.EX_OK
    reason = event.get("error") or event.get("problems") or "its log says why"
    raise CommandError(f"the daemon refused the site and goes on with the old one: {reason}", os.EX_CONFIG)


def _require_operator_of_daemon(site_file: Path) -> Site:
    """Return the site; raises CommandError for a user who may not order its daemon about, whatever else is wrong."""
    if site_file.exists() and not os.access(site_file, os.R_OK):
        raise CommandError(f"{site_file} is closed to you: only who may read the site may do this", os.EX_NOPERM)
    site = read_site_file(site_file)
    pid = find_daemon(site)
    if pid is not None:
        require_right_to_signal(pid)
    return site


def _reload_event(log: Path, start: int) -> Event | None:
    """Return what the daemon said of a reload since ``start``."""
    if not log.exists():
        return None  # the changed site names another log: the daemon makes it when it takes the site up
    with log.open("rb") as stream:
        stream.seek(start)
        said = (parse_event(line) for line in stream if b"reload" in line and line.endswith(b"\n"))
        return next((event for event in said if event and event["event"] in _RELOADS), None)


@click.command()
@site_option
def stop(site_file: Path) -> int:
    """Stop the running daemon, losing nothing.

    Running transactions end first; sendmail goes on accepting mail while the daemon is down.
    """
    site = _require_operator_of_daemon(site_file)
    pid = need_daemon(site)
    send_signal(pid, signal.SIGTERM)
    allowed = site.timeouts.drain.total_seconds() + _GRACE_SECONDS
    if not wait_for(lambda: None if is_posthouse(pid) else True, allowed):
        raise CommandError(f"process {pid} still runs after {seconds_in_words(allowed)}", os.EX_TEMPFAIL)
    click.echo("Stopped.")
    return os.EX_OK


@click.command()
@json_option
@site_option
def status(site_file: Path, as_json: bool) -> int:
    """Say whether the daemon runs and what is queued.

    The exit code is 0 when it runs and 69 when it does not.
    """
    site, totals = run(_totals(site_file))
    pid = find_daemon(site)
    since = datetime.fromtimestamp((site.run / PID_FILE).stat().st_mtime, UTC) if pid else None
    if as_json:
        from posthouse.cli.queue.rows import totals_as_json

        print_json({"running": pid is not None, "pid": pid, "since": since, **totals_as_json(totals)})
    else:
        _print_status(site, pid, since, totals)
    return os.EX_OK if pid else os.EX_UNAVAILABLE


async def _totals(site_file: Path) -> tuple[Site, QueueTotals]:
    async with open_queue(site_file) as (site, spool):
        return site, await spool.totals()


def _print_status(site: Site, pid: int | None, since: datetime | None, totals: QueueTotals) -> None:
    from posthouse.cli.formats import plural, short_duration

    if pid and since:
        click.echo(f"Running as process {pid} for {short_duration(now() - since)}, site {site.file}.")
    else:
        click.echo(f"Not running (site {site.file}); sendmail accepts mail all the same.")
    if totals.oldest is None:
        click.echo("Nothing is queued.")
        return
    age = short_duration(now() - totals.oldest)
    click.echo(f"{plural(totals.messages, 'message')} in the queue, oldest {age}.")
    for state, recipients in totals.recipients.items():
        if recipients:
            click.echo(f"{state.value:>10}: {plural(recipients, 'recipient')}")
