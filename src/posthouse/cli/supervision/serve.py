"""Run the daemon in the foreground: what ``posthouse serve`` does.

Exit codes: 0 stopped, 67 no such account, 69 a process could not start, 71 an address is
in use, 75 another daemon runs on this spool, 78 the site file is wrong.
"""

import sys
from pathlib import Path


def serve(site_file: Path) -> int:
    """Serve a site until told to stop, and return the exit code.  Raises SiteError and CommandError."""
    from posthouse.cli.supervision.supervisor import Supervisor

    return Supervisor(site_file, notice).run()


def notice(text: str) -> None:
    """Tell a person at a terminal; a service manager reads the event log instead."""
    if sys.stderr.isatty():
        print(text, file=sys.stderr, flush=True)
