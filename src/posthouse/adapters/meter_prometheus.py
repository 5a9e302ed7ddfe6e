"""Metrics for Prometheus, counted by several processes in one directory.

The rule: the directory stands in ``$PROMETHEUS_MULTIPROC_DIR`` before this module is imported, because
prometheus_client decides then where its numbers live.  ``use_directory`` does that for the supervisor, before
any child is forked.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prometheus_client import Counter, Gauge, Histogram

_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
_PREFIX = "posthouse_"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
# Delays of mail: from the milliseconds of a good day to the days of expiry.
_BUCKETS = (0.01, 0.05, 0.1, 0.5, 1, 5, 30, 60, 300, 1800, 3600, 4 * 3600, 24 * 3600, 5 * 24 * 3600)


def use_directory(directory: Path) -> None:
    """Make an empty directory the place of this daemon's numbers: counters begin anew with each start."""
    directory.mkdir(parents=True, exist_ok=True)
    for old in directory.glob("*.db"):
        old.unlink()
    os.environ[_VARIABLE] = str(directory)


class PrometheusMeter:
    """Counts, gauges and histograms, each made when it is first used."""

    def __init__(self) -> None:
        # Their own registry, so that nothing of Python's or the process's is mixed in twice.
        from prometheus_client import CollectorRegistry

        self._registry = CollectorRegistry()
        self._counters: dict[str, Counter] = {}
        self._gauges: dict[str, Gauge] = {}
        self._histograms: dict[str, Histogram] = {}

    def count(self, metric: str, amount: float = 1, /, **labels: str) -> None:
        """Add to a counter."""
        counter = self._counters.get(metric)
        if counter is None:
            from prometheus_client import Counter

            counter = Counter(_named(metric), _sentence(metric), sorted(labels), registry=self._registry)
            self._counters[metric] = counter
        (counter.labels(**labels) if labels else counter).inc(amount)

    def gauge(self, metric: str, value: float, /, **labels: str) -> None:
        """Set a gauge; of several processes the last to set it wins."""
        gauge = self._gauges.get(metric)
        if gauge is None:
            from prometheus_client import Gauge

            gauge = Gauge(
                _named(metric),
                _sentence(metric),
                sorted(labels),
                registry=self._registry,
                multiprocess_mode="livemostrecent",
            )
            self._gauges[metric] = gauge
        (gauge.labels(**labels) if labels else gauge).set(value)

    def observe(self, metric: str, value: float, /, **labels: str) -> None:
        """Add to a histogram."""
        histogram = self._histograms.get(metric)
        if histogram is None:
            from prometheus_client import Histogram

            histogram = Histogram(
                _named(metric), _sentence(metric), sorted(labels), registry=self._registry, buckets=_BUCKETS
            )
            self._histograms[metric] = histogram
        (histogram.labels(**labels) if labels else histogram).observe(value)


def _named(metric: str) -> str:
    return metric if metric.startswith(_PREFIX) else _PREFIX + metric


def _sentence(metric: str) -> str:
    return metric.removeprefix(_PREFIX).replace("_", " ").capitalize() + "."


def forget_process(pid: int) -> None:
    """Drop the gauges of a process that is gone; its counts stay."""
    if _VARIABLE in os.environ:
        from prometheus_client import multiprocess

        multiprocess.mark_process_dead(pid)  # type: ignore[no-untyped-call]  # the library has no types there


def expose() -> bytes:
    """Return every process's numbers, added up, in Prometheus's text format."""
    from prometheus_client import CollectorRegistry, generate_latest, multiprocess

    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # nor there
    return generate_latest(registry)
