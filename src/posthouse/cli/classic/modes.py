"""What ``sendmail`` does besides handing in: ``-bd``, ``-bD`` and ``-q``."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from posthouse.cli.classic.command_line import Options, QueueRun
from posthouse.cli.daemon_process import find_daemon, wait_for
from posthouse.cli.errors import CommandError
from posthouse.cli.site_access import open_queue, read_site_file
from posthouse.cli.site_choice import has_rule_sets
from posthouse.mail.queued import QueueFilter, Verb
from posthouse.site.model import Site
from posthouse.wiring.site_file import SUBMIT_SOCKET

if TYPE_CHECKING:
    from posthouse.ports import SpoolQueue

_START_SECONDS = 100.0  # its processes have 90 s to get ready


def serve_command(site_file: Path) -> list[str]:
    """Return the command that runs the daemon in the foreground."""
    return [sys.executable, "-m", "posthouse", "serve", "--site", str(site_file)]


def become_daemon(site_file: Path) -> int:
    """-bD: turn into the daemon, in the foreground."""
    read_site_file(site_file)
    command = serve_command(site_file)
    os.execv(command[0], command)  # noqa: S606 - our own interpreter


def start_daemon(site_file: Path) -> int:
    """-bd: start the daemon in the background, and return when it takes mail."""
    site = read_site_file(site_file)
    if find_daemon(site) is not None:
        raise CommandError("the daemon already runs", os.EX_TEMPFAIL)
    pid = _detached(serve_command(site_file))

    def fate() -> bool | None:
        """True when it takes mail and can be told to stop, False when it died."""
        if not Path(f"/proc/{pid}").exists():
            return False
        return True if find_daemon(site) is not None and _takes_mail(site) else None

    taken = wait_for(fate, _START_SECONDS)
    if taken is None:
        raise CommandError("the daemon did not take mail in time", os.EX_TEMPFAIL)
    if not taken:
        where = f"see {site.log.path}" if site.log.path else "`posthouse serve` says why"
        raise CommandError(f"the daemon did not start; {where}", os.EX_UNAVAILABLE)
    return os.EX_OK


def _takes_mail(site: Site) -> bool:
    from posthouse.cli.submission.submit_socket import DaemonDownError, connect

    try:
        connect(site.run / SUBMIT_SOCKET).close()
    except DaemonDownError:
        return False
    return True


def _detached(command: list[str]) -> int:
    """Start a process that has no terminal and is not our child; return its id."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        # Forked once for a session without a terminal; Popen forks again, and we leave, so that init adopts it.
        os.setsid()
        null = subprocess.DEVNULL
        grandchild = subprocess.Popen(command, stdin=null, stdout=null, stderr=null, cwd="/")
        os.write(write_end, str(grandchild.pid).encode())
        os._exit(0)
    os.close(write_end)
    os.waitpid(child, 0)
    with os.fdopen(read_end) as answer:
        pid = answer.read()
    if not pid:
        raise CommandError("the daemon could not be started", os.EX_OSERR)
    return int(pid)


def run_queue(site_file: Path, run: QueueRun, options: Options) -> int:
    """-q: try queued mail now; at a site with a sendmail.cf and no daemon in this very process."""
    from posthouse.cli.queue.act import Order, carry_out

    if has_rule_sets(site_file) and find_daemon(read_site_file(site_file)) is None:
        from posthouse.cli.classic.cf_queue import run_cf_queue

        users = Path(options.users) if options.users else None
        return run_cf_queue(site_file, run, settings=options.settings, users=users, verbose=options.verbose)
    if run.is_negated and not has_rule_sets(site_file):
        raise CommandError("-q with ! is not available here: use `posthouse queue retry`", os.EX_USAGE)

    async def retry() -> None:
        async with open_queue(site_file) as (site, spool):
            query = await _meant_by_rules(spool, run) if site.cf is not None else _meant(run)
            if query is not None:
                await carry_out(site, spool, Order(Verb.RETRY, query), quiet=True)

    asyncio.run(retry())
    return os.EX_OK


async def _meant_by_rules(spool: "SpoolQueue", run: QueueRun) -> QueueFilter | None:
    from posthouse.cli.classic.cf_selection import selected_messages

    names = await selected_messages(spool, run)
    return QueueFilter(queue_ids=names) if names else None


def _meant(run: QueueRun) -> QueueFilter:
    pattern = f"*{_literally(run.text)}*"
    return {
        "I": QueueFilter(queue_ids=(run.text,)),
        "R": QueueFilter(recipient=pattern),
        "S": QueueFilter(sender=pattern),
    }.get(run.selector, QueueFilter())


def _literally(text: str) -> str:
    """Take a text's wildcards for themselves."""
    return "".join(f"[{character}]" if character in "*?[" else character for character in text)
