"""sendmail without the daemon: the message is in the spool when it returns, or the exit code says why not."""

import json
import os
import pwd
import re

import pytest

from support.cli_site import command, write_site

TEXT = b"Subject: hello\n\nFirst line.\n.\nnever read\n"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    return write_site(tmp_path_factory.mktemp("site"))


def queued(site):
    result = command("posthouse", "queue", "list", "--json", site=site)
    assert result.returncode == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def kept_text(site, queue_id):
    return command("posthouse", "queue", "show", queue_id, "--text", site=site).stdout.decode()


def send(site, *arguments, stdin=TEXT):
    before = {row["queue_id"] for row in queued(site)}
    result = command("sendmail", *arguments, site=site, stdin=stdin)
    return result, [row for row in queued(site) if row["queue_id"] not in before]


def test_message_is_kept_and_completed(site):
    result, rows = send(site, "-f", "ann", "-F", "Ann, Smith", "info", "someone@example.net")

    assert (result.returncode, result.stderr) == (0, b"")
    assert [(row["sender"], row["recipient"], row["channel"]) for row in rows] == [
        ("ann@example.org", "joe@example.org", "local"),
        ("ann@example.org", "someone@example.net", "smtp"),
    ]
    text = kept_text(site, rows[0]["queue_id"])
    assert re.search(r"^Received: ", text)
    assert re.search(r"^Date: ", text, re.MULTILINE)
    assert re.search(r"^Message-ID: <", text, re.MULTILINE | re.IGNORECASE)
    assert 'From: "Ann, Smith" <ann@example.org>\n' in text
    assert text.endswith("\n\nFirst line.\n")


def test_received_names_the_user_whom_the_kernel_knows_whatever_the_environment_says(site):
    _, rows = send(site, "-f", "ann", "joe")

    received = " ".join(kept_text(site, rows[0]["queue_id"]).partition("\nDate:")[0].split())
    assert f"from user {pwd.getpwuid(os.getuid()).pw_name})" in received


def test_recipients_come_from_the_header_and_bcc_goes(site):
    text = b"To: Ann <ann>, list: someone@example.net;\nBcc: joe\nSubject: x\n\n.\nmore\n"

    result, rows = send(site, "-ti", stdin=text)

    assert result.returncode == 0
    assert sorted(row["recipient"] for row in rows) == ["ann@example.org", "joe@example.org", "someone@example.net"]
    kept = kept_text(site, rows[0]["queue_id"])
    assert "Bcc" not in kept
    assert kept.endswith("\n\n.\nmore\n")


def test_dsn_options_reach_the_queue(site):
    _, rows = send(site, "-N", "never", "-R", "hdrs", "-V", "id+2D7", "-f", "<>", "joe")

    shown = json.loads(command("posthouse", "queue", "show", rows[0]["queue_id"], "--json", site=site).stdout)
    assert (shown["ret"], shown["envid"], shown["sender"]) == ("HDRS", "id+2D7", "")


def test_refused_recipient_is_told_and_the_others_are_sent(site):
    result, rows = send(site, "nobody", "joe")

    assert result.returncode == os.EX_NOUSER
    assert result.stderr.startswith(b"nobody@example.org... 550 5.1.1")
    assert [row["recipient"] for row in rows] == ["joe@example.org"]


def test_nothing_is_kept_when_all_are_refused(site):
    result, rows = send(site, "nobody", "noone")

    assert result.returncode == os.EX_NOUSER
    assert b"NOT sent" in result.stderr
    assert rows == []


@pytest.mark.parametrize(
    ("arguments", "stdin", "code", "said"),
    [
        pytest.param([], b"", os.EX_USAGE, b"Recipient names must be specified", id="no recipients"),
        pytest.param(["-t"], b"Subject: x\n\n", os.EX_USAGE, b"No recipient addresses found", id="none in the header"),
        pytest.param(["-t"], b"To: a@@b\n\n", os.EX_DATAERR, b"is not an address", id="a bad one in the header"),
        pytest.param(["-f", "a b c", "joe"], TEXT, os.EX_USAGE, b"sender: ", id="sender that is no address"),
        pytest.param(["-fa", "-fb", "joe"], TEXT, os.EX_USAGE, b'More than one "from" person', id="two senders"),
        pytest.param(["-bt"], b"", os.EX_USAGE, b"posthouse explain", id="test mode"),
    ],
)
def test_wrong_usage_is_told_by_exit_code(site, arguments, stdin, code, said):
    result = command("sendmail", *arguments, site=site, stdin=stdin)

    assert result.returncode == code
    assert said in result.stderr
    assert b"Traceback" not in result.stderr


def test_spool_that_cannot_be_made_means_not_accepted(tmp_path):
    (tmp_path / "spool").write_text("in the way")

    result = command("sendmail", "joe", site=write_site(tmp_path), stdin=TEXT)

    assert result.returncode == os.EX_TEMPFAIL
    assert b"NOT accepted" in result.stderr


def test_bs_speaks_smtp_without_the_daemon(site):
    dialogue = b"\r\n".join(
        [
            b"EHLO test",
            b"MAIL FROM:<joe@example.org>",
            b"RCPT TO:<nobody@example.org>",
            b"RCPT TO:<ann@example.org>",
            b"DATA",
            b"Subject: by hand\r\n\r\n..dot\r\n.",
            b"QUIT",
            b"",
        ]
    )

    result, rows = send(site, "-bs", stdin=dialogue)

    codes = [line[:3] for line in result.stdout.decode().splitlines() if line[3:4] == " "]
    assert codes == ["220", "250", "250", "550", "250", "354", "250", "221"]
    assert [row["recipient"] for row in rows] == ["ann@example.org"]
    assert kept_text(site, rows[0]["queue_id"]).endswith("\n\n.dot\n")


def test_spool_is_written_without_an_event_loop(site):
    result = command("sendmail", "ann", site=site, stdin=b"\n", PYTHONPROFILEIMPORTTIME="1")

    imported = {line.rpartition("|")[2].strip() for line in result.stderr.decode().splitlines()}
    assert "sqlite3" in imported
    assert imported.isdisjoint({"asyncio", "click", "rich", "dns", "secrets", "logging"})
    # docs/decisions/0005-start-up.md: each of these is a part of the 150 ms that a hand-over may take.
    assert imported.isdisjoint({"dataclasses", "json", "tempfile", "posthouse.ports", "posthouse.tables.regexp"})
    assert imported.isdisjoint({"posthouse.adapters.spool_sqlite.leases", "posthouse.adapters.table_dbm"})


def test_mailq_counts_what_is_queued(site):
    requests = len({row["queue_id"] for row in queued(site)})

    result = command("mailq", site=site)

    assert result.returncode == 0
    assert result.stdout.decode().endswith(f"\t\tTotal requests: {requests}\n")
    assert command("sendmail", "-bP", site=site).stdout.decode() == f"{requests}\n"


def test_life_of_a_message_and_why_it_goes_there(site):
    _, rows = send(site, "info")
    queue_id = rows[0]["queue_id"]

    life = command("posthouse", "log", queue_id, site=site).stdout.decode()
    why = command("posthouse", "explain", "--id", queue_id, site=site).stdout.decode()

    assert "accepted" in life
    assert "resolved" in life
    assert "info@example.org -> joe@example.org" in why
    assert "names[info] (site.toml:21)" in why
    assert "now:      queued" in why
