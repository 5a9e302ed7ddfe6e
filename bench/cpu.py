"""CPU time per message and memory of a daemon, two checkouts in turns.

    .venv/bin/python bench/cpu.py --source ../before/src --source src

On a machine on which other work runs, CPU time tells more than a rate does, and only turns within
the same minutes compare.  Differences below a tenth need many turns.
"""

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from peers import POSTHOUSE_SITE, free_port

_MODES = ("single", "kept", "relay", "local")


def main() -> None:
    """Measure each mode with each source in turns and print one line for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", action="append", required=True, type=Path, help="a src folder")
    parser.add_argument("--messages", type=int, default=3000)
    parser.add_argument("--octets", type=int, default=4096, help="of each message")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where the spool goes; a journaled disk is fair")
    parser.add_argument("modes", nargs="*", default=_MODES)
    options = parser.parse_args()
    for mode in options.modes:
        found: dict[Path, list[tuple[float, float]]] = {source: [] for source in options.source}
        for _ in range(options.turns):
            for source, measured in found.items():
                with tempfile.TemporaryDirectory(dir=options.folder) as folder:
                    measured.append(_measure(source, mode, Load(options.messages, options.octets), Path(folder)))
        for source, measured in found.items():
            cpu, memory = (median(column) for column in zip(*measured, strict=True))
            print(f"{mode:7}{cpu:6.2f} CPU-s per 1,000{memory:6.0f} MiB  {source}", flush=True)


@dataclass(frozen=True)
class Load:
    """What smtp-source is told."""

    messages: int
    octets: int


def _measure(source: Path, mode: str, sent: Load, folder: Path) -> tuple[float, float]:
    """Return CPU seconds per 1,000 messages of all children, and the memory of all processes in MiB."""
    port, sink = free_port(), free_port()
    (folder / "site.toml").write_text(POSTHOUSE_SITE.format(port=port, sink=sink))
    environment = os.environ | {"PYTHONPATH": str(source.resolve())}
    serve = [sys.executable, "-m", "posthouse", "serve", "--site", str(folder / "site.toml")]
    with ExitStack() as stack:
        if mode == "relay":
            _start(stack, ["/usr/sbin/smtp-sink", "-u", "nobody", f"127.0.0.1:{sink}", "512"], {})
        daemon = _start(stack, serve, environment)
        _wait_for(lambda: _answers(port), 60)
        children = _children_of(daemon.pid)
        before = sum(map(_ticks, children))
        load = ["-s", "20", "-m", str(sent.messages), "-l", str(sent.octets)]
        load += ["-f", "a@src.test", f"inet:127.0.0.1:{port}"]
        load[-1:-1] = ["-t", f"user@{'local' if mode == 'local' else 'dest'}.test", *(["-d"] if mode == "kept" else [])]
        subprocess.run(["/usr/sbin/smtp-source", *load], check=True)
        if mode in ("relay", "local"):
            _wait_for(lambda: (folder / "log").read_bytes().count(b'"finished"') >= sent.messages, 120)
        seconds = (sum(map(_ticks, children)) - before) / os.sysconf("SC_CLK_TCK")
        return seconds * 1000 / sent.messages, sum(map(_pss, [daemon.pid, *children]))


def _start(stack: ExitStack, command: list[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(command, env=environment or None, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    stack.callback(process.wait)
    stack.callback(process.terminate)
    return process


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as client:
            return client.recv(3) == b"220"
    except OSError:
        return False


def _wait_for(done: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            raise TimeoutError("the daemon did not do its work in time")
        time.sleep(0.1)


def _children_of(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def _pss(pid: int) -> float:
    """Return the proportional set size, in MiB."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


if __name__ == "__main__":
    main()
