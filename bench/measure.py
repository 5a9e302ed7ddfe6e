"""What a server costs while it works: CPU seconds and peak memory of a group of processes, and flushes of the disk.

The group is a control group, so that the CPU time of processes that have ended
counts too.  Memory is PSS: shared pages are divided among those who share them.
"""

import os
import signal
import threading
import time
from dataclasses import dataclass
from pathlib import Path

V1 = Path("/sys/fs/cgroup/cpuacct")
V2 = Path("/sys/fs/cgroup")
SAMPLE_SECONDS = 0.5  # reading the memory of a hundred processes takes some milliseconds itself
END_SECONDS = 60  # until the last process of a group that was killed is gone
TICKS = os.sysconf("SC_CLK_TCK")


class Group:
    """A control group of this benchmark.  ``inside`` starts a command in it."""

    def __init__(self, name: str) -> None:
        root = V1 if V1.is_dir() else V2
        if not os.access(root / "cgroup.procs", os.W_OK):
            raise SystemExit("bench needs root and control groups (version 1 with cpuacct, or 2) to count CPU time")
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

    def end(self, patience_seconds: float) -> None:
        """Wait until its processes have ended; kill those that have not by then."""
        if not self._is_empty_within(patience_seconds):
            for pid in self.pids():
                os.kill(pid, signal.SIGKILL)
            self._is_empty_within(END_SECONDS)

    def remove(self) -> None:
        """Remove the group; what is still in it is killed."""
        self.end(0)
        deadline = time.monotonic() + END_SECONDS
        while True:
            try:
                return self._path.rmdir()
            except OSError:  # a process that has ended keeps the group busy for a moment
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def _is_empty_within(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self.pids():
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.05)
        return True


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
    """What a measured stretch took.  ``others_share`` is of the machine's CPU: neither server nor load."""

    seconds: float
    cpu_seconds: float
    load_cpu_seconds: float
    others_share: float
    peak_pss_octets: int
    flushes: int


class Meter:
    """Measures from ``with`` to its end; ``cost`` afterwards.  ``folder`` lies on the disk whose flushes count."""

    def __init__(self, server: Group, load: Group, folder: Path) -> None:
        self._server = server
        self._load = load
        self._folder = folder
        self._stop = threading.Event()
        self._peak = 0
        self.cost = Cost(0, 0, 0, 0, 0, 0)

    def __enter__(self) -> "Meter":
        self._sampler = threading.Thread(target=self._sample, daemon=True)
        self._sampler.start()
        self._before = self._counters()
        return self

    def __exit__(self, *_: object) -> None:
        seconds, server, load, busy, flushes = (
            after - before for after, before in zip(self._counters(), self._before, strict=True)
        )
        self._stop.set()
        self._sampler.join()
        others = max(0.0, busy - server - load) / (seconds * (os.cpu_count() or 1))
        self.cost = Cost(seconds, server, load, others, self._peak, int(flushes))

    def _counters(self) -> tuple[float, ...]:
        return (
            time.monotonic(),
            self._server.cpu_seconds(),
            self._load.cpu_seconds(),
            _busy_seconds(),
            _flushes(self._folder),
        )

    def _sample(self) -> None:
        while True:
            self._peak = max(self._peak, self._server.pss_octets())
            if self._stop.wait(SAMPLE_SECONDS):
                return


def _busy_seconds() -> float:
    """CPU seconds that the machine has worked since it started; proc(5)."""
    user, nice, system, _idle, _waiting, *rest = map(int, Path("/proc/stat").read_text().split()[1:9])
    return (user + nice + system + sum(rest)) / TICKS


def _flushes(folder: Path) -> int:
    """Flush requests of the disk so far; 0 where its file system has no disk."""
    statistics = _block_device(folder) / "stat"
    fields = statistics.read_text().split() if statistics.exists() else []
    return int(fields[15]) if len(fields) > 15 else 0


def _block_device(folder: Path) -> Path:
    device = folder.stat().st_dev
    return Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}")


def file_system(folder: Path) -> str:
    """Say what the folder lies on: its type, and whether an ext file system has a journal."""
    device = folder.stat().st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    rows = [line.split() for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    kinds = {row[2]: row[row.index("-") + 1] for row in rows}
    kind = kinds.get(number, "an unknown file system")
    if not kind.startswith("ext"):
        return kind
    disk = _block_device(folder).resolve().name
    journaled = any(Path("/proc/fs/jbd2").glob(f"{disk}-*"))
    return f"{kind} with a journal" if journaled else f"{kind} without a journal"
