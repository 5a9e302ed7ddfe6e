"""The commands of a site whose accounts stand in a passwd(5) file."""

import pytest

from support.cli_site import SITE, command, write_site
from support.mmdf_site import make_mmdf_site

PEOPLE = "zoe:x:5001:5000:Zoe Zucker:/srv/zoe:/bin/sh\n"


@pytest.fixture
def site(tmp_path):
    (tmp_path / "people").write_text(PEOPLE)
    text = SITE.replace('users = ["people"]', 'users = ["login-names"]') + '[accounts]\npasswd = "people"\n'
    return write_site(tmp_path, text)


def test_mail_is_taken_for_accounts_of_the_file_alone(site):
    known = command("sendmail", "zoe", site=site, stdin=b"Subject: x\n\nhello\n")
    unknown = command("sendmail", "root", site=site, stdin=b"Subject: x\n\nhello\n")

    assert (known.returncode, known.stderr) == (0, b"")
    assert unknown.returncode == 67
    assert b"root@example.org... 550 5.1.1" in unknown.stderr


def test_check_names_file_and_line_of_what_is_no_account(site):
    (site.parent / "people").write_text(PEOPLE + "ann\n")

    result = command("posthouse", "check", site=site)

    assert result.returncode == 78
    assert f"{site.parent}/people:2:1: an account has 7 fields".encode() in result.stderr


def test_check_says_that_the_file_is_not_there(site):
    (site.parent / "people").unlink()

    result = command("posthouse", "check", site=site)

    assert result.returncode == 78
    assert b"site.toml:" in result.stderr
    assert f"there is no file {site.parent}/people".encode() in result.stderr


def test_checkaddr_of_mmdf_knows_the_accounts_that_passwd_names(tmp_path):
    (tmp_path / "people").write_text(PEOPLE)
    tailor = make_mmdf_site(tmp_path, 'PASSWD "people"\n')

    known = command("posthouse", "mmdf", "checkaddr", "-t", str(tailor), "zoe", site=tailor)
    unknown = command("posthouse", "mmdf", "checkaddr", "-t", str(tailor), "daemon", site=tailor)

    assert (known.returncode, unknown.returncode) == (0, 1), (known.stdout, unknown.stdout)


def test_check_warns_of_the_accounts_of_a_tailor_file(tmp_path):
    tailor = make_mmdf_site(tmp_path, 'PASSWD "people"\n')

    result = command("posthouse", "check", site=tailor)

    assert result.returncode == 0
    assert f"cannot read {tmp_path}/people: No such file or directory".encode() in result.stdout
