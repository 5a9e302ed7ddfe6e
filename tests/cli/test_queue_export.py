"""posthouse queue export: what waits here as the files of a queue that sendmail can run."""

import json
from pathlib import Path

import pytest

from cli.test_queue_import import put, queued, take
from cli.test_queue_of_sendmail_site import cf, sendmail
from posthouse.queueing.sendmail_qf import ControlFile, read_control
from support.cli_site import command, write_site

__all__ = ["cf"]


def export(site: Path, directory: Path, *options: str) -> tuple[int, list[dict[str, object]]]:
    done = command("posthouse", "queue", "export", "--to", "sendmail", "--json", *options, str(directory), site=site)
    assert b"Traceback" not in done.stderr
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def controls(directory: Path) -> list[ControlFile]:
    return [read_control(path.read_bytes()) for path in sorted(directory.glob("[qQ]f*"))]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    made = write_site(tmp_path / "site")
    (tmp_path / "theirs").mkdir()
    put(tmp_path / "theirs", "1AAAA", body=b"first\n.\nlast\xe4\n")
    take(made, tmp_path / "theirs")
    return made


def test_a_message_keeps_sender_recipients_parameters_and_text(site: Path, tmp_path: Path) -> None:
    code, exported = export(site, tmp_path / "mqueue")

    (control,) = controls(tmp_path / "mqueue")
    assert (code, [one["recipients"] for one in exported]) == (0, [2])
    assert control.sender == "ann@example.org"
    assert {(one.address, one.original, one.flags) for one in control.recipients} == {
        ("joe@example.org", "rfc822;Joe@example.org", "PFD"),
        ("someone@example.net", "", "PN"),
    }
    assert control.envelope_id == "env1"
    assert "8" in control.flags
    assert [field.value for field in control.fields if field.name == "Subject"] == [" 1AAAA"]
    (body,) = (tmp_path / "mqueue").glob("df*")
    assert body.read_bytes() == b"first\n.\nlast\xe4\n"
    assert len(queued(site)) == 2  # it is still here


def test_what_was_exported_can_be_imported_again(site: Path, tmp_path: Path) -> None:
    export(site, tmp_path / "mqueue")
    other = write_site(tmp_path / "other")

    code, fates = take(other, tmp_path / "mqueue")

    assert (code, len(fates)) == (0, 1)
    assert [row["recipient"] for row in queued(other)] == [row["recipient"] for row in queued(site)]


def test_only_what_matches_is_exported(site: Path, tmp_path: Path) -> None:
    export(site, tmp_path / "mqueue", "--recipient", "joe@example.org")

    (control,) = controls(tmp_path / "mqueue")
    assert [one.address for one in control.recipients] == ["joe@example.org"]


def test_held_mail_is_left_for_a_person(site: Path, tmp_path: Path) -> None:
    command("posthouse", "queue", "hold", "--all", site=site)

    export(site, tmp_path / "mqueue")

    assert [path.name[:2] for path in sorted((tmp_path / "mqueue").iterdir())] == ["Qf", "df"]


def test_a_file_that_is_there_is_not_overwritten(cf: Path, tmp_path: Path) -> None:
    code, exported = export(cf, tmp_path / "mqueue")
    again, _ = export(cf, tmp_path / "mqueue")

    assert (code, len(exported)) == (0, 3)
    assert again == 73
    assert len(controls(tmp_path / "mqueue")) == 3


def test_a_queued_message_of_a_sendmail_site_keeps_its_id_and_its_open_header(cf: Path, tmp_path: Path) -> None:
    sendmail(cf, "-odq", "-f", "ann@example.net", "-N", "success", "last", stdin=b"Subject: y\n\nbody\n")

    _, exported = export(cf, tmp_path / "mqueue", "--recipient", "last*")

    (control,) = controls(tmp_path / "mqueue")
    assert control.recipients[0].flags == "PNS"
    assert control.priority == 30000 + len("Subject: y\n\nbody\n")
    assert control.attempts == 0
    listed = [line.split()[0] for line in sendmail(cf, "-bp").splitlines() if line[:1].isalnum()]
    assert str(exported[0]["file"]).rpartition("qf")[2] in listed
