"""The spool, as each kind of process opens it."""

from __future__ import annotations  # so that the ports are imported by the type checker alone

from typing import TYPE_CHECKING

from posthouse.wiring.machine import system_clock

if TYPE_CHECKING:
    from posthouse.adapters.spool_sqlite.direct import DirectSpool
    from posthouse.adapters.spool_sqlite.spool import SqliteSpool
    from posthouse.ports import Clock
    from posthouse.site.model import Site


def reserve_spool(site: Site) -> None:
    """Make room for the spool's log before anybody opens it.  Raises SpoolError."""
    from posthouse.adapters.spool_sqlite.journal import reserve_journal

    reserve_journal(site.spool, site.limits.spool_free_octets)


def open_spool(site: Site, clock: Clock) -> SqliteSpool:
    """Return both faces of the spool for a long-running process: after any fork, inside its event loop."""
    from posthouse.adapters.spool_sqlite.spool import SqliteSpool

    return SqliteSpool(site.spool, min_free_octets=site.limits.spool_free_octets, now=clock.now)


def open_spool_queue(site: Site) -> DirectSpool:
    """Return the queue for operators' commands: no threads, no event loop."""
    from posthouse.adapters.spool_sqlite.direct import DirectSpool

    return DirectSpool(site.spool, min_free_octets=site.limits.spool_free_octets, now=system_clock().now)
