"""check_compat is asked for each sender and recipient when a command delivers."""

import os
from pathlib import Path

import pytest

from support.cf_site import HEAD, kept, run_sendmail

CF = (
    HEAD
    + """\
DnMAILER-DAEMON
O DeliveryMode=interactive
O ErrorMode=mail
Troot daemon joe
Kpairs hash -T<TMPF> {place}/pairs
Scanonify=3
R$* < $* > $*\t$2
Sparse=0
R$+\t\t$#local $: $1
Scheck_compat
R$* $| slow\t$: <$( pairs $1 $) > $| slow
R$* <TMPF> $| slow\t$#error $@ 4.7.1 $: "450 not now"
R$* zed $* $| $* bob $*\t$#error $@ 5.7.1 $: "550 bob wants no mail of zed"
R$* $| gone\t$#error $@ NOUSER $: nobody
R$* $| quiet\t$#discard $: discard
Mlocal, P={place}/keep, F=lsmDFMAw5:/|@qPSu, A=keep $u
Mprog, P=/bin/sh, F=lS, A=sh -c $u
M*file*, P=[FILE], F=lsDFMPEou, A=FILE $u
M*include*, P=/dev/null, F=su, A=INCLUDE $u
"""
)
USERS = ("ann", "bob", "gone", "quiet", "slow", "zed")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    for name in ("queue", "kept"):
        (tmp_path / name).mkdir()
    (tmp_path / "keep").write_text(
        f'#!/bin/sh\ncd {tmp_path}/kept\ncat > .text\nfor user; do cat .text >> "$user"; done\nrm .text\n'
    )
    (tmp_path / "keep").chmod(0o755)
    (tmp_path / "mx.cf").write_text(CF.format(queue=tmp_path / "queue", place=tmp_path))
    lines = (f"{name}:x:{os.geteuid()}:{os.getegid()}::{tmp_path}:/bin/sh\n" for name in USERS)
    (tmp_path / "passwd").write_text("".join(lines))
    return tmp_path


def test_a_refused_pair_is_reported_and_the_others_get_the_message(place: Path) -> None:
    code, said = run_sendmail(place, "zed", "-f", "zed", "bob", "ann")

    assert (code, said) == (65, "")
    assert kept(place) == ["ann", "zed"]
    report = (place / "kept/zed").read_text()
    assert "permanent fatal errors -----\nbob\n" in report
    assert "Status: 5.5.2\n" in report
    assert "bob wants no mail" not in report


def test_another_sender_may_write_to_the_same_recipient(place: Path) -> None:
    code, _ = run_sendmail(place, "zed", "-f", "ann", "bob")

    assert (code, kept(place)) == (0, ["bob"])


def test_the_exit_status_is_the_rule_s(place: Path) -> None:
    code, _ = run_sendmail(place, "zed", "-f", "zed", "gone")

    assert code == 67
    assert "Status: 5.1.1\n" in (place / "kept/zed").read_text()


def test_a_discarded_recipient_gets_nothing_and_nobody_is_told(place: Path) -> None:
    code, _ = run_sendmail(place, "zed", "-f", "zed", "-N", "success,failure", "quiet", "ann")

    assert code == 0
    assert "quiet" not in kept(place)
    assert "quiet" not in (place / "kept/zed").read_text()  # of ann he is told


def test_what_a_map_cannot_say_now_waits_in_the_queue(place: Path) -> None:
    code, said = run_sendmail(place, "zed", "-v", "-f", "zed", "slow")
    waiting = run_sendmail(place, "zed", "-bp")[1]

    assert (code, said) == (0, "slow... Deferred\n")
    assert kept(place) == []
    assert "(Deferred)" in waiting


def test_who_only_queues_asks_too_since_the_daemon_does_not(place: Path) -> None:
    code, _ = run_sendmail(place, "zed", "-odq", "-f", "zed", "bob", "ann")

    assert code == 0
    assert kept(place) == ["zed"]
    assert "bob" not in run_sendmail(place, "zed", "-bp")[1]


def test_smtp_on_standard_input_takes_the_recipient_and_reports(place: Path) -> None:
    dialogue = b"HELO here\nMAIL FROM:<zed>\nRCPT TO:<bob>\nDATA\nSubject: x\n\nbody\n.\nQUIT\n"

    code, said = run_sendmail(place, "zed", "-bs", text=dialogue.replace(b"\n", b"\r\n"))

    assert "250 2.1.5 <bob>... Recipient ok" in said
    assert (code, kept(place)) == (65, ["zed"])
