"""Starting, reloading, stopping and dying: nothing that was accepted is lost, and no session dropped."""

import os
import pwd
import shutil
import signal
import smtplib
import socket
import subprocess
import sys
import tempfile
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest

from support.daemon import make_site, running_daemon
from support.e2e_site import SITE, relay_to
from support.ports import free_port
from support.processes import has_ended
from support.sinks import running_sink
from support.waiting import LONG, until


@pytest.fixture
def daemon(tmp_path):
    with running_daemon(tmp_path, SITE) as running:
        yield running


def gone(pids):
    return all(map(has_ended, pids))


def serve_again(daemon):
    """Try to start a second daemon; return what it said and how it ended."""
    command = [sys.executable, "-m", "posthouse", "serve", "--site", str(daemon.site_file)]
    return subprocess.run(command, capture_output=True, timeout=LONG, check=False)


def test_queued_mail_survives_the_death_of_every_process(tmp_path):
    port = free_port()
    with running_daemon(tmp_path / "site", SITE + relay_to("away.test", port)) as daemon:
        for number in range(5):
            daemon.send("ann@mx.test", f"bob{number}@away.test")
        children = daemon.children()
        daemon.kill()
        until(lambda: gone(children), "the children to die")
        with running_sink(tmp_path / "sink", port=port) as sink:
            daemon.start()
            messages = sink.wait_messages(5)
    assert {b"<bob%d@away.test>" % n for n in range(5)} == {
        line.removeprefix(b"X-Rcpt-Args: ") for m in messages for line in m.splitlines() if line.startswith(b"X-Rcpt")
    }


def test_a_killed_supervisor_takes_its_children_with_it(daemon):
    children = daemon.children()
    assert len(children) == 2

    os.kill(daemon.process.pid, signal.SIGKILL)
    daemon.process.wait(LONG)

    until(lambda: gone(children), "the orphans to stop")
    daemon.start()
    daemon.send("ann@mx.test", "joe@mx.test")
    daemon.wait_messages("joe", 1)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_a_stop_leaves_no_child_and_no_pid_file(daemon, number):
    children = daemon.children()

    daemon.signal(number)

    assert daemon.process.wait(LONG) == 0
    assert gone(children)
    assert not (daemon.home / "run" / "posthouse.pid").exists()
    assert daemon.events("stopped")


def test_stopping_lets_an_open_transaction_end(tmp_path):
    with running_daemon(tmp_path, SITE.replace('drain = "2s"', 'drain = "10m"')) as daemon:
        busy, idle = daemon.smtp(), daemon.smtp()
        busy.ehlo()
        busy.mail("ann@mx.test")
        busy.rcpt("joe@mx.test")
        busy.docmd("DATA")

        daemon.signal(signal.SIGTERM)

        assert idle.getreply()[0] == 421
        busy.send(b"Subject: last\r\n\r\nx\r\n.\r\n")
        assert busy.getreply()[0] == 250
        assert busy.getreply()[0] == 421
        busy.close()
        idle.close()
        assert daemon.process.wait(LONG) == 0
        daemon.start()
        daemon.wait_messages("joe", 1)


def test_a_reload_takes_up_the_new_site_and_drops_no_session(daemon):
    old = daemon.smtp()
    old.ehlo()
    old.mail("ann@mx.test")
    daemon.site_file.write_text(daemon.site_file.read_text().replace('master = "" }', 'master = "", new = "" }'))

    daemon.reload()

    assert daemon.events("reloaded")
    daemon.send("ann@mx.test", "new@mx.test")
    daemon.wait_messages("new", 1)
    assert old.rcpt("joe@mx.test")[0] == 250
    assert old.data(b"Subject: old session\r\n\r\nx\r\n")[0] == 250
    old.quit()
    daemon.wait_messages("joe", 1)
    until(lambda: len(daemon.children()) == 2, "the old generation to leave")


def test_a_reload_takes_up_changed_domains(daemon):
    def answer(recipient):
        with daemon.smtp(listener=1) as client:
            client.ehlo()
            client.mail("bob@far.test")
            return client.rcpt(recipient)[0]

    assert (answer("joe@mx.test"), answer("joe@other.test")) == (250, 550)
    daemon.site_file.write_text(daemon.site_file.read_text().replace('[domains."mx.test"]', '[domains."other.test"]'))

    daemon.reload()

    assert (answer("joe@mx.test"), answer("joe@other.test")) == (550, 250)
    daemon.send("bob@far.test", "joe@other.test")
    daemon.wait_messages("joe", 1)


def test_a_reload_asked_for_while_another_one_fails_is_done(daemon):
    good = daemon.site_file.read_text()
    os.mkfifo(daemon.home / "pipe")  # a log that cannot be opened until somebody reads it
    daemon.site_file.write_text(good.replace('file = "log"', 'file = "pipe"'))
    old = set(daemon.children())
    daemon.signal(signal.SIGHUP)
    stuck = until(lambda: set(daemon.children()) - old, "the new generation")
    log = daemon.home / "log"
    log.rename(daemon.home / "log.1")
    daemon.site_file.write_text(good.replace('master = "" }', 'master = "", new = "" }'))
    daemon.signal(signal.SIGHUP)
    daemon.signal(signal.SIGUSR1)
    until(log.exists, "it to have heard all three signals")

    os.kill(stuck.pop(), signal.SIGKILL)

    daemon.wait_event("reload-refused")
    daemon.wait_event("reloaded")
    daemon.send("ann@mx.test", "new@mx.test")
    daemon.wait_messages("new", 1)
    until(lambda: len(daemon.children()) == 2, "the old generation to leave")
    assert len(daemon.events("reloaded")) == 1


def test_a_reload_opens_and_closes_listeners(daemon):
    port = free_port()
    text = daemon.site_file.read_text()
    daemon.site_file.write_text(text.replace('"127.0.0.2:0"', f'"127.0.0.1:{port}"'))
    kept, closed = daemon.addresses[0], daemon.addresses[1]

    daemon.reload()

    addresses = daemon.events("reloaded")[-1]["addresses"]
    assert addresses[:2] == [kept, f"127.0.0.1:{port}"]
    host, _, old_port = closed.rpartition(":")
    smtplib.SMTP("127.0.0.1", port, timeout=LONG).quit()

    def refused():
        with socket.socket() as probe:
            return probe.connect_ex((host, int(old_port))) != 0

    until(refused, "the old listener to close")


def test_a_bad_site_changes_nothing_and_every_mistake_is_told(daemon):
    good = daemon.site_file.read_text()
    daemon.site_file.write_text(good.replace("[retry]", "[retri]") + '\n[limits]\nerrors = "many"\n')
    children = daemon.children()

    daemon.reload()

    [refusal] = daemon.events("reload-refused")
    assert len(refusal["problems"]) >= 2
    assert all("site.toml:" in problem for problem in refusal["problems"])
    until(lambda: "site.toml:" in daemon.stderr(), "the words on standard error")
    assert daemon.children() == children
    daemon.send("ann@mx.test", "joe@mx.test")
    daemon.wait_messages("joe", 1)


def test_a_bad_site_is_not_started(tmp_path):
    daemon = make_site(tmp_path, SITE.replace("users", "usres"))

    done = serve_again(daemon)

    assert done.returncode == os.EX_CONFIG
    assert b"site.toml:" in done.stderr
    assert b"users" in done.stderr


def test_a_second_daemon_on_the_same_spool_is_refused(daemon):
    done = serve_again(daemon)

    assert done.returncode == os.EX_TEMPFAIL
    assert str(daemon.process.pid).encode() in done.stderr
    daemon.send("ann@mx.test", "joe@mx.test")


def test_an_address_in_use_is_named(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        daemon = make_site(tmp_path, SITE.replace("127.0.0.1:0", address))

        done = serve_again(daemon)

    assert done.returncode == os.EX_OSERR
    assert address.encode() in done.stderr
    assert b"in use" in done.stderr


@pytest.mark.parametrize("role", ["smtpd-1", "deliver"])
def test_a_child_that_dies_is_replaced(daemon, role):
    daemon.send("ann@mx.test", "joe@mx.test")
    daemon.wait_event("finished")
    before = daemon.pid_of(role)

    os.kill(before, signal.SIGKILL)

    died = daemon.wait_event("child-died")
    assert died["child"] == role
    assert died["child_pid"] == before
    daemon.send("ann@mx.test", "joe@mx.test")
    daemon.wait_messages("joe", 2)
    until(lambda: daemon.pid_of(role) != before, "a word of the successor in the log")


def test_too_many_connections_are_told_421(tmp_path):
    site = SITE + "\n[limits]\nconnections-per-client = 2\n"
    with running_daemon(tmp_path, site) as daemon:
        first, second = daemon.smtp(), daemon.smtp()

        with pytest.raises(smtplib.SMTPConnectError) as refusal:
            daemon.smtp()

        assert refusal.value.smtp_code == 421
        first.quit()
        second.quit()

        def admitted():
            with suppress(smtplib.SMTPConnectError):
                return daemon.smtp()

        until(admitted, "room for another one").quit()


def test_a_rotated_log_is_reopened(daemon):
    log = daemon.home / "log"
    log.rename(daemon.home / "log.1")

    daemon.signal(signal.SIGUSR1)

    def logged():
        daemon.smtp().quit()
        return daemon.events("connected")

    until(logged, "events in the new log")


def test_metrics_count_what_every_process_did(tmp_path):
    with running_daemon(tmp_path, SITE + '\n[metrics]\nlisten = "127.0.0.1:0"\n') as daemon:
        daemon.send("ann@mx.test", "joe@mx.test")
        daemon.wait_event("finished")
        url = f"http://{daemon.events('started')[-1]['metrics']}/metrics"

        def complete():
            with urllib.request.urlopen(url, timeout=LONG) as answer:
                text = answer.read().decode()
            return text if "posthouse_queue_recipients" in text and "posthouse_outcomes_total" in text else None

        text = until(complete, "the queue's totals")

    assert "posthouse_smtpd_sessions_total 1.0" in text
    assert 'posthouse_messages_accepted_total{protocol="ESMTP"} 1.0' in text


def test_metrics_show_how_the_way_out_is_doing_under_load(tmp_path):
    closed = free_port()
    with running_sink(tmp_path / "sink") as sink:
        site = SITE + '\n[metrics]\nlisten = "127.0.0.1:0"\n[concurrency]\nper-host-initial = 2\nper-host = 7\n'
        site += '\n[channels.smtp]\nidle = "10m"\n'  # so that idle ones are still there when they are counted
        site += relay_to("far.example", sink.port) + relay_to("dead.example", closed)
        with running_daemon(tmp_path, site) as daemon, daemon.smtp() as client:
            client.sendmail("ann@mx.test", ["joe@dead.example"], "Subject: a test\r\n\r\nbody\r\n")
            for _ in range(100):
                client.sendmail("ann@mx.test", ["joe@far.example"], "Subject: a test\r\n\r\nbody\r\n")
            until(lambda: len(daemon.events("delivered")) == 100, "the good host's mail")
            url = f"http://{daemon.events('started')[-1]['metrics']}/metrics"

            def shown() -> dict[str, float] | None:
                with urllib.request.urlopen(url, timeout=LONG) as answer:
                    lines = [line.rpartition(" ") for line in answer.read().decode().splitlines() if line[0] != "#"]
                numbers = {name.removeprefix("posthouse_"): float(value) for name, _, value in lines}
                return numbers if numbers.get("window_widest", 0) > 2 and numbers.get("hops_dead") else None

            numbers = until(shown, "what was learned of the hosts")

    assert numbers["window_widest"] <= 7
    assert (numbers["hops_known"], numbers["hops_dead"]) == (2, 1)
    assert numbers["attempts_limit"] == 100
    opened, reused = (numbers[f'connections_{kind}_total{{channel="smtp"}}'] for kind in ("opened", "reused"))
    assert opened + reused >= 100
    assert reused > opened
    assert 0 < numbers['connections_idle{channel="smtp"}'] <= 7


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give up root")
def test_started_as_root_it_serves_as_the_site_s_user(tmp_path):
    # Not under tmp_path, whose parents only root may enter.
    home = Path(tempfile.mkdtemp(prefix="posthouse-"))
    try:
        home.chmod(0o755)
        (home / "mail").mkdir()
        shutil.chown(home / "mail", "nobody")
        site = SITE.replace("[site]", '[site]\nuser = "nobody"')
        with running_daemon(home, site) as daemon:
            daemon.send("ann@mx.test", "joe@mx.test")
            daemon.wait_messages("joe", 1)
            children = [Path(f"/proc/{pid}").stat().st_uid for pid in daemon.children()]
        owners = {path.stat().st_uid for path in (home / "spool").iterdir() if path.name != "daemon.lock"}
        nobody = pwd.getpwnam("nobody").pw_uid
        assert children == [nobody, nobody]
        assert owners == {nobody}
    finally:
        shutil.rmtree(home)


def test_two_workers_count_the_connections_of_a_client_together(tmp_path):
    site = SITE.replace("workers = 1", "workers = 2") + "\n[limits]\nconnections-per-client = 4\n"
    with running_daemon(tmp_path, site) as daemon:
        clients = [daemon.smtp() for _ in range(4)]

        with pytest.raises(smtplib.SMTPConnectError) as refused:
            daemon.smtp()

        assert refused.value.smtp_code == 421
        assert len(daemon.children()) == 3
        for client in clients:
            client.quit()
