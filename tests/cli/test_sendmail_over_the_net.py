"""``sendmail`` at a site that has a sendmail.cf: mail for mailers that connect goes out before the command ends."""

import os
import subprocess
from pathlib import Path

import pytest

from support.cf_site import BIN, HEAD, SLOW
from support.channel_peer import Script, ScriptedPeer

CF = (
    HEAD
    + """\
O DeliveryMode=interactive
O ErrorMode=print
Pspecial-delivery=100
Pbulk=-60
H?F?From: $g
H?M?Message-Id: <$t.$i@$j>
Scanonify=3
R$* < $* > $*\t$2
R$+ @ $+\t$: $1 < @ $2 >
Sparse=0
R$+ < @ $=w >\t$#local $: $1
R$+ < @ $+ >\t$#relay $@ [127.0.0.1] $: $1 < @ $2 >
R$+\t\t\t$#local $: $1
Sfinal=4
R$* < @ $* >\t$1 @ $2
Mlocal, P=/bin/true, F=ls, A=true $u
Mrelay, P=[IPC], F=mMF, A=TCP $h {port}
Mprog, P=/bin/sh, F=l, A=sh -c $u
"""
)
MESSAGE = b"To: far@example.net\nSubject: over the net\n\nhello\n"


@pytest.fixture
def peer():
    with ScriptedPeer(Script()) as peer:
        yield peer


def site(folder: Path, port: int) -> Path:
    (folder / "queue").mkdir()
    path = folder / "mx.cf"
    path.write_text(CF.format(queue=folder / "queue", port=port))
    return path


def run(program: str, *arguments: object, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [BIN / program, *map(str, arguments)], input=given, capture_output=True, check=False, timeout=SLOW
    )


def test_the_command_delivers_over_the_net_itself(tmp_path: Path, peer: ScriptedPeer) -> None:
    cf = site(tmp_path, peer.port)

    done = run("sendmail", "-C", cf, "-f", "me@mx1.example.org", "far@example.net", given=MESSAGE)

    assert (done.returncode, done.stderr) == (os.EX_OK, b"")
    assert [line.partition(" SIZE=")[0] for line in peer.commands if line.startswith(("MAIL", "RCPT"))] == [
        "MAIL FROM:<me@mx1.example.org>",
        "RCPT TO:<far@example.net>",
    ]
    assert b"is empty" in run("mailq", "-C", cf).stdout


def test_what_the_next_host_defers_is_queued_with_its_words(tmp_path: Path) -> None:
    with ScriptedPeer(Script(replies={"RCPT": b"450 4.2.1 not now\r\n"})) as peer:
        cf = site(tmp_path, peer.port)
        done = run("sendmail", "-C", cf, "-f", "me@mx1.example.org", "far@example.net", given=MESSAGE)
        listed = run("mailq", "-C", cf).stdout.decode()

    assert done.returncode == os.EX_OK
    assert "far@example.net" in listed
    assert "(Deferred: 450 4.2.1 not now)" in listed


def test_etrn_tries_what_is_queued_for_a_node(tmp_path: Path, peer: ScriptedPeer) -> None:
    cf = site(tmp_path, peer.port)
    run("sendmail", "-C", cf, "-odq", "-f", "me@mx1.example.org", "far@example.net", given=MESSAGE)
    run("sendmail", "-C", cf, "-odq", "-f", "me@mx1.example.org", "far@elsewhere.example", given=MESSAGE)

    done = run("sendmail", "-C", cf, "-bs", given=b"HELO here\r\nETRN example.net\r\nQUIT\r\n")

    assert b"250 2.0.0 Queuing for node example.net started\r\n" in done.stdout
    assert [line for line in peer.commands if line.startswith("RCPT")] == ["RCPT TO:<far@example.net>"]
    assert b"far@elsewhere.example" in run("mailq", "-C", cf).stdout


def queue_three(cf: Path) -> None:
    """Queue a bulk message, an ordinary one and an urgent one, in that order."""
    for who, precedence in (("bulk", "bulk"), ("plain", "first-class"), ("urgent", "special-delivery")):
        text = f"Precedence: {precedence}\n\nhello\n".encode()
        run("sendmail", "-C", cf, "-odq", "-f", "me@mx1.example.org", f"{who}@example.net", given=text)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param([], ["urgent", "plain", "bulk"], id="priority is sendmail's usual order"),
        pytest.param(["-OQueueSortOrder=time"], ["bulk", "plain", "urgent"], id="time"),
        pytest.param(["-OMaxQueueRunSize=1"], ["urgent"], id="a run of one takes the most urgent"),
        pytest.param(["-OQueueLA=0", "-OQueueFactor=-200000000"], [], id="a load for which all is too heavy"),
    ],
)
def test_a_queue_run_keeps_the_order_of_the_site(
    tmp_path: Path, peer: ScriptedPeer, options: list[str], expected: list[str]
) -> None:
    cf = site(tmp_path, peer.port)
    queue_three(cf)

    run("sendmail", "-C", cf, "-q", *options)

    reached = [line[len("RCPT TO:<") :].partition("@")[0] for line in peer.commands if line.startswith("RCPT")]
    assert reached == expected


def test_mailq_tells_the_priority_that_the_class_makes(tmp_path: Path, peer: ScriptedPeer) -> None:
    cf = site(tmp_path, peer.port)
    queue_three(cf)

    lines = run("mailq", "-C", cf, "-v").stdout.decode().splitlines()

    priorities = [int(line.split()[2]) for line in lines if "me@mx1.example.org" in line]
    sizes = [len(f"Precedence: {word}\n\nhello\n") for word in ("bulk", "first-class", "special-delivery")]
    assert priorities == [sizes[0] + 30000 + 108000, sizes[1] + 30000, sizes[2] + 30000 - 180000]


def test_a_high_load_queues_what_is_handed_in(tmp_path: Path, peer: ScriptedPeer) -> None:
    cf = site(tmp_path, peer.port)

    done = run("sendmail", "-C", cf, "-OQueueLA=0", "-OQueueFactor=0", "far@example.net", given=MESSAGE)

    assert done.returncode == os.EX_OK
    assert peer.commands == []
    assert b"far@example.net" in run("mailq", "-C", cf).stdout


def test_a_message_is_given_up_by_the_time_limit_of_its_priority(tmp_path: Path) -> None:
    with ScriptedPeer(Script(replies={"RCPT": b"450 4.2.1 not now\r\n"})) as peer:
        cf = site(tmp_path, peer.port)
        for priority in ("urgent", "normal"):
            text = f"Priority: {priority}\n\nhello\n".encode()
            to = f"{priority}@example.net"
            run("sendmail", "-C", cf, "-OTimeout.queuereturn.urgent=0s", "-f", "me@mx1.example.org", to, given=text)
        listed = run("mailq", "-C", cf).stdout.decode()

    assert "normal@example.net" in listed
    assert "urgent@example.net" not in listed
