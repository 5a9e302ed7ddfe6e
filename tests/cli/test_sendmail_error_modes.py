"""How the sendmail command of a site with a sendmail.cf tells of failures: ErrorMode, ErrorHeader, dead.letter."""

import os
import subprocess
from pathlib import Path

import pytest

from support.cf_site import BIN, HEAD, SLOW, kept, run_sendmail

CF = (
    HEAD
    + """\
DnMAILER-DAEMON
O DeliveryMode=interactive
Troot daemon joe
H?P?Return-Path: <$g>
Scanonify=3
R$* < $* > $*\t$2
Sparse=0
R$+ @ $+\t$#fail $@ $2 $: $1
R$+\t\t$#local $: $1
Mlocal, P={place}/keep, F=lsmDFMAw5:/|@qPSu, A=keep $u
Mprog, P=/bin/sh, F=lS, A=sh -c $u
M*file*, P=[FILE], F=lsDFMPEou, A=FILE $u
M*include*, P=/dev/null, F=su, A=INCLUDE $u
Mfail, P={place}/fail, F=S, T=DNS/RFC822/X-Unix, A=fail $u
"""
)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    for name in ("queue", "kept", "home"):
        (tmp_path / name).mkdir()
    (tmp_path / "keep").write_text(f'#!/bin/sh\ncat >> {tmp_path}/kept/"$1"\n')
    (tmp_path / "keep").chmod(0o755)
    (tmp_path / "fail").write_text("#!/bin/sh\nexit 67\n")
    (tmp_path / "fail").chmod(0o755)
    (tmp_path / "mx.cf").write_text(CF.format(queue=tmp_path / "queue", place=tmp_path))
    (tmp_path / "passwd").write_text(
        f"joe:x:{os.geteuid()}:{os.getegid()}:Joe:{tmp_path}/home:/bin/sh\nann:x:1:1:Ann:{tmp_path}/home:/bin/sh\n"
    )
    return tmp_path


@pytest.mark.parametrize("recipient", ["nobody-here", "x@fail.example"])
def test_print_leaves_the_message_in_the_home_of_whoever_sent_it(place: Path, recipient: str) -> None:
    code, said = run_sendmail(place, "joe", "-oep", recipient)

    dead = place / "home/dead.letter"
    assert code == 67
    assert said.splitlines()[-1] == f"{dead}... Saved message in {dead}"
    assert dead.read_text().startswith("From joe ")
    assert "Return-Path: <joe>\n" in dead.read_text()
    assert dead.read_text().endswith("Subject: x\n\nbody\n\n")
    assert kept(place) == []


def test_print_is_what_a_site_does_that_says_nothing(place: Path) -> None:
    run_sendmail(place, "joe", "nobody-here")

    assert (place / "home/dead.letter").exists()


def test_print_is_for_whoever_sent_it_and_others_get_a_report(place: Path) -> None:
    code, said = run_sendmail(place, "joe", "-oep", "-f", "ann", "x@fail.example")

    assert (code, said) == (67, "")
    assert kept(place) == ["ann"]
    assert not (place / "home/dead.letter").exists()


def test_quiet_leaves_the_exit_status_alone(place: Path) -> None:
    assert run_sendmail(place, "joe", "-oeq", "nobody-here") == (67, "")
    assert run_sendmail(place, "joe", "-oeq", "x@fail.example") == (67, "")
    assert kept(place) == []


def test_mail_and_write_send_a_report_and_berknet_hides_the_status(place: Path) -> None:
    assert run_sendmail(place, "joe", "-oem", "x@fail.example") == (67, "")
    assert run_sendmail(place, "joe", "-oew", "x@fail.example") == (67, "")
    assert run_sendmail(place, "joe", "-oee", "x@fail.example") == (0, "")

    assert (place / "kept/joe").read_text().count("Subject: Returned mail") == 3


def test_a_bad_address_is_told_in_queue_only_mode_too(place: Path) -> None:
    assert run_sendmail(place, "joe", "-odq", "-oem", "nobody-here") == (67, "")

    assert kept(place) == ["joe"]


def test_error_header_is_a_text_or_a_file(place: Path) -> None:
    (place / "words").write_text("Ask the postmaster of $j.\nThanks.\n")
    run_sendmail(place, "joe", "-oem", "-OErrorHeader=Sorry.", "x@fail.example")
    run_sendmail(place, "joe", "-oem", f"-OErrorHeader={place}/words", "x@fail.example")
    run_sendmail(place, "joe", "-oem", "-OErrorHeader=/nonexistent", "x@fail.example")

    text = (place / "kept/joe").read_text()
    assert text.count("\n\nSorry.\n\n   ----- The following") == 1
    assert text.count("\n\nAsk the postmaster of mx1.example.org.\nThanks.\n\n   ----- The following") == 1
    assert text.count("Subject: Returned mail") == 3


def test_a_report_of_eight_bits_says_so(place: Path) -> None:
    run_sendmail(place, "joe", "-oem", "x@fail.example", text=b"Subject: x\n\ncaf\xe9\n")

    assert (place / "kept/joe").read_bytes().count(b"\nContent-Transfer-Encoding: 8bit\n") == 2


def test_a_report_that_nobody_takes_is_saved_or_held(place: Path) -> None:
    drop = place / "home/drop"
    nowhere = ("-oem", "-ODoubleBounceAddress=nobody-there", "-f", "nobody-here")

    saved = run_sendmail(place, "joe", *nowhere, f"-ODeadLetterDrop={drop}", "x@fail.example")
    run_sendmail(place, "joe", *nowhere, "x@fail.example")
    listed = subprocess.run(
        [BIN / "posthouse", "queue", "list", "--site", place / "mx.cf"], capture_output=True, timeout=SLOW, check=True
    ).stdout.decode()

    assert saved == (67, f"MAILER-DAEMON... Saved message in {drop}\n")
    assert "Postmaster notify" in drop.read_text()
    assert "held" in listed


def test_strict_refuses_text_of_eight_bits_that_is_no_mime(place: Path) -> None:
    code, said = run_sendmail(place, "joe", "-oem", "-OEightBitMode=strict", "joe", text=b"Subject: x\n\ncaf\xe9\n")

    assert said == "Eight bit data not allowed\n"
    assert code == 0
    assert b"554 5.6.1 Eight bit data not allowed" in (place / "kept/joe").read_bytes()
