"""Tables that lead round in circles, vanish, change or cannot be read while a site works."""

import asyncio
import os

import pytest
from msgspec.structs import replace

from posthouse.adapters.clock_manual import ManualClock
from posthouse.adapters.mmdf_database_changes import build_database
from posthouse.adapters.table_mmdf import open_mmdf_tables, users_table
from posthouse.routing.mmdf.authorization import Submitter
from posthouse.routing.mmdf.compiled import compile_mmdf
from posthouse.routing.mmdf.resolve import AddressCheck
from posthouse.site.tailor.reader import parse_tailor
from posthouse.submit.mmdf import answer_steps
from support.mmdf import mmdf_site

TAILOR = """\
MLNAME "grove"
MLDOMAIN "wood.example"
MTBLDIR "{folder}"
MTBL aliases, file=aliases{flags}
ALIAS table=aliases
MTBL root, file=root{flags}
MDMN "", dmn="", table=root
MTBL ch-local, file=local{flags}
MTBL ch-smtp, file=smtp{flags}
MCHN local, tbl=ch-local
MCHN smtp, tbl=ch-smtp, ap=822
"""
TABLES = {
    "aliases": "friends: ann, bea@far.example\n",
    "root": "far.example: far.example\none.example: two.example\ntwo.example: one.example\n",
    "local": "grove: grove\n",
    "smtp": "far.example: 192.0.2.1\n",
}


class Site:
    """A site whose clock the test moves."""

    def __init__(self, folder, flags=""):
        self.folder, self.clock = folder, ManualClock()
        for name, text in TABLES.items():
            (folder / name).write_text(text)
        (folder / "users").write_text("ann\t-\t/home/ann\n")
        configuration = parse_tailor(TAILOR.format(folder=folder, flags=flags), folder / "mmdftailor")
        if flags:
            build_database(
                folder / "mmdfdbm", [(table.name, folder / table.file) for table in configuration.tables], is_new=True
            )
        self.tables = open_mmdf_tables(configuration, self.clock, users=users_table(folder / "users", ()))
        self.routing = compile_mmdf(configuration)

    def check(self, address):
        async def checked():
            found, trace = await answer_steps(AddressCheck(self.routing, Submitter("root")).check(address), self.tables)
            return replace(found, trace=trace)

        self.clock.advance(2)
        return asyncio.run(checked())


@pytest.fixture(params=["", ", flags=dbm"], ids=["file", "dbm"])
def site(request, tmp_path):
    return Site(tmp_path, request.param)


def test_a_table_that_vanishes_defers_and_is_read_again_when_it_is_back(site):
    source = site.folder / ("mmdfdbm" if (site.folder / "mmdfdbm").exists() else "smtp")
    assert site.check("bea@far.example").is_accepted
    source.rename(site.folder / "away")

    found = site.check("bea@far.example")

    assert found.replies[0].code.is_deferred
    assert not found.queued
    assert any(str(source) in getattr(getattr(step, "answer", None), "unavailable", "") for step in found.trace)
    (site.folder / "away").rename(source)
    assert site.check("bea@far.example").is_accepted


def test_an_alias_of_which_one_member_cannot_be_looked_up_is_deferred_whole(tmp_path):
    site = Site(tmp_path)
    (tmp_path / "smtp").unlink()

    found = site.check("friends")

    assert found.replies[0].code.is_deferred
    assert not found.queued


def test_a_table_that_is_a_folder_or_a_pipe_or_too_large_defers(tmp_path):
    site = Site(tmp_path)
    smtp = tmp_path / "smtp"
    smtp.unlink()
    smtp.mkdir()
    assert site.check("bea@far.example").replies[0].code.is_deferred
    smtp.rmdir()
    os.mkfifo(smtp)
    assert site.check("bea@far.example").replies[0].code.is_deferred
    smtp.unlink()
    with smtp.open("wb") as sparse:
        sparse.truncate(100 * 1024 * 1024)
    assert site.check("bea@far.example").replies[0].code.is_deferred


def test_a_table_that_changes_is_seen_without_a_restart(tmp_path):
    site = Site(tmp_path)
    assert not site.check("cem@new.example").is_accepted
    with (tmp_path / "root").open("a") as root, (tmp_path / "smtp").open("a") as smtp:
        root.write("new.example: new.example\n")
        smtp.write("new.example: 192.0.2.2\n")

    assert site.check("cem@new.example").is_accepted


def test_a_database_that_is_torn_defers(tmp_path):
    site = Site(tmp_path, ", flags=dbm")
    wire = (tmp_path / "mmdfdbm").read_bytes()
    (tmp_path / "torn").write_bytes(wire[: len(wire) // 2])
    (tmp_path / "torn").replace(tmp_path / "mmdfdbm")

    assert site.check("bea@far.example").replies[0].code.is_deferred


def test_domains_that_stand_for_each_other_end_as_an_unknown_host(site):
    assert "(BHST)" in site.check("ann@one.example").replies[0].text


def test_a_tower_of_aliases_ends(tmp_path):
    aliases = "".join(f"a{n}: a{n + 1}\n" for n in range(1000)) + "a1000: ann\n"
    site = mmdf_site(tmp_path, TAILOR.format(folder=tmp_path, flags=""), {**TABLES, "aliases": aliases})

    assert not site.check("a0").is_accepted
    assert site.check("a970").replies  # thirty deep is no trouble


def test_aliases_that_fan_out_without_end_are_bounded(tmp_path):
    wide = "".join(f"w{n}: {', '.join(f'w{n + 1}=t{m}' for m in range(30))}\n" for n in range(20))
    site = mmdf_site(tmp_path, TAILOR.format(folder=tmp_path, flags=""), {**TABLES, "aliases": wide})

    assert not site.check("w0").queued


def test_a_site_of_ten_thousand_channels_resolves(tmp_path):
    channels = "".join(f"MCHN c{number}, tbl=empty, pgm=smtp\n" for number in range(10_000))
    tailor = TAILOR.format(folder=tmp_path, flags="").replace("MCHN smtp", f"{channels}MCHN smtp")
    site = mmdf_site(tmp_path, tailor, {**TABLES, "empty": ""})

    assert [one.channel for one in site.check("bea@far.example").queued] == ["smtp"]
