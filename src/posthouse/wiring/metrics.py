"""Who counts, and who is told the counts."""

from __future__ import annotations  # so that the ports are imported by the type checker alone

import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import asyncio
    import socket
    from pathlib import Path

    from posthouse.ports import Meter
    from posthouse.site.model import Site

_DIRECTORY: Final = "metrics"
_VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"


def no_meter() -> Meter:
    """Return the meter of short commands, and of sites without metrics."""
    from posthouse.adapters.meter_none import NoMeter

    return NoMeter()


def prepare_metrics(site: Site) -> Path | None:
    """Make the place where the daemon's processes count, once and before any is forked; return it when it is new."""
    if not site.metrics or _VARIABLE in os.environ:
        return None
    from posthouse.adapters.meter_prometheus import use_directory

    directory = site.run / _DIRECTORY
    use_directory(directory)
    return directory


def daemon_meter(site: Site) -> Meter:
    """Return the meter of a long-running process."""
    if not site.metrics:
        return no_meter()
    from posthouse.adapters.meter_prometheus import PrometheusMeter

    return PrometheusMeter()


def forget_process(pid: int) -> None:
    """Tell the metrics that a process is gone."""
    if _VARIABLE in os.environ:
        from posthouse.adapters.meter_prometheus import forget_process as forget

        forget(pid)


async def serve_metrics(bound: socket.socket) -> asyncio.Server:
    """Answer whoever collects the metrics."""
    from posthouse.adapters.meter_prometheus_http import serve_metrics as serve

    return await serve(bound)
