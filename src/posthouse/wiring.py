"""The only composition root: from a Site to parts that work together.

The rule: nothing else in the program names both a port's user and its adapter.  Every import
of an adapter stands inside the function that needs it, because the sendmail command
comes through here too and has to start fast: it uses ``load_site``, ``open_direct_spool``,
``build_intake`` and ``light_event_log``, and none of asyncio, structlog, prometheus_client, dnspython or uvloop.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from posthouse.ports import Clock, EventLog, Meter, Table
from posthouse.site.model import Site

if TYPE_CHECKING:
    from posthouse.adapters.event_log_file import FileEventLog
    from posthouse.adapters.event_log_structlog import StructlogEventLog


def load_site(path: Path) -> Site:
    """Read a site file, whatever its language.  Raises SiteError with every problem in it."""
    from posthouse.site.toml import read_site

    return read_site(path)


def system_clock() -> Clock:
    """Return the machine's clock."""
    from posthouse.adapters.clock_system import SystemClock

    return SystemClock()


def build_tables(site: Site, clock: Clock) -> dict[str, Table]:
    """Open every table of the site, and ``login-names``."""
    from posthouse.adapters.table_sources import open_tables

    return open_tables(site, clock)


def light_event_log(site: Site, clock: Clock, role: str) -> "FileEventLog":
    """Return the log of a short command: it appends to the site's log file."""
    from posthouse.adapters.event_log_file import FileEventLog

    return FileEventLog(site.log, clock, role)


def daemon_event_log(site: Site, clock: Clock, role: str) -> "StructlogEventLog":
    """Return the log of a long-running process."""
    from posthouse.adapters.event_log_structlog import StructlogEventLog

    return StructlogEventLog(site.log, clock, role)


def no_meter() -> Meter:
    """Return the meter of short commands."""
    from posthouse.adapters.meter_none import NoMeter

    return NoMeter()


# To come, when the parts they join are there:
#   open_spool(site)         -> the spool of a long-running process (both faces)
#   open_direct_spool(site)  -> the intake face for short commands, without threads or asyncio
#   open_spool_queue(site)   -> the queue face for operators' commands
#   build_intake(site, *, spool, tables, clock, log, wakeup) -> submit.intake.Intake
#   build_resolver(site), build_deliverer(site, ...), build_smtpd(site, ...)
_ = EventLog
