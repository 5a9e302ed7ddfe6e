"""Posthouse beside Debian's Postfix: the same load, disk and machine, turn by turn.

    bench/run.py [--folder DIR] [--rounds 3] [--scenario NAME ...] [--peer NAME ...] [--write]

Turns alternate, so that a noisy neighbour hits both alike.  Prints a table of medians with the ratio;
``--write`` puts it into docs/benchmarks.md.  A turn that fails or takes too long is said, left out and counted; what
was started is ended by its process id and the directories are removed.  Needs root and Debian's postfix.
DIR should lie on a journaled file system on a real disk: one without a journal punishes queues of one file per message.
"""

import argparse
import os
import platform
import signal
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from measure import file_system
from peers import PEERS
from scenarios import (
    SCENARIOS,
    Scenario,
    TurnFailedError,
    measure,
    measure_backlog,
    measure_straight,
    of_at_most,
)
from tables import Results, backlog_line, backlog_table, cost_table, ends_line, turn_line

DOCUMENT = Path(__file__).parent.parent / "docs" / "benchmarks.md"
BEGIN, END = "<!-- table -->", "<!-- end -->"
BACKLOG = "backlog"


def options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="on the disk to measure (default: where temporary files are)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--messages", type=int, default=4000, help="at most so many in each scenario but the backlog")
    parser.add_argument("--backlog", type=int, default=50_000, metavar="MESSAGES", help="at least 10")
    parser.add_argument(
        "--scenario", action="append", choices=[*SCENARIOS, BACKLOG], help="may be repeated; default: all"
    )
    parser.add_argument("--peer", action="append", choices=PEERS, help="may be repeated; default: all")
    parser.add_argument("--write", action="store_true", help="write the tables to docs/benchmarks.md")
    return parser.parse_args(arguments)


class Run:
    """All rounds of what was chosen."""

    def __init__(self, chosen: argparse.Namespace, folder: Path) -> None:
        names = chosen.scenario or [*SCENARIOS, BACKLOG]
        self._scenarios = {name: of_at_most(SCENARIOS[name], chosen.messages) for name in names if name != BACKLOG}
        self._backlog = chosen.backlog if BACKLOG in names else 0
        self._peers = chosen.peer or list(PEERS)
        self._rounds = chosen.rounds
        self._folder = folder
        self._results = Results()
        self.failed = 0

    def all_rounds(self) -> None:
        """Measure everything, peers in turns."""
        for number in range(1, self._rounds + 1):
            for name, scenario in self._scenarios.items():
                self._straight(number, name, scenario)
                for peer in self._peers:
                    self._turn(number, name, scenario, peer)
            for peer in self._peers if self._backlog else ():
                self._backlog_turn(number, peer)

    def report(self) -> str:
        """What was measured, as Markdown."""
        parts = [self._conditions()]
        if self._scenarios:
            parts += [
                cost_table(self._results, self._scenarios, self._peers),
                ends_line(self._results, self._scenarios),
            ]
        if self._backlog:
            parts.append(backlog_table(self._results, self._backlog, self._peers))
        return "\n\n".join(parts)

    def _straight(self, number: int, name: str, scenario: Scenario) -> None:
        try:
            cost = measure_straight(scenario.load, self._folder)
        except (TurnFailedError, TimeoutError, subprocess.SubprocessError) as error:
            return self._fail(number, name, "straight", error)
        self._results.straight.setdefault(name, []).append(cost)
        return _say(number, name, "straight", turn_line(cost, scenario.load.messages))

    def _turn(self, number: int, name: str, scenario: Scenario, peer: str) -> None:
        try:
            cost = measure(peer, scenario, self._folder)
        except TurnFailedError as error:
            return self._fail(number, name, peer, error)
        self._results.costs.setdefault((name, peer), []).append(cost)
        self._results.others_shares.append(cost.others_share)
        return _say(number, name, peer, turn_line(cost, scenario.load.messages))

    def _backlog_turn(self, number: int, peer: str) -> None:
        try:
            backlog = measure_backlog(peer, self._backlog, self._folder)
        except TurnFailedError as error:
            return self._fail(number, BACKLOG, peer, error)
        self._results.backlogs.setdefault(peer, []).append(backlog)
        return _say(number, BACKLOG, peer, backlog_line(backlog))

    def _fail(self, number: int, name: str, peer: str, error: Exception) -> None:
        self.failed += 1
        _say(number, name, peer, f"FAILED: {error}")

    def _conditions(self) -> str:
        processors = f"{os.cpu_count()} cores, Linux {platform.release()}, Python {platform.python_version()}"
        versions = f"Postfix {_postfix_version()}, " if "postfix" in self._peers else ""
        shares = self._results.others_shares
        others = f" Other work took up to {max(shares):.0%} of the machine's CPU." if shares else ""
        failed = f" {self.failed} turns failed and were left out." if self.failed else ""
        return (
            f"{datetime.now(UTC):%Y-%m-%d}, {processors}, {versions}{file_system(self._folder)};"
            f" medians of {self._rounds}, 4 KiB messages unless said.{others}{failed}"
        )


def _say(number: int, name: str, peer: str, text: str) -> None:
    print(f"round {number} {name} {peer}: {text}", flush=True)


def _postfix_version() -> str:
    done = subprocess.run(["/usr/sbin/postconf", "-dh", "mail_version"], capture_output=True, text=True, check=False)
    return done.stdout.strip() or "of unknown version"


def write(report: str) -> None:
    """Put the report between the marks in docs/benchmarks.md."""
    before, _, rest = DOCUMENT.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    DOCUMENT.write_text(f"{before}{BEGIN}\n{report}\n{END}{after}")


def main() -> None:
    chosen = options(sys.argv[1:])
    # Ended from outside, it still stops the servers it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if chosen.folder is not None:
        chosen.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=chosen.folder) as folder:
        Path(folder).chmod(0o755)  # Postfix's own account reads its directories
        run = Run(chosen, Path(folder).resolve())
        run.all_rounds()
        report = run.report()
    print(f"\n{report}")
    if chosen.write:
        write(report)
    raise SystemExit(1 if run.failed else 0)


if __name__ == "__main__":
    main()
