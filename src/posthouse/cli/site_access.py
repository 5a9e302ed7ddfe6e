"""From a site file to the parts a command works with: thin steps over wiring."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from posthouse.cli.errors import CommandError

if TYPE_CHECKING:
    from posthouse.ports import SpoolQueue
    from posthouse.site.model import Site


def read_site_file(path: Path) -> "Site":
    """Read a site.  Raises SiteError, or CommandError when the file cannot be opened at all."""
    from posthouse.wiring.site_file import load_site

    try:
        return load_site(path)
    except OSError as error:
        raise CommandError(
            f"{path}: {error.strerror or error}; name another site file with --site", os.EX_CONFIG
        ) from error


@asynccontextmanager
async def open_queue(site_file: Path) -> AsyncIterator[tuple["Site", "SpoolQueue"]]:
    """Open the spool's queue for an operator."""
    from posthouse.wiring.spool import open_spool_queue

    site = read_site_file(site_file)
    require_operator(site)
    queue = open_spool_queue(site)
    try:
        yield site, queue
    finally:
        await queue.close()


def require_operator(site: "Site") -> None:
    """Raise CommandError for a user to whom the queue is closed: it shows who writes to whom."""
    spool = site.spool
    if spool.exists() and not os.access(spool, os.R_OK | os.W_OK | os.X_OK):
        who = f"root and {site.user}" if site.user else f"root and the account of the daemon (who owns {spool})"
        raise CommandError(f"the queue is open to {who} only", os.EX_NOPERM)
