"""How long it takes to rewrite an address: rule sets canonify and parse of Debian's own configuration.

    .venv/bin/python bench/rewriting.py [--addresses FILE] [--rounds 20] [--sendmail]

Makes the configuration of tests/data/sendmail by m4 (Debian's packages m4 and sendmail-cf), rewrites a list of
addresses in one process, and prints microseconds of CPU time for each and addresses per second of wall time.
``--sendmail`` fetches Debian's sendmail-bin, unpacks it into a temporary folder (nothing is installed: it conflicts
with Postfix), and feeds ``sendmail -bt`` the same list through one process.  That needs root, for a host name of
its own.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import mean

CHECKOUT = Path(__file__).parent.parent
sys.path.insert(0, str(CHECKOUT / "tests"))

from posthouse.rewriting.drive import drive  # noqa: E402 - after the path is set
from posthouse.rewriting.engine import rewrite  # noqa: E402 - after the path is set
from support.sendmail_corpus import CF_FOLDER, TestMode, make_corpus, octets  # noqa: E402 - after the path is set

PACKAGES = ("sendmail-bin", "libwrap0")
PATIENCE_SECONDS = 300
ADDRESSES = (
    "joe@remote.test",
    "alice",
    "bob@mx1.example.org",
    "Joe.User@Remote.Test",
    "someone@a.b.c.d.example.com",
    "joe+lists",
    "hello@virtual.example",
    "Joe User <joe@remote.test>",
    "host!joe",
)


def main() -> None:
    """Measure, and print a line for each address."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--addresses", type=Path, help="one a line")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--sendmail", action="store_true", help="measure the real program, too")
    options = parser.parse_args()
    m4 = shutil.which("m4")
    if m4 is None or not CF_FOLDER.is_dir():
        sys.exit("Debian's packages m4 and sendmail-cf are missing")
    addresses = options.addresses.read_text().splitlines() if options.addresses else list(ADDRESSES)
    with tempfile.TemporaryDirectory() as folder:
        cf = make_corpus(Path(folder), m4)
        rate = measure_ours(cf, addresses, options.rounds)
        if options.sendmail:
            theirs = measure_sendmail(Path(folder), cf, addresses * options.rounds)
            print(f"sendmail -bt: {theirs:,.0f} addresses per second; ours {rate / theirs:.2f} times as many")


def measure_ours(cf: Path, addresses: list[str], rounds: int) -> float:
    """Print CPU time per address; return addresses per second of wall time."""
    mode = TestMode(cf)
    program = mode.rewriter.program
    environment = mode.rewriter.environment()
    answers = {}

    def answer(question):  # the maps' own time is not ours to measure
        if question not in answers:
            answers[question] = mode.rewriter.maps.ask(question)
        return answers[question]

    def rewrite_once(address: str) -> None:
        tokens = program.syntax.scan(octets(address)).tokens or ()
        for number in (3, 0):
            tokens = drive(rewrite(program, environment, number, tokens), answer).tokens

    for address in addresses:
        rewrite_once(address)
    times: dict[str, list[float]] = {address: [] for address in addresses}
    started = time.perf_counter()
    for _ in range(rounds):
        for address in addresses:
            before = time.process_time_ns()
            rewrite_once(address)
            times[address].append((time.process_time_ns() - before) / 1000)
    elapsed = time.perf_counter() - started
    for address, taken in times.items():
        print(f"{min(taken):8.0f} us at best {mean(taken):8.0f} us on average  {address}")
    rate = rounds * len(addresses) / elapsed
    average = mean(value for taken in times.values() for value in taken)
    print(f"{average:8.0f} us on average of all; {rate:,.0f} addresses per second")
    mode.close()
    return rate


def measure_sendmail(folder: Path, cf: Path, addresses: list[str]) -> float:
    """Return addresses per second of the real program's address test mode."""
    unpacked = folder / "sendmail"
    unpacked.mkdir()
    for package in PACKAGES:
        subprocess.run(["apt-get", "download", package], cwd=unpacked, check=True, capture_output=True)
    for archive in unpacked.glob("*.deb"):
        subprocess.run(["dpkg", "-x", str(archive), str(unpacked)], check=True)
    program = unpacked / "plain"
    shutil.copyfile(unpacked / "usr/libexec/sendmail/sendmail", program)  # without its group, which forgets the path
    program.chmod(0o755)
    environment = {**os.environ, "LD_LIBRARY_PATH": str(next(unpacked.glob("usr/lib/*/libwrap.so.0")).parent)}
    command = ["unshare", "--uts", "sh", "-c", 'hostname mx1.example.org; exec "$0" -bt -C "$1"', str(program), str(cf)]
    seconds = []
    for lines in ([], addresses):
        text = "".join(f"3,0 {address}\n" for address in lines)
        started = time.perf_counter()
        # Where makemap's databases are missing it ends with a status of its own; it does its work all the same.
        done = subprocess.run(
            command, input=text.encode(), capture_output=True, env=environment, check=False, timeout=PATIENCE_SECONDS
        )
        if done.stdout.count(b"returns:") < len(lines):
            sys.exit(f"sendmail -bt did not answer: {done.stdout[-300:]!r} {done.stderr[-300:]!r}")
        seconds.append(time.perf_counter() - started)
    return len(addresses) / max(seconds[1] - seconds[0], 1e-6)


if __name__ == "__main__":
    main()
