"""MMDF sites of unusual size: loading, look-ups and memory stay in bounds."""

import asyncio
import resource
import time
from pathlib import Path

from posthouse.adapters.clock_system import SystemClock
from posthouse.adapters.mmdf_database import MmdfDatabase
from posthouse.adapters.mmdf_database_changes import build_database
from posthouse.adapters.table_mmdf import open_mmdf_tables
from posthouse.routing.mmdf.authorization import Submitter
from posthouse.routing.mmdf.compiled import compile_mmdf
from posthouse.routing.mmdf.resolve import AddressCheck
from posthouse.site.tailor.reader import parse_tailor
from posthouse.submit.mmdf import answer_steps

ENTRIES = 200_000
MOST_GROWTH = 32 * 1024  # KiB: SQLite's page cache is two MiB
# Of CPU, a hundred times what it takes here (bench/resolving.py measures it): they tell a search from a look-up.
RESOLVES_WITHIN = 0.005  # seconds
ANSWERS_WITHIN = 0.001  # seconds


def test_a_site_is_loaded_in_time_that_grows_with_its_channels_and_domains():
    def seconds(count):
        text = "".join(
            f'MTBL d{n}, file="d{n}", show="Domain {n}", flags=dbm, flags=route\n'
            f'MDMN dm{n}, dmn="dom{n}.example", show="Domain {n}", table=d{n}\n'
            f'MTBL c{n}, file="c{n}", show="Channel {n}", flags=dbm\n'
            f'MCHN ch{n}, show="Channel {n}", que=ch{n}, tbl=c{n}, pgm=smtp,\n\tmod=imm, ap=822, host="h{n}.example"\n'
            for n in range(count)
        )
        begin = time.process_time()
        assert len(parse_tailor(text, Path("/site/mmdftailor")).channels) == count
        return time.process_time() - begin

    few, many = min(seconds(200) for _ in range(5)), min(seconds(4000) for _ in range(2))

    assert many / few < 100  # twenty times as many; each compared with each it were four hundred


def test_a_record_of_a_hundred_thousand_fields_is_read_in_time_that_grows_with_it():
    begin = time.process_time()

    configuration = parse_tailor("MCHN a" + ",x=y" * 100_000, Path("/site/mmdftailor"))

    assert len(configuration.complaints) == 1000
    assert time.process_time() - begin < 60


def test_a_large_database_is_built_and_asked_in_little_memory(tmp_path):
    text = tmp_path / "hosts"
    with text.open("w") as stream:
        stream.writelines(f"Host{n}.Example: relay{n % 7}.example\n" for n in range(ENTRIES))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    assert build_database(tmp_path / "mmdfdbm", [("hosts", text)], is_new=True) == []
    table = MmdfDatabase(tmp_path / "mmdfdbm", SystemClock()).table("hosts")

    async def ask():
        for n in range(0, ENTRIES, 20):
            assert (await table.lookup(f"HOST{n}.example")).values == (f"relay{n % 7}.example",)

    begin = time.process_time()
    asyncio.run(ask())

    assert (time.process_time() - begin) / (ENTRIES / 20) < ANSWERS_WITHIN
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MOST_GROWTH


def test_addresses_are_resolved_over_a_large_database_in_a_moment_each(tmp_path):
    tailor = (
        'MLNAME "here"\nMLDOMAIN "example"\nMTBL root, flags=dbm\nMDMN "", dmn="", table=root\n'
        "MTBL local, flags=dbm\nMTBL smtp, flags=dbm\nMCHN local\nMCHN smtp, ap=822\n"
    )
    (tmp_path / "local").write_text("here.example: here\n")
    for name in ("root", "smtp"):
        with (tmp_path / name).open("w") as stream:
            stream.writelines(f"host{n}.edu: host{n}.edu\n" for n in range(ENTRIES))
    configuration = parse_tailor(f'MTBLDIR "{tmp_path}"\n{tailor}', tmp_path / "mmdftailor")
    texts = [(name, tmp_path / name) for name in ("root", "local", "smtp")]
    assert build_database(tmp_path / "mmdfdbm", texts, is_new=True) == []
    routing, tables = compile_mmdf(configuration), open_mmdf_tables(configuration, SystemClock())

    async def resolve():
        for n in range(0, ENTRIES, 100):
            checked, _ = await answer_steps(AddressCheck(routing, Submitter("root")).check(f"ann@host{n}.edu"), tables)
            assert [one.address for one in checked.queued] == [f"ann@host{n}.edu"]

    begin = time.process_time()
    asyncio.run(resolve())

    assert (time.process_time() - begin) / (ENTRIES / 100) < RESOLVES_WITHIN
