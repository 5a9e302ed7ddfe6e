"""``posthouse rewrite`` and ``sendmail -bt`` as processes: streams of questions, and what is wrong with them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from posthouse.cli.rewriting.batch import MOST_OCTETS

BIN = Path(sys.executable).parent
CF = """\
V10/Berkeley
Djmx1.example.org
DMhello
CXone two
Ku user
Scanonify=3
R$* at $+\t$1 < @ $2 >
R$=X\t$@ class $1
Sparse=0
R$* < @ $+ >\t$#relay $@ $2 $: $1
R$-\t$#local $: $1
Mlocal, P=/bin/true, F=lsw, A=true $u
Mrelay, P=[IPC], F=m, A=TCP $h
Mprog, P=/bin/sh, F=l, A=sh -c $u
"""
SLOW = 300.0  # seconds


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "one.cf").write_text(CF)
    (tmp_path / "two.cf").write_text(CF.replace("DMhello", "DMother"))
    (tmp_path / "passwd").write_text("joe:x:1000:1000:Joe User:/home/joe:/bin/sh\n")
    return tmp_path


def ask(folder: Path, *lines: object, site: str = "", options: tuple[str, ...] = ()) -> list[dict[str, object]]:
    """Return the answers of one process to some lines."""
    text = b"".join(line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n" for line in lines)
    done = subprocess.run(
        [BIN / "posthouse", "rewrite", "--site", folder / site, "--batch", *options],
        input=text,
        capture_output=True,
        check=True,
        timeout=SLOW,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_folder_of_configurations_answers_in_one_process(folder: Path) -> None:
    macro = {"op": "macro", "in": "M"}

    answers = ask(folder, {"cf": "one.cf", **macro}, {"cf": "two.cf", **macro}, {"cf": "one.cf", **macro})

    assert [answer["out"] for answer in answers] == ["hello", "other", "hello"]


def test_a_line_that_cannot_be_answered_is_an_error_and_the_stream_goes_on(folder: Path) -> None:
    good = {"op": "macro", "in": "M", "id": 7}

    answers = ask(
        folder,
        b"no json\n",
        b"[" * 100_000 + b"\n",
        b"\n",
        b'"' + b"x" * MOST_OCTETS + b'"\n',
        {"op": "dance", "in": "x"},
        {"op": "rewrite", "rulesets": "nosuch", "in": "joe"},
        {"op": "rewrite", "in": "joe"},
        {"op": "try", "mailer": "nosuch", "in": "joe"},
        {"op": "map", "map": "nosuch", "in": "joe"},
        {"op": "macro", "in": "M", "setup": ["=M"]},
        {"op": "macro", "in": "\ud800"},
        {"op": ["macro"], "in": 3},
        good,
        site="one.cf",
    )

    assert all("error" in answer for answer in answers[:-1])
    assert len(answers) == 12
    assert answers[-1] == {**good, "out": "hello"}


def test_a_folder_wants_the_name_of_a_file_in_it(folder: Path) -> None:
    answers = ask(folder, {"op": "macro", "in": "M"}, {"cf": "../x", "op": "macro", "in": "M"}, {"cf": "no.cf"})

    assert ["error" in answer for answer in answers] == [True, True, True]


def test_setup_lines_count_for_one_line_only(folder: Path) -> None:
    answers = ask(
        folder,
        {"op": "macro", "in": "{New}", "setup": [".D{New}value"]},
        {"op": "macro", "in": "{New}"},
        {"op": "rewrite", "rulesets": "3", "in": "three", "setup": [".CXthree four"]},
        {"op": "rewrite", "rulesets": "3", "in": "three"},
        site="one.cf",
    )

    assert [answer["out"] for answer in answers] == [
        "value",
        "Undefined",
        [["canonify", "class three"]],
        [["canonify", "three"]],
    ]


def test_login_names_come_from_a_file_of_ones_own(folder: Path) -> None:
    users = ("--users", str(folder / "passwd"))

    answers = ask(
        folder, *({"op": "map", "map": "u", "in": key} for key in ("joe", "root")), site="one.cf", options=users
    )

    assert [answer["out"] for answer in answers] == ["joe", None]


def test_sendmail_bt_speaks_as_the_classic_does(folder: Path) -> None:
    done = subprocess.run(
        [BIN / "sendmail", "-bt", "-d21.12", "-C", folder / "one.cf"],
        input=b"3,0 joe at example.org\n/quit\n",
        capture_output=True,
        timeout=SLOW,
        check=False,
    )

    assert done.returncode == 0
    assert done.stdout.decode().splitlines() == [
        "ADDRESS TEST MODE (ruleset 3 NOT automatically invoked)",
        "Enter <ruleset> <address>",
        "> canonify           input: joe at example . org",
        "-----trying rule: $* at $+",
        "-----rule matches: $1 < @ $2 >",
        "rewritten as: joe < @ example . org >",
        "-----trying rule: $* at $+",
        "----- rule fails",
        "-----trying rule: $=X",
        "----- rule fails",
        "canonify         returns: joe < @ example . org >",
        "parse              input: joe < @ example . org >",
        "-----trying rule: $* < @ $+ >",
        "-----rule matches: $# relay $@ $2 $: $1",
        "rewritten as: $# relay $@ example . org $: joe",
        "parse            returns: $# relay $@ example . org $: joe",
        "> ",
    ]


def test_sendmail_bt_without_rules_names_the_command_that_explains(tmp_path: Path) -> None:
    done = subprocess.run(
        [BIN / "sendmail", "-bt", "-C", tmp_path / "site.toml"], capture_output=True, check=False, timeout=SLOW
    )

    assert (done.returncode, b"posthouse explain" in done.stderr) == (64, True)
