"""``posthouse resolve``: the real command on the recorded sites."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from support.mmdf import DATA

PROGRAM = Path(sys.executable).parent / "posthouse"
SITES = DATA / "sites"


def resolve(*arguments, stdin=""):
    return subprocess.run(
        [PROGRAM, "resolve", *map(str, arguments)],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def lines(*questions):
    return "".join(json.dumps(question) + "\n" for question in questions)


def test_a_stream_is_answered_line_by_line_in_one_process():
    asked = lines({"address": "team"}, {"address": "nobody@m3.delta"}, {"address": "bob@lake", "site": "delta"})

    done = resolve("--site", SITES / "delta" / "mmdftailor", "--users", SITES / "users.txt", "--batch", stdin=asked)

    team, unknown, lake = map(json.loads, done.stdout.splitlines())
    assert (done.returncode, done.stderr) == (0, "")
    assert team == {
        "address": "team",
        "ok": True,
        "replies": [{"code": "AOK", "octal": "140", "text": 'Nice address "team"'}],
        "trace": [
            "team:  alias: team => jose, panchito",
            "jose:  queueing for local: via '': 'jose'",
            "panchito:  queueing for local: via '': 'panchito'",
        ],
        "queued": ["- m - local, , jose", "- m - local, , panchito"],
        "queue_dirs": ["addr", "msg", "q.local"],
    }
    assert (unknown["ok"], unknown["replies"][0]["octal"], unknown["queued"]) == (False, "330", [])
    assert lake["queued"] == ['- m - smtp "ocean.example" "@ocean.example:bob@lake.example"']


def test_a_folder_of_sites_answers_for_each():
    asked = lines({"site": "alpha", "address": "triplets-request"}, {"site": "delta", "address": "ops-request"})

    done = resolve("--site", SITES, "--users", SITES / "users.txt", "--batch", stdin=asked)

    assert [json.loads(line)["queued"] for line in done.stdout.splitlines()] == [
        ["- m - local, , daisy"],
        ["- m - local, , magica"],
    ]


def test_login_names_come_from_a_passwd_file_too(tmp_path):
    passwd = tmp_path / "passwd"
    passwd.write_text("root:x:0:0:root:/root:/bin/sh\nzoe:x:1000:1000:Zoe:/home/zoe:/bin/sh\n")

    done = resolve("--site", SITES / "alpha" / "mmdftailor", "--users", passwd, "zoe", "donald")

    assert done.returncode == 1
    assert "queueing for local: via '': 'zoe'" in done.stdout
    assert '(USER) Unknown user name in "donald"' in done.stdout


def test_the_ways_of_the_old_version_can_be_asked_for():
    def hosts(*compat):
        done = resolve(
            "--site", SITES / "delta" / "mmdftailor", "--batch", *compat, stdin=lines({"address": "bob@isi.usc"})
        )
        return json.loads(done.stdout)["queued"][0].split()[3]

    assert (hosts(), hosts("--compat", "2.44")) == ("badhosts", "smtp")


def test_a_table_that_is_gone_answers_try_again(tmp_path):
    (tmp_path / "mmdftailor").write_text('MLNAME "here"\nMTBLDIR "tables"\nALIAS table=aliases\nMCHN local\n')

    done = resolve("--site", tmp_path / "mmdftailor", "donald")

    assert done.returncode == 75
    assert '(FOPN) Table unavailable for "donald"' in done.stdout


def test_a_line_can_say_where_the_message_comes_from(tmp_path):
    tailor = 'MLNAME "here"\nMTBLDIR "tables"\nMTBL auth\nMCHN local, tbl=names\nMCHN net, auth=inblock\n'
    (tmp_path / "mmdftailor").write_text(tailor)
    (tmp_path / "tables").mkdir()
    for name, text in {"names": "", "net": "", "auth": "q@far: send net\n"}.items():
        (tmp_path / "tables" / name).write_text(text)
    asked = lines(
        *({"address": "donald", "channel": "net", "host": "far", "return": one} for one in ("q@far", "x@far"))
    )

    done = resolve("--site", tmp_path / "mmdftailor", "--users", SITES / "users.txt", "--batch", stdin=asked)

    allowed, refused = map(json.loads, done.stdout.splitlines())
    assert allowed["authlog"] == ["i='net' o='local' a='donald' r='IS' r=''"]
    assert (refused["ok"], refused["authlog"][0].split(" ")[:2]) == (False, ["BAD", "AUTH"])


def test_every_step_is_shown_with_the_line_that_decided():
    done = resolve("--site", SITES / "delta" / "mmdftailor", "--users", SITES / "users.txt", "--explain", "bob@foo.net")

    said = [line.strip() for line in done.stdout.splitlines()]
    assert any(line.startswith("foo.net is reached through ocean.example") and "domain.root:6" in line for line in said)
    assert any(line.startswith("host ocean.example is on channel smtp") and "channel.smtp:5" in line for line in said)
    assert said[-1] == 'Nice address "bob@foo.net"'


@pytest.mark.parametrize(
    ("stdin", "said"),
    [
        ("not json\n", "line 1 is not"),
        ('{"address": 5}\n', "line 1 is not"),
        ('{"address": "' + "x" * 1024 * 1024 + '"}\n', "line 1 is longer than"),
        ('{"site": "../alpha", "address": "x"}\n', "is no name of a site"),
    ],
)
def test_a_line_that_is_no_question_ends_the_stream_with_its_number(stdin, said):
    done = resolve("--site", SITES, "--batch", stdin=stdin)

    assert (done.returncode, said in done.stderr) == (65, True)


def test_a_tailor_file_that_is_not_there_is_told(tmp_path):
    done = resolve("--site", tmp_path / "mmdftailor", "donald")

    assert done.returncode == 78
    assert "mmdftailor" in done.stderr
