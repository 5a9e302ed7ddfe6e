"""The benches still run: a measurement that broke when code moved tells nobody anything."""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from support.peers import program
from support.waiting import LONG

BENCH = Path(__file__).parents[2] / "bench"
SCRIPTS = sorted(path.name for path in BENCH.glob("*.py") if '__name__ == "__main__"' in path.read_text())


def run(script: str, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(BENCH / script), *options]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            out, errors = process.communicate(timeout=5 * LONG)
        finally:
            process.terminate()  # and not kill: it ends what it has started
    return subprocess.CompletedProcess(command, process.returncode, out, errors)


@pytest.mark.parametrize("script", SCRIPTS)
def test_each_bench_says_how_it_is_used(script):
    done = run(script, "--help")

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("usage:")


def needs_control_groups() -> None:
    groups = (Path("/sys/fs/cgroup/cpuacct/cgroup.procs"), Path("/sys/fs/cgroup/cgroup.procs"))
    if os.geteuid() != 0 or not any(os.access(path, os.W_OK) for path in groups):
        pytest.skip("only root with control groups can count the CPU time of processes that have ended")


@pytest.fixture
def folder():
    """A directory whose path is short: the path of a socket below it has room for 107 octets."""
    with tempfile.TemporaryDirectory(prefix="bench-") as path:
        yield Path(path)


def test_every_scenario_of_make_bench_measures_posthouse(folder):
    needs_control_groups()
    program("smtp-source", "postfix")

    done = run(
        "run.py",
        "--folder",
        str(folder),
        "--peer",
        "posthouse",
        "--rounds",
        "1",
        "--messages",
        "20",
        "--backlog",
        "20",
    )

    assert done.returncode == 0, done.stdout + done.stderr
    rows = [line.split(" | ") for line in done.stdout.splitlines() if line.startswith("| ")]
    measured = {row[0]: row[1] for row in rows if re.fullmatch(r"[0-9.,]+", row[1])}
    assert len(measured) == 7 + 12  # scenarios, and figures of the backlog
    assert not list(folder.iterdir())  # it has cleared up


def test_the_bench_of_single_messages_beside_a_big_one_measures_both_ways_out(folder):
    needs_control_groups()
    program("smtp-source", "postfix")

    done = run("bulk.py", "--folder", str(folder), "--recipients", "3000", "--singles", "5")

    assert done.returncode == 0, done.stdout + done.stderr
    assert re.findall(r"(?m)^(\w+): 5 messages alone", done.stdout) == ["relay", "local"]
    assert not list(folder.iterdir())


def test_the_bench_of_many_hosts_measures_them_without_and_beside_bad_ones(folder):
    needs_control_groups()
    program("smtp-sink", "postfix")

    done = run("hosts.py", "--folder", str(folder), "--hosts", "10", "--messages", "50", "--bad", "3")

    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"of the rate without$", done.stdout.strip())
    assert not list(folder.iterdir())
