"""``.mailcf`` in the home of whoever runs ``sendmail`` at a site that has a sendmail.cf."""

import os
import subprocess
from pathlib import Path

import pytest

from posthouse.adapters.personal_cf import read_personal
from posthouse.mail.account import Account
from posthouse.site.cf.declared import CfConfiguration
from posthouse.site.cf.personal import MOST_OCTETS
from support.cf_site import BIN, HEAD, SLOW

CF = (
    HEAD
    + """\
DUthe site
O DeliveryMode=interactive
HOrganization: $U
HX-Site: always
Sparse=0
R$+\t\t\t$#local $: $1
Mlocal, P={folder}/catch, F=lnS, A=catch $u
Mprog, P=/bin/sh, F=l, A=sh -c $u
"""
)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "queue").mkdir()
    (tmp_path / "home").mkdir()
    script = tmp_path / "catch"
    script.write_text(f"#!/bin/sh\ncat >{tmp_path}/got\n")
    script.chmod(0o755)
    cf = tmp_path / "mx.cf"
    cf.write_text(CF.format(queue=tmp_path / "queue", folder=tmp_path))
    (tmp_path / "passwd").write_text(
        f"me:x:{os.getuid()}:{os.getgid()}:Me:{tmp_path}/home:/bin/sh\njoe:x:4711:4711:Joe:/nowhere:/bin/sh\n"
    )
    return cf


def send(cf: Path) -> tuple[str, str]:
    """Send a message; return its header as the mailer got it, and what was said."""
    done = subprocess.run(
        [BIN / "sendmail", "-C", cf, "--users", cf.parent / "passwd", "-f", "me", "joe"],
        input=b"Subject: x\n\nhello\n",
        capture_output=True,
        check=False,
        timeout=SLOW,
    )
    assert (done.returncode, done.stdout) == (os.EX_OK, b"")
    return (cf.parent / "got").read_text().partition("\n\n")[0], done.stderr.decode()


def test_fields_and_macros_of_the_user_take_the_place_of_the_sites(site: Path) -> None:
    own = site.parent / "home/.mailcf"
    own.write_text("# mine\nDUmy own desk\nHX-Site: sometimes, at $j\nHX-Mine: $U\n")

    header, said = send(site)

    assert said == ""
    assert "Organization: my own desk" in header
    assert "X-Site: sometimes, at mx1.example.org" in header
    assert "always" not in header
    assert "X-Mine: my own desk" in header


def test_other_lines_are_told_of_and_change_nothing(site: Path) -> None:
    own = site.parent / "home/.mailcf"
    own.write_text("HX-Mine: yes\nSparse=0\nR$*\t$#error $: no\nO DeliveryMode=queue\nHSubject: $>Check\n")

    header, said = send(site)

    assert "X-Mine: yes" in header
    lines = said.splitlines()
    assert [line.removeprefix(f"sendmail: {own}").split(":")[1] for line in lines] == ["2", "3", "4", "5"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param(lambda path: path.chmod(0o664), "others may write it", id="the group could have written it"),
        pytest.param(lambda path: path.chmod(0o602), "others may write it", id="anybody could have written it"),
        pytest.param(lambda path: path.write_bytes(b"#" * (MOST_OCTETS + 1)), "larger than", id="too large"),
        pytest.param(
            lambda path: path.rename(path.with_name("x")).with_name(".mailcf").symlink_to("x"), "can't", id="link"
        ),
        pytest.param(lambda path: (path.unlink(), os.mkfifo(path)), "no plain file", id="a pipe is never waited for"),
    ],
)
def test_a_file_that_somebody_else_could_have_made_is_ignored(tmp_path: Path, change, reason: str) -> None:
    path = tmp_path / ".mailcf"
    path.write_text("HX-Mine: yes\n")
    path.chmod(0o644)
    user = Account("me", os.getuid(), os.getgid(), "Me", str(tmp_path), "/bin/sh")
    site = CfConfiguration(Path("x.cf"))
    assert [header.name for header in read_personal(site, user)[0].headers] == ["X-Mine"]

    change(path)

    configuration, [problem] = read_personal(site, user)
    assert configuration is site
    assert reason in str(problem)


def test_a_file_of_somebody_else_is_ignored(tmp_path: Path) -> None:
    (tmp_path / ".mailcf").write_text("HX-Mine: yes\n")
    user = Account("me", os.getuid() + 1, os.getgid(), "Me", str(tmp_path), "/bin/sh")

    _, [problem] = read_personal(CfConfiguration(Path("x.cf")), user)

    assert "belongs to somebody else" in str(problem)


def test_a_file_at_the_bound_is_read_whole(tmp_path: Path) -> None:
    line = b"HX-Last: yes\n"
    (tmp_path / ".mailcf").write_bytes((b"#\n" * MOST_OCTETS)[: MOST_OCTETS - len(line) - 1] + b"\n" + line)
    user = Account("me", os.getuid(), os.getgid(), "Me", str(tmp_path), "/bin/sh")

    configuration, problems = read_personal(CfConfiguration(Path("x.cf")), user)

    assert problems == []
    assert [header.name for header in configuration.headers] == ["X-Last"]
