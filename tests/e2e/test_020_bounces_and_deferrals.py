"""What becomes of mail that the next hop refuses, defers or cannot be asked about."""

import email
import email.policy

import pytest

from support.daemon import running_daemon
from support.e2e_site import SITE, relay_to
from support.ports import free_port
from support.sinks import running_sink
from support.waiting import until


@pytest.fixture(scope="module")
def sleeping_port():
    """Nobody listens here until a test says so."""
    return free_port()


@pytest.fixture(scope="module")
def daemon(tmp_path_factory, sleeping_port):
    base = tmp_path_factory.mktemp("peers")
    hard, soft = base / "hard", base / "soft"
    refusing = ("-f", "RCPT", "-B", "550 5.1.1 no such person")
    slow = ("-q", "RCPT")
    with running_sink(hard, *refusing) as refuser, running_sink(soft, *slow) as quitter:
        routes = relay_to("refuses.test", refuser.port) + relay_to("hangs-up.test", quitter.port)
        site = SITE + routes + relay_to("sleeps.test", sleeping_port)
        with running_daemon(tmp_path_factory.mktemp("site"), site) as running:
            yield running


def report_about(daemon, user, recipient):
    """Wait for the delivery report that names this recipient, and parse it with the standard library."""

    def found():
        messages = [email.message_from_bytes(raw, policy=email.policy.default) for raw in daemon.messages(user)]
        return [m for m in messages if m.get_content_type() == "multipart/report" and recipient in m.as_string()]

    return until(found, f"a report about {recipient} for {user}")[0]


def test_a_relay_s_refusal_comes_back_as_a_delivery_report(daemon):
    daemon.send("ann@mx.test", "bob@refuses.test", b"Subject: refused\r\nMessage-ID: <1@x>\r\n\r\nprivate\r\n")

    report = report_about(daemon, "ann", "bob@refuses.test")

    assert report["Return-Path"] == "<>"
    human, status, original = report.iter_parts()
    assert "bob@refuses.test" in human.get_content()
    assert status.get_content_type() == "message/delivery-status"
    _message, recipient = status.get_payload()
    assert recipient["Final-Recipient"] == "rfc822; bob@refuses.test"
    assert recipient["Action"] == "failed"
    assert recipient["Status"] == "5.1.1"
    assert "550" in recipient["Diagnostic-Code"]
    assert "Subject: refused" in original.as_string()


def test_a_null_reverse_path_is_never_bounced(daemon):
    daemon.send("", "eve@refuses.test", b"Subject: itself a bounce\r\n\r\nx\r\n")

    def told():
        return [message for message in daemon.messages("master") if b"eve@refuses.test" in message]

    assert len(until(told, "the postmaster to be told")) == 1
    queue_id = daemon.wait_event("accepted", sender="")["queue_id"]
    daemon.wait_event("finished", queue_id=queue_id)
    assert not [event for event in daemon.events("accepted") if event["sender"] == "" and event["recipients"] > 1]


def test_a_peer_that_hangs_up_means_later_not_never(daemon):
    daemon.send("ann@mx.test", "bob@hangs-up.test")

    deferral = daemon.wait_event("deferred", recipient="bob@hangs-up.test")

    assert deferral["status"].startswith("4.")
    assert not daemon.events("failed", recipient="bob@hangs-up.test")


def test_a_message_waits_for_a_peer_that_is_down_and_then_goes(daemon, sleeping_port, tmp_path):
    daemon.send("ann@mx.test", "bob@sleeps.test", b"Subject: patience\r\n\r\nx\r\n")
    deferral = daemon.wait_event("deferred", recipient="bob@sleeps.test")
    assert deferral["status"].startswith("4.4.")
    assert b"bob@sleeps.test" in daemon.run("queue", "list").stdout

    with running_sink(tmp_path, port=sleeping_port) as awake:
        [message] = awake.wait_messages(1)

    assert b"Subject: patience" in message
    delivery = daemon.wait_event("delivered", recipient="bob@sleeps.test")
    assert delivery["attempts"] >= 2
    assert not daemon.events("bounced", queue_id=delivery["queue_id"])


def test_a_success_report_is_sent_when_it_was_asked_for(daemon):
    daemon.send("ann@mx.test", "joe@mx.test", b"Subject: tell me\r\n\r\nx\r\n", options=("NOTIFY=SUCCESS",))

    report = report_about(daemon, "ann", "joe@mx.test")

    assert "Action: delivered" in report.as_string()


def test_nothing_is_reported_when_nothing_was_wanted(daemon):
    daemon.send("joe@mx.test", "bob@refuses.test", b"Subject: quietly\r\n\r\nx\r\n", options=("NOTIFY=NEVER",))

    queue_id = daemon.wait_event("accepted", sender="joe@mx.test")["queue_id"]
    daemon.wait_event("finished", queue_id=queue_id)
    assert not daemon.events("bounced", queue_id=queue_id)
