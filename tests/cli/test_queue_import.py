"""posthouse queue import: the queue of a real sendmail changes hands, and nothing of it is lost."""

import fcntl
import json
from pathlib import Path

import pytest

from support.cli_site import command, write_site

CONTROL = (
    "V8\nT1700000000\nK1700000100\nN1\nP30161\nMDeferred: 450 4.2.0 try later\nFbs8\n$_root@localhost\n"
    "${{daemon_flags}}c u\nS{sender}\nZenv1\nA{sender}\nMDeferred: 450 4.2.0 try later\n{recipients}"
    "H?P?Return-Path: <\x81g>\nH??Received: from there\n\tby here\nH?D?Date: Sun, 1 Jan 2023 00:00:00 +0000\n"
    "H??Subject: {subject}\n.\n"
)
TWO = "Qrfc822;Joe@example.org\nrRFC822; joe@example.org\nRPFD:joe\nRPN:someone@example.net\n"


@pytest.fixture
def queue(tmp_path: Path) -> Path:
    directory = tmp_path / "mqueue"
    directory.mkdir()
    put(directory, "1AAAA")
    return directory


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return write_site(tmp_path / "site")


def put(
    directory: Path, number: str, recipients: str = TWO, sender: str = "ann@example.org", body: bytes = b"b\n"
) -> None:
    control = CONTROL.format(sender=sender, recipients=recipients, subject=number)
    (directory / f"qf{number}").write_bytes(control.encode("latin-1"))
    (directory / f"df{number}").write_bytes(body)


def take(site: Path, directory: Path, *options: str) -> tuple[int, list[dict[str, object]]]:
    done = command("posthouse", "queue", "import", "--from", "sendmail", "--json", *options, str(directory), site=site)
    assert b"Traceback" not in done.stderr
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def queued(site: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in command("posthouse", "queue", "list", "--json", site=site).stdout.splitlines()]


def names(directory: Path) -> set[str]:
    return {str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()}


def test_a_message_is_queued_here_with_its_parameters_and_text(site: Path, queue: Path) -> None:
    code, fates = take(site, queue)

    rows = queued(site)
    assert (code, [fate["taken"] for fate in fates]) == (0, [True])
    assert {row["recipient"] for row in rows} == {"joe@example.org", "someone@example.net"}
    assert {row["sender"] for row in rows} == {"ann@example.org"}
    text = command("posthouse", "queue", "show", "--text", str(rows[0]["queue_id"]), site=site).stdout
    lines = text.decode().replace("\r\n", "\n")
    assert "Received: from there\n\tby here\nDate: Sun, 1 Jan 2023 00:00:00 +0000\nSubject: 1AAAA\n" in lines
    assert lines.endswith("\n\nb\n")
    assert "Return-Path" not in lines
    assert names(queue) == {"imported/qf1AAAA", "imported/df1AAAA"}


def test_a_second_run_finds_nothing_more(site: Path, queue: Path) -> None:
    take(site, queue)

    assert take(site, queue) == (0, [])
    assert len(queued(site)) == 2


def test_a_dry_run_changes_nothing(site: Path, queue: Path) -> None:
    before = names(queue)

    code, fates = take(site, queue, "--dry-run")

    assert (code, fates[0]["taken"], queued(site)) == (0, True, [])
    assert names(queue) == before


def test_what_cannot_be_taken_stays_with_a_reason_and_the_rest_is_taken(site: Path, queue: Path) -> None:
    put(queue, "2NOBODY", "RPFD:joe\nRPFD:nobody@example.org\n")
    put(queue, "3PROGRAM", "Cann:1:1:list\nRPFD:|/bin/prog\n")
    put(queue, "4EMPTY", "")
    put(queue, "5NODATA")
    (queue / "df5NODATA").unlink()
    (queue / "qf6CUT").write_bytes((queue / "qf1AAAA").read_bytes()[:-2])
    (queue / "hf7HELD").write_bytes(b"V8\n")
    (queue / "qf8LINK").symlink_to(queue / "df2NOBODY")
    before = names(queue)

    code, fates = take(site, queue)

    reasons = {str(fate["file"])[:3]: fate["reply"] for fate in fates if not fate["taken"]}
    assert code == 65
    assert set(reasons) == {"qf2", "qf3", "qf4", "qf5", "qf6", "hf7", "qf8"}
    assert "nobody@example.org" in str(reasons["qf2"])
    assert "a program" in str(reasons["qf3"])
    assert "missing" in str(reasons["qf5"])
    assert "not written to its end" in str(reasons["qf6"])
    assert {row["recipient"] for row in queued(site)} == {"joe@example.org", "someone@example.net"}
    assert names(queue) == (before - {"qf1AAAA", "df1AAAA"}) | {"imported/qf1AAAA", "imported/df1AAAA"}


def test_a_message_that_sendmail_works_on_is_left(site: Path, queue: Path) -> None:
    with (queue / "qf1AAAA").open("rb+") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        code, fates = take(site, queue)

    assert (code, fates[0]["taken"]) == (65, False)
    assert "stop it first" in str(fates[0]["reply"])


def test_a_report_of_sendmails_keeps_the_null_reverse_path(site: Path, queue: Path) -> None:
    control = (queue / "qf1AAAA").read_text("latin-1")
    (queue / "qf1AAAA").write_text(
        control.replace("Fbs8", "Fr").replace("Sann@example.org", "SMAILER-DAEMON"), "latin-1"
    )

    take(site, queue)

    assert {row["sender"] for row in queued(site)} == {""}


def test_folders_of_control_files_and_bodies_are_one_queue(site: Path, tmp_path: Path) -> None:
    directory = tmp_path / "split"
    for kind in ("qf", "df", "xf"):
        (directory / kind).mkdir(parents=True)
    put(directory, "1X", body=b"a\rb\r\nlast" + b"." * 70_000)
    for kind in ("qf", "df"):
        (directory / f"{kind}1X").rename(directory / kind / f"{kind}1X")

    code, fates = take(site, directory)

    assert (code, len(fates), len(queued(site))) == (0, 1, 2)


def test_a_directory_that_is_not_there_is_told(site: Path, tmp_path: Path) -> None:
    done = command("posthouse", "queue", "import", "--from", "sendmail", str(tmp_path / "no"), site=site)

    assert (done.returncode, b"No such file" in done.stderr) == (66, True)
