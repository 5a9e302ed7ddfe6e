"""``sendmail -q`` and ``mailq`` at a site that has a sendmail.cf: parts of the queue, by the classic's names."""

import subprocess
from pathlib import Path

import pytest

from support.cf_site import BIN, HEAD, SLOW

CF = (
    HEAD
    + """\
Troot daemon
Scanonify=3
R$* < $* > $*\t$2
Sparse=0
R$+\t\t$#local $: $1
Mlocal, P=/bin/true, F=lsmS, A=true $u
Mprog, P=/bin/sh, F=l, A=sh -c $u
"""
)


@pytest.fixture
def cf(tmp_path: Path) -> Path:
    (tmp_path / "queue").mkdir()
    path = tmp_path / "mx.cf"
    path.write_text(CF.format(queue=tmp_path / "queue"))
    for sender, recipient in (("ann@example.net", "joe"), ("bob@example.net", "Jack"), ("eve@example.com", "joe")):
        sendmail(path, "-odq", "-f", sender, recipient, stdin=b"Subject: x\n\nbody\n")
    return path


def sendmail(cf: Path, *arguments: str, stdin: bytes = b"") -> str:
    done = subprocess.run(
        [BIN / "sendmail", "-C", cf, *arguments], input=stdin, capture_output=True, check=False, timeout=SLOW
    )
    assert (done.returncode, b"Traceback" in done.stderr) == (0, False), done.stderr
    return done.stdout.decode()


def senders(cf: Path) -> list[str]:
    """Return the senders of what is queued, as mailq shows them."""
    lines = sendmail(cf, "-bp").splitlines()
    return [line.split()[-1] for line in lines if "@" in line and not line.startswith("\t")]


def test_everything_is_listed_with_names_sizes_and_recipients(cf: Path) -> None:
    lines = sendmail(cf, "-bp").splitlines()

    assert lines[0] == f"\t\t{cf.parent / 'queue'} (3 requests)"
    assert [line.split()[1] for line in lines if "@" in line and line[0] != "\t"] == ["5", "5", "5"]
    assert [line for line in lines if line.startswith("\t\t\t\t\t ")] == [
        f"\t\t\t\t\t {one}" for one in ("joe", "Jack", "joe")
    ]
    assert lines[-1] == "\t\tTotal requests: 3"


@pytest.mark.parametrize(
    ("option", "left"),
    [
        pytest.param("-qSANN", ["bob@example.net", "eve@example.com"], id="a sender, without case"),
        pytest.param("-qS!example.net", ["ann@example.net", "bob@example.net"], id="all but those of senders"),
        pytest.param("-qRjack", ["ann@example.net", "eve@example.com"], id="a recipient"),
        pytest.param("-qR!jack", ["bob@example.net"], id="all but those to a recipient"),
        pytest.param("-qSnobody", ["ann@example.net", "bob@example.net", "eve@example.com"], id="nothing"),
        pytest.param("-qQ", ["ann@example.net", "bob@example.net", "eve@example.com"], id="what is quarantined"),
        pytest.param("-q", [], id="everything"),
    ],
)
def test_a_queue_run_takes_what_is_meant(cf: Path, option: str, left: list[str]) -> None:
    sendmail(cf, option)

    assert senders(cf) == left


def test_a_queue_run_takes_a_message_by_the_name_that_mailq_shows(cf: Path) -> None:
    name = next(line.split()[0] for line in sendmail(cf, "-bp").splitlines() if "bob@" in line)

    sendmail(cf, f"-qI{name}")

    assert senders(cf) == ["ann@example.net", "eve@example.com"]
