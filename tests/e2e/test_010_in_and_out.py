"""Mail goes in by real clients and comes out in Maildirs and at another MTA."""

import email
import email.policy
import getpass
import smtplib
import socket
import subprocess

import pytest

from support.daemon import running_daemon
from support.e2e_site import SITE, relay_to
from support.peers import program
from support.sinks import running_sink
from support.waiting import LONG, until


@pytest.fixture(scope="module")
def sink(tmp_path_factory):
    with running_sink(tmp_path_factory.mktemp("sink")) as running:
        yield running


@pytest.fixture(scope="module")
def daemon(tmp_path_factory, sink):
    with running_daemon(tmp_path_factory.mktemp("site"), SITE + relay_to("sink.test", sink.port)) as running:
        yield running


def subjects(messages):
    return [email.message_from_bytes(message)["Subject"] for message in messages]


def delivered(daemon, user, subject):
    """Wait for the message of this subject."""

    def found():
        return [message for message in daemon.messages(user) if subject in subjects([message])]

    return until(found, f"{subject!r} for {user}")[0]


def test_a_message_reaches_a_maildir_unchanged_but_for_its_trace(daemon):
    daemon.send("ann@mx.test", "joe@mx.test", b"Subject: local\r\nX-Odd:  two  spaces \r\n\r\n.dot\r\nlast\r\n")

    message = delivered(daemon, "joe", "local")

    assert message.startswith(b"Return-Path: <ann@mx.test>\n")
    assert b"Received: from client.example" in message
    assert message.endswith(b"Subject: local\nX-Odd:  two  spaces \n\n.dot\nlast\n")


def test_each_step_of_a_message_is_logged_under_its_queue_id(daemon):
    daemon.send("ann@mx.test", "both@mx.test", "Subject: logged\r\n\r\nx\r\n")
    delivered(daemon, "joe", "logged")
    delivered(daemon, "ann", "logged")

    def resolved():
        return [event["queue_id"] for event in daemon.events("resolved") if "both" in event["via"]]

    queue_id = until(resolved, "what became of the alias")[0]
    daemon.wait_event("finished", queue_id=queue_id)
    assert {event["recipient"] for event in daemon.events("delivered", queue_id=queue_id)} == {
        "joe@mx.test",
        "ann@mx.test",
    }


def test_an_unknown_user_is_refused_at_rcpt(daemon):
    with daemon.smtp() as client:
        client.ehlo()
        client.mail("ann@mx.test")
        code, text = client.rcpt("nobody@mx.test")

    assert (code, text[:5]) == (550, b"5.1.1")


def test_a_stranger_may_not_relay(daemon):
    with daemon.smtp(listener=1) as client:
        client.ehlo()
        client.mail("spammer@elsewhere.example")
        code, text = client.rcpt("victim@sink.test")

    assert code == 550
    assert text.startswith(b"5.7.1")


def test_a_friend_s_message_is_relayed(daemon, sink):
    daemon.send("ann@mx.test", "bob@sink.test", "Subject: relayed\r\n\r\nx\r\n")

    message = sink.wait_messages(1)[0]

    assert b"X-Rcpt-Args: <bob@sink.test>" in message
    assert b"Subject: relayed" in message
    assert message.count(b"\nReceived:") == 2


def test_swaks_is_served(daemon):
    swaks = program("swaks", "swaks")
    address = daemon.addresses[0]
    arguments = [
        swaks,
        "--server",
        address,
        "--from",
        "ann@mx.test",
        "--to",
        "joe@mx.test",
        "--header",
        "Subject: swaks",
    ]

    done = subprocess.run([*arguments, "--pipeline"], capture_output=True, timeout=LONG, check=False)

    assert done.returncode == 0, done.stdout
    delivered(daemon, "joe", "swaks")


def test_curl_is_served(daemon, tmp_path):
    curl = program("curl", "curl")
    letter = tmp_path / "letter"
    letter.write_bytes(b"Subject: curl\r\n\r\nx\r\n")
    url = f"smtp://{daemon.addresses[0]}/client.example"
    command = [curl, "-sS", url, "--mail-from", "ann@mx.test", "--mail-rcpt", "joe@mx.test", "-T", str(letter)]

    done = subprocess.run(command, capture_output=True, timeout=LONG, check=False)

    assert done.returncode == 0, done.stderr
    delivered(daemon, "joe", "curl")


def test_two_hundred_messages_of_smtp_source_arrive(daemon):
    source = program("smtp-source", "postfix")
    command = [source, "-c", "-s", "5", "-m", "200", "-l", "2000", "-f", "load@mx.test", "-t", "master@mx.test"]

    done = subprocess.run([*command, daemon.addresses[0]], capture_output=True, timeout=LONG, check=False)

    assert done.returncode == 0, done.stderr
    assert len(daemon.wait_messages("master", 200)) == 200


def test_the_whole_dialog_in_one_packet_is_served(daemon):
    host, _, port = daemon.addresses[0].rpartition(":")
    with socket.create_connection((host, int(port)), timeout=LONG) as client:
        client.sendall(
            b"EHLO client.example\r\nMAIL FROM:<ann@mx.test>\r\nRCPT TO:<joe@mx.test>\r\nDATA\r\n"
            b"Subject: one packet\r\n\r\nx\r\n.\r\nQUIT\r\n"
        )
        client.shutdown(socket.SHUT_WR)
        replies = b"".join(iter(lambda: client.recv(65536), b""))

    codes = [line[:3] for line in replies.splitlines() if line[3:4] == b" "]
    assert codes == [b"220", b"250", b"250", b"250", b"354", b"250", b"221"]
    delivered(daemon, "joe", "one packet")


def test_a_client_that_vanishes_in_data_leaves_nothing(daemon):
    client = daemon.smtp()
    client.ehlo()
    client.mail("ann@mx.test")
    client.rcpt("joe@mx.test")
    client.docmd("DATA")
    client.send(b"Subject: never\r\n\r\nhalf a l")
    port = client.sock.getsockname()[1]
    client.close()

    daemon.wait_event("connected", port=port)
    daemon.wait_event("disconnected", reason="lost")
    assert "never" not in subjects(daemon.messages("joe"))
    listing = daemon.run("queue", "list", "--json")
    assert b"never" not in listing.stdout


def test_the_kernel_s_word_lets_a_local_program_relay_and_completes_its_header(daemon):
    with socket.socket(socket.AF_UNIX) as local:
        local.settimeout(LONG)
        local.connect(daemon.addresses[-1].removeprefix("unix:"))
        local.sendall(
            b"EHLO here\r\nMAIL FROM:<joe@mx.test>\r\nRCPT TO:<ann@mx.test>\r\nDATA\r\n"
            b"Subject: by socket\r\nBcc: secret@mx.test\r\n\r\nx\r\n.\r\nQUIT\r\n"
        )
        while local.recv(65536):
            continue

    message = email.message_from_bytes(delivered(daemon, "ann", "by socket"), policy=email.policy.default)
    assert message["Date"]
    assert message["Message-ID"]
    assert message["From"]
    assert message["Bcc"] is None
    assert daemon.events("connected", client=f"unix:{getpass.getuser()}")


def test_bad_recipients_do_not_spoil_good_ones(daemon):
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refusal:
        daemon.send("ann@mx.test", ["nobody@mx.test", "joe@mx.test"], "Subject: one of two\r\n\r\nx\r\n")

    assert list(refusal.value.recipients) == ["nobody@mx.test"]
    delivered(daemon, "joe", "one of two")
