"""How long the short commands take, from their start to their exit.

    bench/startup.py [--runs 30] [--source DIR ...] [--site FILE]

Makes a temporary site with a daemon of its own, and one without; runs every command in turns, so that a noisy
neighbour hits all of them alike; prints milliseconds: the shortest, median and longest wall time, and the median of
CPU time, which is steadier on a machine that has other work.
``--source`` names the ``src`` directory of another checkout to run in the same turns: before and after a change.
docs/decisions/0005-start-up.md says what was learned with it.
"""

import argparse
import contextlib
import os
import re
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

CHECKOUT = Path(__file__).parent.parent
PROGRAMS = CHECKOUT / ".venv" / "bin"
PATIENCE_SECONDS = 20
MESSAGE = b"Subject: a small message\n\nIt has two lines.\nThis is the second.\n"

# What stands between main() and the end, once the interpreter and the modules are there.
EXPLAIN_STARTED = """
import contextlib, io, sys, time
import posthouse.cli.explain.address, posthouse.cli.explain.text, posthouse.cli.submission.people
import posthouse.adapters.table_sources, posthouse.submit.intake, posthouse.site.toml.reader
import posthouse.cli.explain.command
from posthouse.cli.main import run
start, cpu = time.perf_counter(), time.process_time()
with contextlib.redirect_stdout(io.StringIO()):
    run(["explain", *sys.argv[1:]])
print((time.perf_counter() - start) * 1000, (time.process_time() - cpu) * 1000)
"""


class Taken(NamedTuple):
    """Milliseconds of one run."""

    wall: float
    cpu: float


class Command(NamedTuple):
    """One line of the table; ``inside`` means that the command prints its milliseconds itself."""

    name: str
    argv: tuple[str, ...]
    text: bytes = b""
    inside: bool = False


def commands(up: Path, down: Path) -> list[Command]:
    """Return what is measured, on the site whose daemon is up and on the one whose daemon is down."""
    python, posthouse = str(PROGRAMS / "python"), str(PROGRAMS / "posthouse")
    sendmail = str(PROGRAMS / "sendmail")
    asked = ("demo@localhost", "--no-dns", "--site", str(up))
    return [
        Command("python -c pass", (python, "-c", "pass")),
        Command("sendmail, daemon up", (sendmail, "-C", str(up), "demo@localhost"), MESSAGE),
        Command("sendmail, daemon down", (sendmail, "-C", str(down), "demo@localhost"), MESSAGE),
        Command("mailq", (str(PROGRAMS / "mailq"), "-C", str(up))),
        Command("posthouse --help", (posthouse, "--help")),
        Command("posthouse queue list", (posthouse, "queue", "list", "--site", str(up))),
        Command("posthouse explain", (posthouse, "explain", *asked)),
        Command("explain, once started", (python, "-c", EXPLAIN_STARTED, *asked), inside=True),
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--source", type=Path, action="append", help="a src directory; may be repeated")
    parser.add_argument("--site", type=Path, default=CHECKOUT / "examples" / "localhost.toml", help="a site to copy")
    options = parser.parse_args()
    sources = [source.absolute() for source in options.source or [CHECKOUT / "src"]]
    for source in sources:  # what is measured is reading compiled modules, not compiling them
        subprocess.run([PROGRAMS / "python", "-m", "compileall", "-q", source], check=True)
    with tempfile.TemporaryDirectory(prefix="startup-") as directory, contextlib.ExitStack() as daemons:
        table = {}
        for number, source in enumerate(sources):  # an older checkout does not read a newer one's spool
            up = copy_site(options.site, Path(directory, f"up{number}"))
            down = copy_site(options.site, Path(directory, f"down{number}"))
            daemons.enter_context(running_daemon(up, source))
            table[source] = commands(up, down)
        print_table(measure(table, options.runs))


def copy_site(example: Path, home: Path) -> Path:
    """Give the site a home of its own, and whatever ports are free."""
    home.mkdir()
    path = home / "site.toml"
    path.write_text(re.sub(r"127\.0\.0\.1:[0-9]+", "127.0.0.1:0", example.read_text()))
    return path


def environment(source: Path) -> dict[str, str]:
    """Return the environment of a command: ours without what changes the interpreter's ways."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "POSTHOUSE"))}
    return {**plain, "PYTHONPATH": str(source)}


@contextlib.contextmanager
def running_daemon(site_file: Path, source: Path) -> Iterator[None]:
    """Run a checkout's daemon until the end of the block."""
    with (site_file.parent / "output").open("wb") as output:
        process = subprocess.Popen(
            [PROGRAMS / "posthouse", "serve", "--site", site_file],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=environment(source),
        )
    try:
        wait_for_socket(site_file.parent)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def wait_for_socket(home: Path) -> None:
    """Wait until the daemon takes mail from this machine's programs."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not any(home.rglob("submit.sock")):
        if time.monotonic() > deadline:
            raise SystemExit(f"the daemon did not start: {(home / 'output').read_text()}")
        time.sleep(0.02)
    time.sleep(1)  # its children are forked after the socket is bound; let them settle


def measure(table: dict[Path, list[Command]], runs: int) -> dict[str, list[Taken]]:
    """Run every command in turns."""
    taken: dict[str, list[Taken]] = {}
    for turn in range(runs + 1):
        for same in zip(*table.values(), strict=True):
            for source, command in zip(table, same, strict=True):
                name = command.name if len(table) == 1 else f"{command.name} ({source})"
                milliseconds = run(command, environment(source))
                if turn:  # the first turn fills the caches
                    taken.setdefault(name, []).append(milliseconds)
    return taken


def run(command: Command, variables: dict[str, str]) -> Taken:
    """Run one command."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command.argv, input=command.text, capture_output=True, env=variables, check=False)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(f"{command.name} ended with {done.returncode}: {done.stderr.decode()}")
    if command.inside:
        inside, cpu = done.stdout.split()
        return Taken(float(inside), float(cpu))
    return Taken(wall * 1000, (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000)


def print_table(taken: dict[str, list[Taken]]) -> None:
    """Print a line for each command."""
    width = max(map(len, taken))
    print(f"{'milliseconds':{width}}    min median    max    CPU")
    for name, runs in taken.items():
        wall = [one.wall for one in runs]
        cpu = statistics.median(one.cpu for one in runs)
        print(f"{name:{width}} {min(wall):6.1f} {statistics.median(wall):6.1f} {max(wall):6.1f} {cpu:6.1f}")


if __name__ == "__main__":
    main()
