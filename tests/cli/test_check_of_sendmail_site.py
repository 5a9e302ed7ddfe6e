"""``posthouse check`` of a sendmail.cf, and the accounts that it names."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.sendmail_deliveries import DATA, PLACE

BIN = Path(sys.executable).parent
SLOW = 60.0  # seconds


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Return deliver.cf of the recorded answers, its placeholder filled in."""
    cf = tmp_path / "deliver.cf"
    cf.write_text((DATA / "deliver.cf").read_text().replace(PLACE, str(tmp_path)))
    (tmp_path / "maps/deliver").mkdir(parents=True)
    for name in ("hosts", "service.switch"):
        (tmp_path / "maps" / name).write_bytes((DATA / "maps" / name).read_bytes())
    return cf


def run(*words: str | Path) -> tuple[int, str, str]:
    done = subprocess.run(words, capture_output=True, check=False, timeout=SLOW, stdin=subprocess.DEVNULL)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def test_the_recorded_configuration_is_in_order(corpus: Path) -> None:
    (corpus.parent / "maps/deliver/aliases").write_text("postmaster: root\n")

    code, said, wrong = run(BIN / "posthouse", "check", "--site", corpus)

    assert (code, wrong) == (0, "")
    assert "channels:" in said


def test_an_alias_file_that_is_not_there_is_an_error_for_mail_to_users_would_wait(corpus: Path) -> None:
    code, _, wrong = run(BIN / "posthouse", "check", "--site", corpus)
    _, verdict, _ = run(BIN / "sendmail", "-C", corpus, "-bv", "nobody-here")

    assert code == 78
    assert f"{corpus.parent}/maps/deliver/aliases" in wrong
    assert verdict == "nobody-here... deliverable: mailer local, user nobody-here\n"  # nobody can say that it is not


def test_a_class_file_that_is_not_there_is_an_error_that_says_what_would_be_right(corpus: Path) -> None:
    corpus.write_text(corpus.read_text() + "Fw/nonexistent/local-host-names\n")

    code, _, wrong = run(BIN / "posthouse", "check", "--site", corpus)

    assert code == 78
    assert "fileclass: cannot open '/nonexistent/local-host-names': No such file or directory" in wrong
    assert "write Fw-o" in wrong


def test_mailbox_database_names_a_passwd_file(corpus: Path) -> None:
    users = corpus.parent / "users"
    (corpus.parent / "maps/deliver/aliases").write_text("")
    users.write_text(f"zoe:x:{os.geteuid()}:{os.getegid()}:Zoe:/nonexistent:/bin/sh\n")
    corpus.write_text(corpus.read_text() + f"O MailboxDatabase=pw:{users}\n")

    _, found, _ = run(BIN / "sendmail", "-C", corpus, "-bv", "zoe")
    code, unknown, _ = run(BIN / "sendmail", "-C", corpus, "-bv", "root")

    assert found == "zoe... deliverable: mailer local, user zoe\n"
    assert (code, unknown) == (67, "root... User unknown\n")


def test_words_of_a_class_come_from_a_map(corpus: Path) -> None:
    (corpus.parent / "maps/deliver/aliases").write_text("")
    (corpus.parent / "words").write_text("others x\nours one.example two.example\n")
    corpus.write_text(corpus.read_text() + f"Fwours@hash:{corpus.parent}/words\n")

    code, said, _ = run(BIN / "posthouse", "check", "--site", corpus)

    assert code == 0
    assert "one.example" in said
    assert "two.example" in said


@pytest.mark.parametrize(("optional", "code"), [("", 78), ("-o ", 0)])
def test_a_class_map_that_cannot_be_asked_is_an_error_unless_it_is_optional(
    corpus: Path, optional: str, code: int
) -> None:
    (corpus.parent / "maps/deliver/aliases").write_text("")
    corpus.write_text(corpus.read_text() + f"Fw{optional}ours@hash:{corpus.parent}/nowhere\n")

    done, _, wrong = run(BIN / "posthouse", "check", "--site", corpus)

    assert done == code
    assert ("map lookup failed" in wrong) is bool(code)
