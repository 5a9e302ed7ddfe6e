"""What a server costs while it works: CPU seconds and peak memory of a group of processes.

The group is a control group, so that the CPU time of processes that have ended
counts too.  Memory is PSS: shared pages are divided among those who share them.
"""

import contextlib
import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path

V1 = Path("/sys/fs/cgroup/cpuacct")
V2 = Path("/sys/fs/cgroup")
SAMPLE_SECONDS = 0.25


class Group:
    """A control group of this benchmark.  ``inside`` starts a command in it."""

    def __init__(self, name: str) -> None:
        root = V1 if V1.is_dir() else V2
        if not (root / "cgroup.procs").exists():
            raise SystemExit("bench needs control groups (version 1 with cpuacct, or 2) to count CPU time")
        self._path = root / f"posthouse-bench-{os.getpid()}-{name}"
        self._path.mkdir()

    def inside(self, *argv: str) -> list[str]:
        """Return the command that enters the group and then becomes this one."""
        return ["sh", "-c", 'echo $$ >"$0" && exec "$@"', str(self._path / "cgroup.procs"), *argv]

    def pids(self) -> list[int]:
        return [int(pid) for pid in (self._path / "cgroup.procs").read_text().split()]

    def cpu_seconds(self) -> float:
        usage = self._path / "cpuacct.usage"
        if usage.exists():
            return int(usage.read_text()) / 1e9
        stat = dict(line.split() for line in (self._path / "cpu.stat").read_text().splitlines())
        return int(stat["usage_usec"]) / 1e6

    def pss_octets(self) -> int:
        return sum(_pss(pid) for pid in self.pids())

    def remove(self) -> None:
        # A process that is still ending keeps the group busy for a moment; it goes with the session then.
        with contextlib.suppress(OSError):
            self._path.rmdir()


def _pss(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        return 0  # ended between the listing and the reading
    return 0


@dataclass(frozen=True)
class Cost:
    """What a measured stretch took."""

    seconds: float
    cpu_seconds: float
    peak_pss_octets: int


class Meter:
    """Measures from ``with`` to its end; ``cost`` afterwards."""

    def __init__(self, group: Group) -> None:
        self._group = group
        self._stop = threading.Event()
        self._peak = 0
        self.cost = Cost(0, 0, 0)

    def __enter__(self) -> "Meter":
        self._sampler = threading.Thread(target=self._sample, daemon=True)
        self._sampler.start()
        self._cpu = self._group.cpu_seconds()
        self._start = time.monotonic()
        return self

    def __exit__(self, *_: object) -> None:
        seconds = time.monotonic() - self._start
        cpu = self._group.cpu_seconds() - self._cpu
        self._stop.set()
        self._sampler.join()
        self.cost = Cost(seconds, cpu, self._peak)

    def _sample(self) -> None:
        while True:
            self._peak = max(self._peak, self._group.pss_octets())
            if self._stop.wait(SAMPLE_SECONDS):
                return
