"""How much memory a process has and had at its highest, as Linux counts it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

KIB = 1024
MIB = 1024 * 1024


def _status(pid: int, field_name: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{field_name}:"):
            return int(line.split()[1]) * KIB
    raise AssertionError(f"process {pid} has no {field_name}: it has ended")


def resident_octets(pid: int) -> int:
    """What it has now."""
    return _status(pid, "VmRSS")


def highest_octets(pid: int) -> int:
    """The most that it had since ``forget_highest``."""
    return _status(pid, "VmHWM")


def forget_highest(pid: int) -> None:
    """Let the highest begin again at what it has now."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


@dataclass
class Growth:
    """By how much each process had grown at its highest; complete after the ``with``."""

    octets: dict[int, int] = field(default_factory=dict)


@contextmanager
def growth_of(pids: list[int]) -> Iterator[Growth]:
    """Measure these processes from ``with`` to its end."""
    growth = Growth()
    for pid in pids:
        forget_highest(pid)
    before = {pid: resident_octets(pid) for pid in pids}
    yield growth
    growth.octets = {pid: highest_octets(pid) - before[pid] for pid in pids}
