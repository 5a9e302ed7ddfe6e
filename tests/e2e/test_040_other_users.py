"""A daemon that gives up root, and users without rights: beside it, and while it is down."""

import os
import pwd
import re
import signal
import stat
from pathlib import Path

import pytest

from posthouse.adapters.wakeup_unix import WakeupSender
from support.daemon import Daemon, make_site
from support.e2e_site import SITE
from support.other_user import ACCOUNT, USER, needs_root, posthouse_as, public_home, sendmail_as
from support.waiting import until

pytestmark = needs_root

ACCOUNT_SITE = SITE.replace('name = "mx.test"', f'name = "mx.test"\nuser = "{ACCOUNT}"', 1)
SECRET = '\n[tables.secret]\nfile = "secret"\n\n[domains."secret.test"]\nusers = ["secret"]\n'


@pytest.fixture
def daemon():
    """A site for an account without rights, not yet started."""
    with public_home() as home:
        made = make_site(home, ACCOUNT_SITE)
        give_to_account(home / "mail")
        try:
            yield made
        finally:
            if made.process is not None:
                made.kill()


def give_to_account(path: Path, text: bytes | None = None) -> None:
    """Make a file, or without a text a directory, for nobody but the account."""
    if text is None:
        path.mkdir(mode=0o700)
    else:
        path.write_bytes(text)
        path.chmod(0o400)
    entry = pwd.getpwnam(ACCOUNT)
    os.chown(path, entry.pw_uid, entry.pw_gid)


def start_and_stop(daemon: Daemon) -> None:
    """Let the daemon prepare its folders."""
    daemon.start()
    assert daemon.stop() == 0


def dropped(daemon: Daemon) -> list[str]:
    return sorted(path.name for path in (daemon.home / "spool" / "drop").iterdir())


def mode_of(path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_children_are_the_account_and_the_spool_is_closed(daemon):
    daemon.start()
    account = pwd.getpwnam(ACCOUNT).pw_uid

    daemon.send("ann@mx.test", "joe@mx.test")
    daemon.wait_messages("joe", 1)

    assert {Path(f"/proc/{pid}").stat().st_uid for pid in daemon.children()} == {account}
    spool = daemon.home / "spool"
    assert mode_of(spool) == 0o711
    assert mode_of(spool / "drop") == 0o3733
    private = [path for path in spool.iterdir() if path.name != "drop"]
    assert {path.name for path in private} >= {"queue.sqlite3", "queue.sqlite3-wal", "lock", "texts"}
    assert [path for path in private if mode_of(path) & 0o077] == []
    assert {path.stat().st_uid for path in [spool, *private]} - {account} <= {0}  # the supervisor's lock is root's


def test_a_reload_and_a_restart_go_on_as_the_account(daemon):
    daemon.start()
    daemon.site_file.write_text(daemon.site_file.read_text() + '\n[domains."more.test"]\nusers = ["people"]\n')
    daemon.reload()

    daemon.send("ann@mx.test", "joe@more.test")

    daemon.wait_messages("joe", 1)
    assert daemon.events("reload-refused") == []
    assert daemon.stop() == 0
    daemon.start()
    daemon.send("ann@mx.test", "joe@mx.test")
    daemon.wait_messages("joe", 2)


def test_a_rotated_log_goes_on_in_a_new_file(daemon):
    """The account may not make a file where the log is; root makes it for all."""
    daemon.start()
    log = daemon.home / "log"
    log.rename(daemon.home / "log.1")

    daemon.signal(signal.SIGUSR1)

    def logged_by(role):
        daemon.send("ann@mx.test", "joe@mx.test")  # each process follows in its own time
        return [event for event in daemon.events() if event["role"] == role]

    for role in ("smtpd-1", "deliver"):
        until(lambda role=role: logged_by(role), f"events of {role} in the new log")
    assert log.stat().st_uid == pwd.getpwnam(ACCOUNT).pw_uid


def test_the_socket_names_the_user_whom_the_kernel_names(daemon):
    daemon.start()

    ended = sendmail_as(USER, daemon.site_file, "joe@mx.test")

    assert (ended.code, ended.err) == (0, "")
    (text,) = daemon.wait_messages("joe", 1)
    assert f"from user {USER})" in text.decode().replace("\n", " ")


def test_what_a_user_leaves_while_the_daemon_is_down_is_delivered_when_it_is_up(daemon):
    start_and_stop(daemon)

    ended = sendmail_as(USER, daemon.site_file, "-f", "games@mx.test", "both", "nobody-here", stdin=b"\nkept\n")

    assert ended.code == os.EX_NOUSER
    assert ended.err.startswith("nobody-here@mx.test... 550 5.1.1 ")
    (name,) = dropped(daemon)
    assert name.endswith(".mail")
    file = daemon.home / "spool" / "drop" / name
    assert (mode_of(file), file.stat().st_uid) == (0o640, pwd.getpwnam(USER).pw_uid)

    daemon.start()

    (text,) = daemon.wait_messages("joe", 1)
    daemon.wait_messages("ann", 1)
    daemon.wait_event("picked-up", user=USER, file=name)
    assert text.count(b"\nReceived: ") + text.startswith(b"Received: ") == 2
    assert text.count(f"from user {USER})".encode()) == 2
    assert text.count(b"\nDate: ") == text.count(b"\nMessage-ID: ") == 1
    assert dropped(daemon) == []


def test_a_recipient_in_a_table_that_the_user_may_not_read_is_taken_all_the_same(daemon):
    daemon.site_file.write_text(daemon.site_file.read_text() + SECRET)
    give_to_account(daemon.home / "secret", b"agent x\n")
    start_and_stop(daemon)

    ended = sendmail_as(USER, daemon.site_file, "-f", "joe@mx.test", "agent@secret.test", "spy@secret.test")

    assert (ended.code, ended.err) == (0, "")
    daemon.start()
    daemon.wait_messages("agent", 1)
    (report,) = daemon.wait_messages("joe", 1)
    assert re.search(rb"^Final-Recipient: rfc822; ?spy@secret.test$", report, re.MULTILINE)
    assert b"Status: 5.1.1" in report


def test_a_daemon_that_stays_root_takes_what_users_left(daemon):
    daemon.site_file.write_text(daemon.site_file.read_text().replace(f'user = "{ACCOUNT}"\n', ""))
    start_and_stop(daemon)

    ended = sendmail_as(USER, daemon.site_file, "joe")

    assert (ended.code, ended.err) == (0, "")
    (name,) = dropped(daemon)
    assert mode_of(daemon.home / "spool" / "drop" / name) == 0o600
    assert mode_of(daemon.home / "spool" / "drop") == 0o1733
    daemon.start()
    daemon.wait_messages("joe", 1)


def test_a_hint_brings_what_is_left_beside_a_running_daemon(daemon):
    daemon.start()
    line = b'{"drop":1,"mail":"FROM:<>","rcpt":["TO:<joe@mx.test>"]}\n'
    hidden = daemon.home / "spool" / "drop" / ".1"
    give_to_account(hidden, line + b"Subject: x\r\n\r\n")

    hidden.rename(hidden.with_name("1.mail"))
    hint = WakeupSender(daemon.home / "run" / "pickup.sock")
    hint.notify()
    hint.close()

    daemon.wait_messages("joe", 1)


def test_what_root_makes_in_the_spool_belongs_to_the_account(daemon):
    """Also while the daemon is down, and however large the text is."""
    start_and_stop(daemon)
    text = b"Subject: large\n\n" + b"x" * 70 + b"\n" * 100_000

    sent = daemon.run("send", "--to", "joe@mx.test", "--body", "-", text=text)

    assert sent.returncode == 0, sent.stderr
    account = pwd.getpwnam(ACCOUNT).pw_uid
    spool = daemon.home / "spool"
    made = [path for path in spool.rglob("*") if path.name != "daemon.lock"]
    assert len(list((spool / "texts").glob("*/*"))) == 1
    assert [path for path in made if path.stat().st_uid != account] == []
    daemon.start()
    daemon.wait_messages("joe", 1)


def test_sendmail_bs_leaves_mail_too(daemon):
    start_and_stop(daemon)
    dialogue = b"EHLO x\r\nMAIL FROM:<joe@mx.test>\r\nRCPT TO:<ann@mx.test>\r\nDATA\r\nSubject: bs\r\n\r\n.\r\nQUIT\r\n"

    ended = sendmail_as(USER, daemon.site_file, "-bs", stdin=dialogue)

    assert ended.code == 0
    assert [line[:3] for line in ended.out.splitlines()][-3:] == ["354", "250", "221"]
    daemon.start()
    daemon.wait_messages("ann", 1)


@pytest.mark.parametrize("is_up", [True, False], ids=["daemon up", "daemon down"])
@pytest.mark.parametrize(
    "command",
    [["queue", "list"], ["status"], ["queue", "hold", "--all"], ["queue", "show", "0SA7RRTYWR9R6"]],
    ids=" ".join,
)
def test_the_queue_is_closed_to_users_and_says_so(daemon, command, is_up):
    if not is_up:
        start_and_stop(daemon)
    else:
        daemon.start()

    ended = posthouse_as(USER, daemon.site_file, *command)

    assert ended.code == os.EX_NOPERM
    assert ended.err == f"posthouse: the queue is open to root and {ACCOUNT} only\n"


@pytest.mark.parametrize("option", ["-bp", "-bP", "-q"])
def test_mailq_is_closed_to_users_and_says_so(daemon, option):
    start_and_stop(daemon)

    ended = sendmail_as(USER, daemon.site_file, option)

    assert (ended.code, ended.out) == (os.EX_NOPERM, "")
    assert ended.err == f"sendmail: the queue is open to root and {ACCOUNT} only\n"


@pytest.mark.parametrize("command", ["reload", "stop"])
def test_users_cannot_order_the_daemon_about(daemon, command):
    daemon.start()

    ended = posthouse_as(USER, daemon.site_file, command)

    assert ended.code == os.EX_NOPERM
    assert ended.err == f"posthouse: process {daemon.process.pid} belongs to another user; try as root\n"
    assert daemon.process.poll() is None


@pytest.mark.parametrize("command", ["reload", "stop"])
@pytest.mark.parametrize(
    "why",
    [
        pytest.param("a table that is closed to them", id="table"),
        pytest.param("a site file that is closed to them", id="site"),
    ],
)
def test_what_users_cannot_read_does_not_hide_that_they_may_not(daemon, command, why):
    if "table" in why:
        give_to_account(daemon.home / "secret", b"joe: x\n")
        daemon.site_file.write_text(daemon.site_file.read_text() + SECRET)
    daemon.start()
    if "site" in why:
        daemon.site_file.chmod(0o600)

    ended = posthouse_as(USER, daemon.site_file, command)

    assert ended.code == os.EX_NOPERM
    assert ended.err.count("\n") == 1
    assert ended.err.startswith("posthouse: ")
    assert daemon.process.poll() is None
