"""The commands beside a running daemon: one process, asked and told by all of them."""

import json

import pytest

from support.cli_site import SITE, command
from support.daemon import running_daemon
from support.e2e_site import relay_to
from support.ports import free_port
from support.waiting import until


@pytest.fixture(scope="module")
def daemon(tmp_path_factory):
    with running_daemon(tmp_path_factory.mktemp("daemon"), SITE) as running:
        yield running


def test_sendmail_hands_over_and_it_is_delivered(daemon):
    text = b"Subject: up and over\n\nhello\n"
    result = command("sendmail", "-v", "-f", "ann", "joe", site=daemon.site_file, stdin=text)

    assert result.returncode == 0, result.stderr
    shown = result.stdout.decode()
    assert ">>> MAIL FROM:<ann@example.org>" in shown
    assert [line[:9] for line in shown.splitlines()[-3:]] == [">>> QUIT", "221 2.0.0", "Sent: 250"]
    until(lambda: any(b"Subject: up and over" in text for text in daemon.messages("joe")), "this very message")


def test_handing_over_imports_neither_spool_nor_event_loop(daemon):
    result = command("sendmail", "ann", site=daemon.site_file, stdin=b"\n", PYTHONPROFILEIMPORTTIME="1")

    imported = {line.rpartition("|")[2].strip() for line in result.stderr.decode().splitlines()}
    assert "posthouse.cli.submission.submit_socket" in imported
    assert imported.isdisjoint({"asyncio", "sqlite3", "posthouse.ports", "posthouse.submit.intake"})


def test_refused_recipient_is_told_by_the_daemon(daemon):
    result = command("sendmail", "nobody", site=daemon.site_file, stdin=b"Subject: x\n\n")

    assert result.returncode == 67
    assert b"nobody@example.org... 550 5.1.1" in result.stderr


def test_bs_is_joined_to_the_daemon(daemon):
    envelope = b"EHLO x\r\nMAIL FROM:<joe@example.org>\r\nRCPT TO:<ann@example.org>\r\n"
    dialogue = envelope + b"DATA\r\nSubject: by -bs\r\n\r\n.\r\nQUIT\r\n"

    result = command("sendmail", "-bs", site=daemon.site_file, stdin=dialogue)

    assert result.returncode == 0
    assert result.stdout.splitlines()[-1].startswith(b"221")
    until(lambda: any(b"Subject: by -bs" in text for text in daemon.messages("ann")), "this very message")


def test_status_says_that_it_runs(daemon):
    result = command("posthouse", "status", "--json", site=daemon.site_file)

    assert result.returncode == 0
    assert json.loads(result.stdout)["running"] is True


def test_log_follows_a_message_to_its_end(daemon):
    command("posthouse", "send", "--to", "info", "--body", "x", site=daemon.site_file)
    queue_id = daemon.wait_event("resolved", recipient="info@example.org")["queue_id"]

    result = command("posthouse", "log", queue_id, "--follow", "--for", "90s", "--json", site=daemon.site_file)

    assert result.returncode == 0, result.stderr
    names = [json.loads(line)["event"] for line in result.stdout.splitlines()]
    assert names[0] == "accepted"
    assert names[-1] == "finished"
    past = command("posthouse", "explain", "--id", queue_id, site=daemon.site_file).stdout.decode()
    assert "now:      delivered" in past


def test_bad_site_is_not_even_sent_to_the_daemon(daemon):
    good = daemon.site_file.read_text()
    daemon.site_file.write_text(good + "\n[nonsense]\n")
    try:
        result = command("posthouse", "reload", site=daemon.site_file)
    finally:
        daemon.site_file.write_text(good)

    assert result.returncode == 78
    assert result.stderr.startswith(str(daemon.site_file).encode())
    assert daemon.events("reload-refused") == []


def test_reload_waits_for_the_daemons_word(daemon):
    daemon.site_file.write_text(daemon.site_file.read_text() + '\n[[route]]\nhost = "example.com"\nchannel = "local"\n')

    result = command("posthouse", "reload", site=daemon.site_file)

    assert result.returncode == 0, result.stderr
    assert result.stdout.decode() == f"Reloaded {daemon.site_file}.\n"


def test_second_daemon_is_refused_by_bd(daemon):
    result = command("sendmail", "-bd", site=daemon.site_file)

    assert result.returncode == 75
    assert b"already runs" in result.stderr


def test_bd_starts_it_and_stop_stops_it(tmp_path):
    site = tmp_path / "site.toml"
    site.write_text(SITE)
    kept = command("sendmail", "joe", site=site, stdin=b"Subject: waited\n\n")
    assert kept.returncode == 0

    started = command("sendmail", "-bd", "-q15m", site=site)
    try:
        until(lambda: list((tmp_path / "mail" / "joe" / "new").glob("*")), "the mail that was kept before")
    finally:
        stopped = command("posthouse", "stop", site=site)

    assert (started.returncode, started.stderr) == (0, b"")
    assert (stopped.returncode, stopped.stdout) == (0, b"Stopped.\n")


def test_reload_into_a_log_that_is_not_there_yet(tmp_path):
    with running_daemon(tmp_path, SITE) as daemon:
        daemon.site_file.write_text(SITE.replace('file = "log"', 'file = "other/log"'))

        result = command("posthouse", "reload", site=daemon.site_file)

        assert (result.returncode, result.stderr) == (0, b"")
        assert (tmp_path / "other" / "log").exists()


def test_explain_knows_a_message_that_an_operator_gave_up(tmp_path):
    with running_daemon(tmp_path, SITE + relay_to("away.test", free_port())) as daemon:
        site = daemon.site_file
        command("sendmail", "-f", "joe", "bob@away.test", site=site, stdin=b"\n")
        queue_id = daemon.wait_event("deferred", recipient="bob@away.test")["queue_id"]
        given_up = command("posthouse", "queue", "remove", queue_id, "--note", "typing error", site=site)
        assert given_up.returncode == 0, given_up.stderr

        shown = command("posthouse", "explain", "--id", queue_id, site=site).stdout.decode()

    now = shown[shown.index("now:") :]
    assert "removed" in now
    assert "typing error" in now
    assert max(map(len, shown.splitlines())) <= 80


def test_what_comes_in_after_a_look_at_the_queue_is_seen_by_the_next(tmp_path):
    """A command that leaves the spool must leave it to the daemon: its log, above all."""
    with running_daemon(tmp_path, SITE + relay_to("away.test", free_port())) as daemon:
        for number in range(3):
            command("sendmail", "-f", "joe", f"bob{number}@away.test", site=daemon.site_file, stdin=b"\n")
            shown = command("posthouse", "queue", "list", "--json", site=daemon.site_file).stdout.splitlines()
            assert len(shown) == number + 1
        daemon.kill()

        shown = command("posthouse", "queue", "list", "--json", site=daemon.site_file).stdout.splitlines()

    assert len(shown) == 3
