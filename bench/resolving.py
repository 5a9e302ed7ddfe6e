"""How long it takes to resolve an address by an mmdftailor whose tables have a million entries each.

    .venv/bin/python bench/resolving.py [--entries 1000000] [--addresses 100000] [--channels 200]

Builds the database with dbmbuild's own code in a temporary folder, resolves different addresses in one process
(hosts of the large tables, local users, aliases, and hosts that nobody knows), and prints microseconds of CPU time
for each kind, and how much the memory grew.  The same addresses are then read through ``posthouse resolve
--batch``, to show what reading and writing JSON adds.
"""

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from posthouse.adapters.clock_system import SystemClock
from posthouse.adapters.mmdf_database_changes import build_database
from posthouse.adapters.table_mmdf import open_mmdf_tables, users_table
from posthouse.routing.mmdf.authorization import Submitter
from posthouse.routing.mmdf.compiled import MmdfRouting, compile_mmdf
from posthouse.routing.mmdf.resolve import AddressCheck
from posthouse.site.tailor.reader import parse_tailor
from posthouse.submit.mmdf import answer_steps

STRIDE = 7919  # prime: neighbours on a page are not asked one after the other
TAILOR = """\
MLNAME "grove"
MLDOMAIN "wood.example"
MTBLDIR "{folder}"
MTBL aliases, file="aliases", flags=dbm
ALIAS table=aliases
MTBL edu, file="edu", flags=dbm, flags=partial
MTBL root, file="root", flags=dbm, flags=route
MDMN edu, dmn="edu", table=edu
MDMN root, name="", dmn="", table=root
MTBL ch-local, file="local", flags=dbm
MTBL ch-smtp, file="smtp", flags=dbm
MCHN local, tbl=ch-local, pgm=local
MCHN smtp, tbl=ch-smtp, pgm=smtp, ap=822
"""


def main() -> None:
    """Measure, and print a line for each kind of address."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=1_000_000, help="in each of four tables")
    parser.add_argument("--addresses", type=int, default=100_000, help="of each kind")
    parser.add_argument("--channels", type=int, default=200, help="and as many domains, in the file that is loaded")
    options = parser.parse_args()
    print(f"{loading_seconds(options.channels) * 1000:8.1f} ms  to load {options.channels} channels and domains")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        started = time.perf_counter()
        make_site(folder, options.entries)
        print(f"{time.perf_counter() - started:8.1f} s   to build four tables of {options.entries:,} entries")
        measure(folder, options.entries, options.addresses)
        measure_batch(folder, options.entries, options.addresses)


def loading_seconds(channels: int) -> float:
    """Return the best of a few times that a tailor file took to load."""
    text = "".join(
        f'MTBL d{n}, file="d{n}", flags=dbm\nMDMN dm{n}, dmn="dom{n}.example", table=d{n}\n'
        f'MTBL c{n}, file="c{n}", flags=dbm\nMCHN ch{n}, tbl=c{n}, pgm=smtp, mod=imm, ap=822, host="h{n}.example"\n'
        for n in range(channels)
    )

    def seconds() -> float:
        begin = time.perf_counter()
        parse_tailor(text, Path("/site/mmdftailor"))
        return time.perf_counter() - begin

    return min(seconds() for _ in range(7))


def make_site(folder: Path, entries: int) -> None:
    """Write a site whose tables are large, and its database."""
    texts: dict[str, Callable[[int], str]] = {
        "aliases": lambda n: f"alias{n}: user{n}@host{n}.edu\n",
        "edu": lambda n: f"host{n}: host{n}.edu\n",
        "root": lambda n: f"far{n}.example: far{n}.example, host{n}.edu\n",
        "smtp": lambda n: f"host{n}.edu: 192.0.2.{n % 250}\n",
    }
    for name, line in texts.items():
        with (folder / name).open("w") as stream:
            stream.writelines(line(n) for n in range(entries))
    with (folder / "root").open("a") as stream:
        stream.write("grove.wood.example: grove.wood.example\n")
    (folder / "local").write_text("grove.wood.example: grove\ngrove: grove\n")
    (folder / "mmdftailor").write_text(TAILOR.format(folder=folder))
    (folder / "users").write_text("".join(f"user{n}\t-\t/home/user{n}\n" for n in range(1000)))
    names = {"aliases": "aliases", "edu": "edu", "root": "root", "ch-local": "local", "ch-smtp": "smtp"}
    build_database(folder / "mmdfdbm", [(name, folder / file) for name, file in names.items()], is_new=True)


def kinds(entries: int) -> dict[str, Callable[[int], str]]:
    """Return what makes the addresses of each kind."""
    return {
        "user@host.edu": lambda n: f"user{n % 1000}@host{n * STRIDE % entries}.edu",
        "user@far.example (2 hops)": lambda n: f"user{n % 1000}@far{n * STRIDE % entries}.example",
        "login name": lambda n: f"user{n % 1000}",
        "alias": lambda n: f"alias{n * STRIDE % entries}",
        "user@nowhere (refused)": lambda n: f"user{n % 1000}@nowhere{n}.test",
    }


def measure(folder: Path, entries: int, addresses: int) -> None:
    """Print microseconds for each kind, and the growth of memory."""
    configuration = parse_tailor((folder / "mmdftailor").read_text(), folder / "mmdftailor")
    routing = compile_mmdf(configuration)
    tables = open_mmdf_tables(configuration, SystemClock(), users=users_table(folder / "users", ()))

    async def resolve_all(given: Iterator[str], routing: MmdfRouting) -> None:
        submitter = Submitter("root")
        for address in given:
            await answer_steps(AddressCheck(routing, submitter).check(address), tables)

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for kind, make in kinds(entries).items():
        wall, cpu = time.perf_counter(), time.process_time()
        asyncio.run(resolve_all((make(n) for n in range(addresses)), routing))
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        print(f"{cpu / addresses * 1e6:8.1f} us of CPU {wall / addresses * 1e6:8.1f} us of time  {kind}")
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(f"{grown / 1024:8.1f} MiB more memory than before the first")


def measure_batch(folder: Path, entries: int, addresses: int) -> None:
    """Print the rate of one process that reads addresses from a stream."""
    makers = list(kinds(entries).values())
    lines = "".join(json.dumps({"address": makers[n % len(makers)](n)}) + "\n" for n in range(addresses))
    command = [sys.executable, "-m", "posthouse", "resolve", "--site", "mmdftailor", "--users", "users", "--batch"]
    started = time.perf_counter()
    done = subprocess.run(command, input=lines.encode(), cwd=folder, check=True, capture_output=True)
    seconds = time.perf_counter() - started
    if done.stdout.count(b"\n") != addresses:
        sys.exit(f"posthouse resolve did not answer every line: {done.stderr[-300:]!r}")
    print(f"{seconds / addresses * 1e6:8.1f} us of time  by posthouse resolve --batch, all kinds")


if __name__ == "__main__":
    main()
