"""checkup and ``posthouse check`` on an MMDF site, as people run them."""

import os
import subprocess
import sys

import pytest

from support.mmdf_site import make_mmdf_site


@pytest.fixture
def tailor(tmp_path):
    return make_mmdf_site(tmp_path)


def run(*arguments):
    command = [sys.executable, "-m", "posthouse", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def test_checkup_shows_everything_and_p_the_problems_alone(tailor):
    everything = run("mmdf", "checkup", "-t", tailor)
    problems = run("mmdf", "checkup", "-p", "-t", tailor)

    assert (everything.returncode, problems.returncode) == (0, 0)
    assert "    Aliases             : aliases\n                        : aliases\n" in everything.stdout
    assert "Domain tables" not in problems.stdout
    assert "MMDF DBM database" in problems.stdout
    assert run("mmdf", "checkup", "-v8", "-t", tailor).stdout == problems.stdout
    assert run("mmdf", "checkup", "-v3", "-t", tailor).stdout == "\n"


def test_checkup_finds_a_table_that_is_not_there_and_a_line_that_is_no_entry(tailor):
    (tailor.parent / "tables" / "domain.root").unlink()
    (tailor.parent / "tables" / "aliases").write_text("mmdf: ann\npostmaster: ann\n : nothing\n")

    lines = run("mmdf", "checkup", "-p", "-t", tailor).stdout

    assert "aliases:3" in lines
    assert "                        : domain.root\n**    unable to stat    : No such file or directory\n" in lines
    assert "No mail alias" not in lines


def test_checkup_says_that_dbmbuild_was_forgotten(tailor):
    tailor.write_text(tailor.read_text().replace('file="aliases"', 'file="aliases", flags=dbm'))
    run("mmdf", "dbmbuild", "-t", tailor)
    assert "Out of date" not in run("mmdf", "checkup", "-t", tailor).stdout

    database = tailor.parent / "tables" / "mmdfdbm"
    os.utime(database, (1, 1))

    assert "**    Out of date       : 'aliases' is newer; run dbmbuild" in run("mmdf", "checkup", "-t", tailor).stdout


def test_checkup_refuses_what_it_does_not_know(tailor):
    assert run("mmdf", "checkup", "-x").returncode == os.EX_USAGE
    assert run("mmdf", "checkup", "-v9", "-t", tailor).returncode == os.EX_USAGE
    assert run("mmdf", "checkup", "-t", tailor.parent / "missing").returncode == os.EX_CONFIG


def test_check_lists_complaints_and_what_has_no_effect_and_is_content(tailor):
    tailor.write_text(tailor.read_text() + "NOSUCH 1\nMSLEEP 300 ; pause\n")

    done = run("check", "--site", tailor)

    assert done.returncode == 0
    assert f'{tailor}:23:1: "NOSUCH" is no keyword' in done.stdout
    assert f"{tailor}:24:1: MSLEEP has no effect; deliver is told of new mail and needs no pause" in done.stdout


def test_check_of_a_file_that_does_not_say_who_we_are_is_an_error(tailor):
    tailor.write_text("MCHN local\n")

    done = run("check", "--site", tailor)

    assert done.returncode == os.EX_CONFIG
    assert "nothing says who we are" in done.stderr
