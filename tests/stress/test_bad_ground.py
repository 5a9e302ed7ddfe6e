"""What the daemon stands on gives way: files that are no files, disks that are full or closed."""

import os
import resource
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from support.daemon import make_site, running_daemon
from support.e2e_site import SITE
from support.memory import MIB
from support.other_user import USER, needs_root, public_home, sendmail_as
from support.waiting import LONG, until

LARGE = b"Subject: large\r\n\r\n" + (b"x" * 70 + b"\r\n") * 20_000
ROOM = "\n[limits]\nspool-free-octets = 0\n"


@contextmanager
def small_disk(folder: Path, octets: int = 4 * MIB) -> Iterator[Path]:
    """A disk of its own, with little room; where it cannot be had the test is skipped."""
    folder.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={octets},mode=755", "posthouse-test", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only who may mount can have a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Use all the room there is."""
    filler = folder / "filler"
    with suppress(OSError), filler.open("ab", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    return filler


@pytest.mark.parametrize(
    ("make", "said"),
    [
        pytest.param(lambda path: path.mkdir(), "this is a directory", id="a directory"),
        pytest.param(os.mkfifo, "this is no plain file", id="a pipe"),
        pytest.param(
            lambda path: path.open("wb").truncate(100 * MIB),
            "larger than",
            id="of 100 MiB",
            marks=pytest.mark.filterwarnings("ignore::ResourceWarning"),
        ),
    ],
)
def test_a_site_file_that_is_none_is_told_and_nothing_waits_for_it(tmp_path, make, said):
    daemon = make_site(tmp_path, SITE)
    daemon.site_file.unlink()
    make(daemon.site_file)

    for command in ("check", "serve"):
        done = daemon.run(command)
        assert done.returncode == os.EX_CONFIG
        assert said in (done.stdout + done.stderr).decode()


def test_a_site_that_becomes_a_pipe_is_refused_at_a_reload_and_the_old_one_stays(tmp_path):
    with running_daemon(tmp_path, SITE) as daemon:
        daemon.site_file.unlink()
        os.mkfifo(daemon.site_file)
        daemon.reload()
        assert daemon.events("reload-refused")
        daemon.send("ann@mx.test", "joe@mx.test")
        daemon.wait_messages("joe", 1)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda path: path.mkdir(), id="a directory"),
        pytest.param(os.mkfifo, id="a pipe"),
        pytest.param(lambda path: path.symlink_to("/proc/self/mem"), id="a file that fails when it is read"),
    ],
)
def test_a_table_that_cannot_be_read_defers_its_recipients_alone(tmp_path, make):
    table = tmp_path / "table"
    table.write_text("joe:\n")
    site = SITE + '\n[tables.broken]\nfile = "table"\n\n[domains."broken.test"]\nusers = ["broken"]\n'
    with running_daemon(tmp_path, site) as daemon, daemon.smtp() as client:
        client.ehlo()
        table.unlink()
        make(table)

        def refusal() -> bytes | None:  # a table is looked at once a second
            client.rset()
            client.mail("ann@mx.test")
            code, words = client.rcpt("joe@broken.test")
            return words if code == 451 else None

        assert until(refusal, "the trouble to be noticed").startswith(b"4.3.0")
        assert client.rcpt("joe@mx.test")[0] == 250
        assert client.data("Subject: x\r\n\r\nx\r\n")[0] == 250
        daemon.wait_messages("joe", 1)


def test_a_full_disk_of_the_spool_refuses_new_mail_and_loses_none(tmp_path):
    with small_disk(tmp_path / "spool", 24 * MIB) as disk, running_daemon(tmp_path, SITE + ROOM) as daemon:
        daemon.send("ann@mx.test", "joe@mx.test")
        daemon.wait_messages("joe", 1)
        filler = fill(disk)
        with daemon.smtp() as client:
            client.ehlo()
            client.mail("ann@mx.test")
            client.rcpt("joe@mx.test")
            code, words = client.data(LARGE)
        assert code in {451, 452}, words
        filler.unlink()
        daemon.send("ann@mx.test", "joe@mx.test", LARGE)
        daemon.wait_messages("joe", 2)


def test_a_full_disk_of_the_log_stops_no_mail_and_tears_no_later_line(tmp_path):
    with small_disk(tmp_path / "logs", MIB) as disk:
        site = SITE.replace('file = "log"', 'file = "logs/log"')
        daemon = make_site(tmp_path, site)
        (tmp_path / "log").symlink_to(disk / "log")
        try:
            daemon.start()
            filler = fill(disk)
            for _ in range(100):  # what is left of the log's last page fills up
                daemon.send("ann@mx.test", "joe@mx.test")
            daemon.wait_messages("joe", 100)
            filler.unlink()
            daemon.send("ann@mx.test", "ann@mx.test")
            until(lambda: b'"recipient":"ann@mx.test"' in (disk / "log").read_bytes(), "an event after the trouble")
            whole, _, _being_written = (disk / "log").read_bytes().rpartition(b"\n")
            last = whole.splitlines()[-1]
            assert last.startswith(b"{")
            assert last.endswith(b"}")
        finally:
            daemon.kill()


def test_a_full_disk_of_the_mailboxes_defers_and_leaves_no_pieces(tmp_path):
    with small_disk(tmp_path / "mail") as disk, running_daemon(tmp_path, SITE) as daemon:
        daemon.send("ann@mx.test", "joe@mx.test")
        daemon.wait_messages("joe", 1)
        filler = fill(disk)
        daemon.send("ann@mx.test", "joe@mx.test", LARGE)
        assert daemon.wait_event("deferred")["status"] == "4.3.1"
        assert list((disk / "joe" / "tmp").iterdir()) == []
        filler.unlink()
        assert any(message.endswith(b"x" * 70 + b"\n") for message in daemon.wait_messages("joe", 2))


@needs_root
def test_a_full_disk_of_the_drop_is_told_and_nothing_is_left_there():
    with public_home() as home:
        daemon = make_site(home, SITE + ROOM)
        daemon.start()
        daemon.stop()
        folder = home / "spool" / "drop"
        mode = folder.stat().st_mode
        with small_disk(folder, MIB) as disk:
            disk.chmod(mode & 0o7777)
            filler = fill(disk)
            ended = sendmail_as(USER, daemon.site_file, "joe@mx.test")
            assert ended.code == os.EX_TEMPFAIL, ended
            assert "NOT accepted" in ended.err
            assert [path.name for path in disk.iterdir()] == ["filler"]
            filler.unlink()
            assert sendmail_as(USER, daemon.site_file, "joe@mx.test").code == 0


@contextmanager
def closed_for_writing(folder: Path) -> Iterator[None]:
    """A read-only disk in the place of a folder, for all who open something from now on."""
    aside = folder.with_name(f"{folder.name}.read-only")
    aside.mkdir()
    if os.geteuid() != 0 or subprocess.run(["mount", "--bind", folder, aside], check=False).returncode:
        pytest.skip("only who may mount can close a disk for writing")
    try:
        # Made read-only where nobody writes: in its place somebody might just have a file open.
        subprocess.run(["mount", "-o", "remount,bind,ro", aside], check=True)
        subprocess.run(["mount", "--bind", aside, folder], check=True)
        try:
            yield
        finally:
            subprocess.run(["umount", "-l", folder], check=True)
    finally:
        subprocess.run(["umount", "-l", aside], check=True)


def test_a_spool_that_becomes_read_only_refuses_mail_and_goes_on_when_it_can_be_written_again(tmp_path):
    with running_daemon(tmp_path, SITE) as daemon:
        daemon.send("ann@mx.test", "joe@mx.test")
        with closed_for_writing(tmp_path / "spool"), daemon.smtp() as client:
            client.ehlo()
            client.mail("ann@mx.test")
            client.rcpt("joe@mx.test")
            code, words = client.data(LARGE)
            assert code == 451, words
        daemon.send("ann@mx.test", "joe@mx.test", LARGE)
        daemon.wait_messages("joe", 2)


def test_on_a_read_only_spool_nothing_starts_and_sendmail_says_that_nothing_was_accepted(tmp_path):
    daemon = make_site(tmp_path, SITE)
    daemon.start()
    daemon.stop()
    with closed_for_writing(tmp_path / "spool"):
        served = daemon.run("serve")
        assert served.returncode not in {0, os.EX_SOFTWARE}
        assert b"Read-only file system" in served.stderr + served.stdout
        arguments = [sys.executable, "-m", "posthouse", "send", "--site", str(daemon.site_file), "--to", "joe@mx.test"]
        sent = subprocess.run(arguments, input=b"x\n", capture_output=True, timeout=LONG, check=False)
        assert sent.returncode == os.EX_TEMPFAIL
        assert b"NOT accepted" in sent.stderr


def test_more_connections_than_files_neither_end_the_daemon_nor_make_it_spin(tmp_path):
    site = SITE + "\n[limits]\nconnections = 500\nconnections-per-client = 500\n"
    with running_daemon(tmp_path, site) as daemon:
        children = daemon.children()
        for pid in children:
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (60, 60))
        clients = [socket.create_connection(("127.0.0.1", daemon.port), timeout=LONG) for _ in range(100)]
        greetings = []
        for client in clients:
            with suppress(ConnectionError):
                greetings.append(client.recv(100)[:3])
        for client in clients:
            client.close()
        assert 20 < greetings.count(b"220") < 60
        until(lambda: len(daemon.events("disconnected")) >= greetings.count(b"220"), "their end")
        assert daemon.children() == children
        daemon.send("ann@mx.test", "joe@mx.test")
        daemon.wait_messages("joe", 1)
