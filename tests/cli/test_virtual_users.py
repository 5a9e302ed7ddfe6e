"""Virtual users and tables of next hops of a native site, by the real commands, with tables of makemap."""

import subprocess
import sys

import pytest

SITE = """\
[site]
name = "mail.example.org"
run = "run"

[domains."example.org"]
users = ["users"]

[tables.users]
entries = { ann = "" }

[tables.virtual]
kind = "hash"
file = "virtual"

[tables.hops]
kind = "hash"
file = "hops"

[virtual]
tables = ["virtual"]
domains = ["shop.example"]

[mailertable]
tables = ["hops"]
"""


@pytest.fixture
def site(tmp_path):
    (tmp_path / "virtual").write_text(
        "info@shop.example\tann@example.org\n@shop.example\terror:5.1.1:550 nobody here\n"
    )
    (tmp_path / "hops").write_text(".far.example\tsmtp:[gateway.example.net]\n")
    (tmp_path / "site.toml").write_text(SITE)
    return tmp_path / "site.toml"


def posthouse(*arguments):
    command = [sys.executable, "-m", "posthouse", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("info@shop.example", ["virtual[info@shop.example]: ann@example.org (virtual:1)", "channel local"]),
        ("x@shop.example", ["(virtual:2)", "Any client is told: 550 5.1.1 nobody here"]),
        (
            "x@a.far.example",
            ["hops[.far.example]: smtp:[gateway.example.net]", "channel smtp, host [gateway.example.net]"],
        ),
        ("x@other.example", ["channel smtp, host other.example"]),
    ],
)
def test_explain_shows_which_line_of_which_table_decided(site, address, shown):
    done = posthouse("explain", "--no-dns", "--site", site, address)

    told = " ".join(done.stdout.split())
    assert done.returncode == 0, done.stderr
    assert [part for part in shown if part not in told] == []


def test_check_tells_of_lines_that_are_none(site):
    (site.parent / "hops").write_text("alone\n")

    done = posthouse("check", "--site", site)

    assert done.returncode == 78
    assert f"{site.parent}/hops:1:1: no value for the key alone" in done.stderr


def test_a_table_that_is_not_there_is_a_mistake(site):
    (site.parent / "virtual").unlink()

    done = posthouse("check", "--site", site)

    assert done.returncode == 78
    assert "virtual" in done.stderr
