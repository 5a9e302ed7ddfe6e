"""posthouse queue: an operator lists, holds, releases, retries, removes, bounces."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from posthouse.cli.errors import guarded
from posthouse.cli.main import run
from posthouse.queueing.filters import GROUPINGS
from support.cli_site import command, write_site
from support.waiting import LONG


@pytest.fixture(scope="module")
def three_queued(tmp_path_factory):
    """A site with three queued messages: to joe, to example.net, to example.com."""
    path = write_site(tmp_path_factory.mktemp("site"))
    for recipient in ("joe", "someone@example.net", "other@example.com"):
        result = command("sendmail", "-f", "ann", recipient, site=path, stdin=b"Subject: x\n\nx\n")
        assert result.returncode == 0, result.stderr
    return path


@pytest.fixture
def site(three_queued, tmp_path, monkeypatch):
    """A copy of that site for one test."""
    shutil.copytree(three_queued.parent, tmp_path, dirs_exist_ok=True)
    path = tmp_path / "site.toml"
    monkeypatch.setenv("POSTHOUSE_SITE", str(path))
    monkeypatch.setenv("SUDO_USER", "night-shift")
    monkeypatch.setenv("COLUMNS", "80")
    return path


@pytest.fixture
def posthouse(site, capsys):
    def invoke(*arguments):
        code = guarded("posthouse", lambda: run(list(arguments)))
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return invoke


def states(posthouse):
    _, out, _ = posthouse("queue", "list", "--json")
    return {row["recipient"]: row["state"] for row in map(json.loads, out.splitlines())}


def test_list_filters(posthouse):
    _, out, _ = posthouse("queue", "list", "--json", "--recipient", "*@example.net")

    assert [json.loads(line)["recipient"] for line in out.splitlines()] == ["someone@example.net"]


def test_list_is_readable_on_80_columns(posthouse):
    code, out, _ = posthouse("queue", "list")

    assert code == 0
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.parametrize("by", ["host", "channel", "sender", "recipient-domain", "state"])
def test_groups_count_everything_once(posthouse, by):
    _, out, _ = posthouse("queue", "list", "--group-by", by, "--json")

    assert sum(json.loads(line)["recipients"] for line in out.splitlines()) == 3
    assert posthouse("queue", "list", "--group-by", by)[0] == 0


def test_verbs_change_what_they_are_told_to(posthouse, site):
    code, out, _ = posthouse("queue", "hold", "--host", "example.net", "--note", "asked by their postmaster")
    assert (code, out) == (0, "1 recipient held.\n")
    assert states(posthouse)["someone@example.net"] == "held"

    assert posthouse("queue", "release", "--state", "held")[1] == "1 recipient released.\n"
    assert states(posthouse)["someone@example.net"] == "queued"

    assert posthouse("queue", "remove", "--recipient", "other@example.com")[1] == "1 recipient removed.\n"
    assert "other@example.com" not in states(posthouse)

    posthouse("queue", "bounce", "--recipient", "someone@example.net", "--json")
    assert states(posthouse)["someone@example.net"] == "reporting"

    logged = [json.loads(line) for line in (site.parent / "log").read_text().splitlines()]
    acts = [(event["event"], event["operator"]) for event in logged if "operator" in event]
    assert acts == [(name, "night-shift") for name in ("held", "released", "removed", "cancelled")]
    assert next(event["note"] for event in logged if event["event"] == "held") == "asked by their postmaster"


def test_dry_run_changes_nothing(posthouse):
    before = states(posthouse)

    code, out, _ = posthouse("queue", "remove", "--all", "--dry-run", "--json")

    assert (code, json.loads(out)) == (0, {"verb": "remove", "recipients": 3, "dry_run": True})
    assert states(posthouse) == before


@pytest.mark.parametrize("verb", ["hold", "release", "retry", "remove", "bounce"])
def test_whole_queue_needs_all(posthouse, verb):
    code, _, err = posthouse("queue", verb)

    assert code == 64
    assert "--all" in err


def test_message_that_is_not_there_is_said(posthouse):
    code, _, err = posthouse("queue", "show", "0000000000000")

    assert code == 66
    assert "is not in the queue" in err


@pytest.mark.parametrize("age", ["soon", "5", "-1d", "1y"])
def test_age_that_is_none_is_wrong_usage(posthouse, age):
    assert posthouse("queue", "list", "--older-than", age)[0] == 64


def test_nothing_is_older_than_a_day(posthouse):
    code, out, _ = posthouse("queue", "list", "--older-than", "1d")

    assert (code, out) == (0, "Nothing queued that matches.\n")


def test_status_says_that_nothing_runs(posthouse):
    code, out, _ = posthouse("status", "--json")

    shown = json.loads(out)
    assert code == 69
    assert shown["running"] is False
    assert [(count["key"], count["recipients"]) for count in shown["queue"]] == [("queued", 3)]


@pytest.mark.parametrize("words", [["reload"], ["stop"]])
def test_telling_a_daemon_that_does_not_run(posthouse, words):
    code, _, err = posthouse(*words)

    assert code == 69
    assert "no daemon runs" in err


def test_quick_message_is_queued(site, posthouse):
    words = ["send", "--to", "info", "--subject", "Grüße", "--body", "Schöne\nGrüße", "--json"]

    result = command("posthouse", *words, site=site)

    assert (result.returncode, result.stderr) == (0, b"")
    assert json.loads(result.stdout)["reply"].startswith("250 2.0.0 ")
    queue_id = max(json.loads(line)["queue_id"] for line in posthouse("queue", "list", "--json")[1].splitlines())
    text = command("posthouse", "queue", "show", queue_id, "--text", site=site).stdout.decode()
    assert "Subject: =?utf-8?" in text
    assert text.endswith("\n\nSchöne\nGrüße\n")


def test_a_queue_id_that_is_not_there_is_no_success(posthouse):
    code, out, err = posthouse("queue", "hold", "0000000000000")

    assert (code, out) == (66, "")
    assert err == "posthouse: not in the queue: 0000000000000\n"


@pytest.mark.parametrize("by", GROUPINGS)
def test_groups_fit_80_columns_whatever_their_names_are(site, posthouse, by):
    long = f"someone@{'a' * 60}.{'b' * 60}.example"
    assert command("sendmail", "-f", f"{'s' * 60}@example.org", long, site=site, stdin=b"\n").returncode == 0

    code, out, _ = posthouse("queue", "list", "--group-by", by)

    assert code == 0
    assert out.startswith(by.upper())
    assert max(map(len, out.splitlines())) <= 80
    assert "\x1b" not in out


def test_ctrl_c_ends_a_command_without_a_traceback(site):
    script = "import os, signal, sys; from posthouse.cli import errors\n"
    script += "sys.exit(errors.guarded('posthouse', lambda: os.kill(os.getpid(), signal.SIGINT) or signal.pause()))"

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=LONG, check=False)

    assert (done.returncode, done.stderr) == (130, b"")


@pytest.mark.parametrize(
    "words",
    [("queue", "list"), ("queue", "list", "--json"), ("schema",), ("explain", "joe"), ("--help",), ("status",)],
    ids=" ".join,
)
def test_a_reader_that_leaves_is_no_failure(site, words):
    """posthouse queue list | head: the pipe is closed before anything is written."""
    read_end, write_end = os.pipe()
    os.close(read_end)

    with os.fdopen(write_end, "wb") as pipe:
        done = subprocess.run(
            [Path(sysconfig.get_path("scripts")) / "posthouse", *words],
            stdout=pipe,
            stderr=subprocess.PIPE,
            timeout=LONG,
            check=False,
        )

    assert (done.returncode, done.stderr) == (0, b"")
