"""PrivacyOptions=authwarnings: whoever is not trusted is named in mail that says somebody else sends it."""

import os
import subprocess
from pathlib import Path

import pytest

from posthouse.cli.submission.people import account_name
from support.cf_site import BIN, HEAD, SLOW

CF = (
    HEAD
    + """\
{trusted}
O DeliveryMode=interactive
O PrivacyOptions={privacy}
HX-Site: here
Sparse=0
R$*\t\t\t$#local $: $1
Mlocal, P={folder}/catch, F=lnS, A=catch $u
Mprog, P=/bin/sh, F=l, A=sh -c $u
"""
)
ME = account_name()


def site(folder: Path, privacy: str, trusted: str = "") -> Path:
    (folder / "queue").mkdir()
    script = folder / "catch"
    script.write_text(f"#!/bin/sh\ncat >{folder}/got\n")
    script.chmod(0o755)
    cf = folder / "mx.cf"
    cf.write_text(CF.format(queue=folder / "queue", folder=folder, privacy=privacy, trusted=trusted))
    return cf


def header_after(cf: Path, *arguments: str, given: bytes = b"Subject: x\n\nhello\n", login: str = ME) -> list[str]:
    done = subprocess.run(
        [BIN / "sendmail", "-C", cf, *arguments],
        input=given,
        capture_output=True,
        check=False,
        timeout=SLOW,
        env={**os.environ, "LOGNAME": login},
    )
    assert (done.returncode, done.stderr) == (os.EX_OK, b"")
    return (cf.parent / "got").read_text().partition("\n\n")[0].split("\n")


def test_another_sender_is_told_of_before_the_fields_of_the_message(tmp_path: Path) -> None:
    header = header_after(site(tmp_path, "authwarnings"), "-f", "boss", "joe")

    assert header == [
        "X-Site: here",
        f"X-Authentication-Warning: mx1.example.org: {ME} set sender to boss using -f",
        "Subject: x",
    ]


def test_the_environment_makes_nobody_trusted(tmp_path: Path) -> None:
    header = header_after(site(tmp_path, "authwarnings", "Ttrusted"), "-f", "boss", "joe", login="trusted")

    assert f"X-Authentication-Warning: mx1.example.org: {ME} set sender to boss using -f" in header


def test_smtp_on_standard_input_is_told_of(tmp_path: Path) -> None:
    commands = ["HELO x", "MAIL FROM:<boss>", "RCPT TO:<joe>", "DATA", "Subject: x", "", "hello", ".", "QUIT"]
    dialogue = "".join(f"{command}\r\n" for command in commands).encode()

    header = header_after(site(tmp_path, "authwarnings"), "-bs", given=dialogue)

    assert f"X-Authentication-Warning: mx1.example.org: {ME} owned process doing -bs" in header


@pytest.mark.parametrize(
    ("privacy", "trusted", "arguments"),
    [
        pytest.param("public", "", ("-f", "boss"), id="nobody asked for warnings"),
        pytest.param("authwarnings", f"T{ME}", ("-f", "boss"), id="the user is trusted"),
        pytest.param("authwarnings", "", (), id="the user sends in the own name"),
    ],
)
def test_nothing_is_told_otherwise(tmp_path: Path, privacy: str, trusted: str, arguments: tuple[str, ...]) -> None:
    header = header_after(site(tmp_path, privacy, trusted), *arguments, "joe")

    assert header == ["X-Site: here", "Subject: x"]
