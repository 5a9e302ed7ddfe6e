"""What every process takes from its machine: the clock, DNS, tables, the log, hints to deliver."""

from __future__ import annotations  # so that the ports are imported by the type checker alone

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from posthouse.adapters.event_log_file import FileEventLog
    from posthouse.adapters.wakeup_unix import WakeupSender
    from posthouse.ports import Clock, Resolver, Table
    from posthouse.site.model import Site

_WAKEUP_SOCKET: Final = "wakeup.sock"


def system_clock() -> Clock:
    """Return the machine's clock."""
    from posthouse.adapters.clock_system import SystemClock

    return SystemClock()


def build_tables(site: Site, clock: Clock) -> dict[str, Table]:
    """Open every table of the site, and ``login-names``."""
    from posthouse.adapters.table_sources import open_tables

    return open_tables(site, clock)


def build_resolver(site: Site, clock: Clock) -> Resolver:
    """Return DNS as mail needs it."""
    from posthouse.adapters.resolver_late import LateResolver

    def make() -> Resolver:
        from posthouse.adapters.resolver_dns import DnsResolver

        return DnsResolver(site.nameservers, clock, timeout=site.timeouts.dns)

    return LateResolver(make)


def light_event_log(site: Site, clock: Clock, role: str) -> FileEventLog:
    """Return the log of a short command: it appends to the site's log file.

    A site that logs to standard error means the daemon's, not that of whoever runs sendmail: then it says nothing.
    """
    from msgspec.structs import replace

    from posthouse.adapters.event_log_file import FileEventLog

    declaration = site.log if site.log.path is not None else replace(site.log, path=Path(os.devnull))
    return FileEventLog(declaration, clock, role)


def daemon_event_log(site: Site, clock: Clock, role: str) -> FileEventLog:
    """Return the log of a long-running process."""
    from posthouse.adapters.event_log_file import FileEventLog

    return FileEventLog(site.log, clock, role)


def wakeup_path(site: Site) -> Path:
    """Return where deliver listens for hints."""
    return site.run / _WAKEUP_SOCKET


def wakeup_sender(site: Site) -> WakeupSender:
    """Return the way to tell deliver that there is work."""
    from posthouse.adapters.wakeup_unix import WakeupSender

    return WakeupSender(wakeup_path(site))
