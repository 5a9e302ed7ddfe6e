"""What a report looks like; Python's email parser is the independent witness."""

import email
import email.policy
import os
import time
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest
from msgspec.structs import replace

from posthouse.dsn.report import Action, RecipientReport, Report
from posthouse.mail.address import Address
from posthouse.mail.status import Status
from support.reports import compose, returning

GOLDEN = Path(__file__).parent.parent / "golden" / "dsn"
ARRIVAL = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
HEADER = b"From: alice@example.com\r\nMessage-ID: <m1@example.com>\r\nSubject: hello\r\n\r\n"
MESSAGE = HEADER + b"Good morning\r\n"

FAILED = RecipientReport(
    final=Address("bob", "b.example"),
    given=Address("bob", "b.example"),
    action=Action.FAILED,
    status=Status(5, 1, 1),
    diagnostic="5.1.1 <bob@b.example>: no such user here; see http://b.example/help/for/senders",
    remote="mx1.b.example",
    code=550,
    orcpt="rfc822;Bob+2Bnews@b.example",
    last_attempt=ARRIVAL + timedelta(minutes=59),
)
ALIAS = RecipientReport(
    final=Address("carl smith", "c.example"),
    given=Address("team", "example.org"),
    action=Action.FAILED,
    status=Status(5, 4, 7),
    diagnostic="could not be delivered within 5 days; last, mx.c.example said: 451 come back later",
)
DELAYED = replace(
    FAILED,
    action=Action.DELAYED,
    status=Status(4, 2, 1),
    code=451,
    diagnostic="mailbox busy",
    retry_until=ARRIVAL + timedelta(days=5),
)
RELAYED = replace(FAILED, action=Action.RELAYED, status=Status(2, 0, 0), code=250, diagnostic="queued")
DELIVERED = replace(ALIAS, action=Action.DELIVERED, status=Status(2, 0, 0), diagnostic="in the mailbox")
EXPANDED = replace(DELIVERED, action=Action.EXPANDED, diagnostic="sent on to three addresses")
GLOBAL = replace(FAILED, final=Address("jürgen", "bücher.example"), given=Address("jürgen", "bücher.example"), orcpt="")


def report(*recipients: RecipientReport) -> Report:
    return returning(MESSAGE, about(*recipients))


def about(*recipients: RecipientReport) -> Report:
    return Report(
        reporting_mta="mx.example.org",
        recipient="alice@example.com",
        queue_id="3AB2T9ZC4D6EF",
        arrival=ARRIVAL,
        date=ARRIVAL + timedelta(hours=1),
        recipients=recipients or (FAILED,),
        header=HEADER,
        token="00c0ffee00",
        envid="order+2B17",
    )


CASES = {
    "failed": report(FAILED, ALIAS),
    "delayed": about(DELAYED),
    "success": about(RELAYED, DELIVERED, EXPANDED),
    "global": returning(
        "Subject: Grüße\r\n\r\n".encode(), replace(about(GLOBAL), smtputf8=True, recipient="zoë@example.com")
    ),
    "not-global": about(GLOBAL),
    "postmaster": replace(report(FAILED), recipient="postmaster@mx.example.org", note="This is for the postmaster."),
}


def read(text: bytes) -> EmailMessage:
    message = email.message_from_bytes(text, policy=email.policy.SMTP)
    assert isinstance(message, EmailMessage)
    assert not [defect for part in message.walk() for defect in part.defects]
    return message


def groups(message: EmailMessage) -> list[EmailMessage]:
    """Return the groups of fields: the email package reads each as a message."""
    status = list(message.iter_parts())[1]
    found = status.get_payload()
    assert isinstance(found, list)
    return found


@pytest.mark.parametrize("name", CASES)
def test_golden_reports(name: str):
    path = GOLDEN / f"{name}.eml"
    text = compose(CASES[name])
    if os.environ.get("POSTHOUSE_GOLDEN") == "rewrite":
        path.write_bytes(text)
    assert text == path.read_bytes()


@pytest.mark.parametrize("name", CASES)
def test_every_report_is_mail_that_may_be_sent(name: str):
    text = compose(CASES[name])

    assert text.replace(b"\r\n", b"").count(b"\n") == 0
    assert text.replace(b"\r\n", b"").count(b"\r") == 0
    assert all(len(line) <= 998 for line in text.split(b"\r\n"))
    message = read(text)
    for required in ("From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Auto-Submitted"):
        assert len(message.get_all(required, [])) == 1, required
    assert message["Auto-Submitted"] == "auto-replied"
    assert message["From"] == "Mail Delivery System <MAILER-DAEMON@mx.example.org>"


def test_the_container_says_what_kind_of_report_it_is():
    message = read(compose(report()))

    assert message.get_content_type() == "multipart/report"
    assert message.get_param("report-type") == "delivery-status"
    kinds = [part.get_content_type() for part in message.iter_parts()]
    assert kinds == ["text/plain", "message/delivery-status", "message/rfc822"]


def test_the_fields_of_rfc_3464():
    about_message, about_recipient = groups(read(compose(report())))[:2]

    assert about_message["Reporting-MTA"] == "dns; mx.example.org"
    assert about_message["Original-Envelope-Id"] == "order+17"
    assert about_message["Arrival-Date"] == "Sun, 22 Nov 2026 08:00:00 +0000"
    assert about_recipient["Original-Recipient"] == "rfc822; Bob+news@b.example"
    assert about_recipient["Final-Recipient"] == "rfc822; bob@b.example"
    assert about_recipient["Action"] == "failed"
    assert about_recipient["Status"] == "5.1.1"
    assert about_recipient["Remote-MTA"] == "dns; mx1.b.example"
    assert about_recipient["Diagnostic-Code"].startswith("smtp; 550 5.1.1 <bob@b.example>: no such user here")
    assert about_recipient["Last-Attempt-Date"] == "Sun, 22 Nov 2026 08:59:00 +0000"


def test_each_recipient_has_a_group_and_a_sentence():
    message = read(compose(report(FAILED, ALIAS)))

    assert [group["Final-Recipient"] for group in groups(message)[1:]] == [
        "rfc822; bob@b.example",
        'rfc822; "carl smith"@c.example',
    ]
    words = " ".join(next(message.iter_parts()).get_content().split())
    assert "<bob@b.example> was not delivered." in words
    assert '<team@example.org> (sent on to <"carl smith"@c.example>) was not delivered.' in words
    assert "could not be delivered within 5 days" in words


def test_a_delay_says_until_when():
    message = read(compose(CASES["delayed"]))

    assert groups(message)[1]["Action"] == "delayed"
    assert groups(message)[1]["Will-Retry-Until"] == "Fri, 27 Nov 2026 08:00:00 +0000"
    assert "only a warning" in next(message.iter_parts()).get_content()


def test_a_report_belongs_to_the_thread_of_its_message():
    message = read(compose(report()))

    assert message["In-Reply-To"] == message["References"] == "<m1@example.com>"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        pytest.param(b"message-id:\r\n\t<a@b>\r\n\r\n", "<a@b>", id="folded, lower case"),
        pytest.param(b"Subject: x\r\n\r\nMessage-ID: <body@b>\r\n", None, id="not from the body"),
        pytest.param(b"Message-ID: not an id\r\n\r\n", None, id="not an id"),
        pytest.param(b"Message-ID: <a@b> <c@d>\r\n\r\n", None, id="two of them"),
        pytest.param(b"\r\nbody only\r\n", None, id="no header"),
    ],
)
def test_which_message_id_is_referred_to(header: bytes, expected: str | None):
    assert read(compose(returning(header, about())))["In-Reply-To"] == expected


def test_the_message_comes_back_octet_for_octet():
    odd = b"X:  y \r\nSubject: =?x?q?\r\n\tfolded\r\n\r\n.dot\r\n\r\n--=_00c0ffee00_0\r\n\xff\xfe\r\n"
    text = compose(returning(odd, about()))

    assert odd in text
    boundary = read(text).get_boundary()
    assert boundary == "=_00c0ffee00_1"  # the first choice stands in the message
    assert read(text)["Content-Transfer-Encoding"] == "8bit"


def test_a_message_whose_lines_cannot_travel_comes_back_as_a_header():
    long = b"Subject: " + b"s" * 5000 + b"\r\nTo: x@y\r\n\r\n" + b"b" * 999 + b"\r\n"
    text = compose(returning(long, about()))

    returned = list(read(text).iter_parts())[2]
    assert returned.get_content_type() == "text/rfc822-headers"
    assert all(len(line) <= 998 for line in text.split(b"\r\n"))
    assert long in compose(returning(long, replace(about(), is_kept=True)))


HOSTILE = "no\r\nAction: delivered\r\n\r\n--=_00c0ffee00_0\x00\x85\u2028Status: 2.0.0 \ud800"


def test_a_hostile_diagnostic_forges_nothing():
    text = compose(report(replace(FAILED, diagnostic=HOSTILE, remote=HOSTILE, orcpt=f"rfc822;{HOSTILE}")))

    found = groups(read(text))
    assert len(found) == 2
    assert [found[1].get_all(name) for name in ("Action", "Status")] == [["failed"], ["5.1.1"]]
    assert len(list(read(text).iter_parts())) == 3


@pytest.mark.parametrize(
    ("orcpt", "expected"),
    [
        pytest.param("", None, id="none given"),
        pytest.param("rfc822;a+2Bb@c", "rfc822; a+b@c", id="xtext decoded"),
        pytest.param("rfc822;a+0D+0AAction:+20delivered", "rfc822; a+0D+0AAction:+20delivered", id="hidden line end"),
        pytest.param("rfc822;a+2g", "rfc822; a+2g", id="not xtext"),
        pytest.param("no semicolon", None, id="malformed"),
        pytest.param("x400;c=us", "x400; c=us", id="another kind of address"),
        pytest.param("x_400.v2;c=us", "x_400.v2; c=us", id="a kind is any atom, as RCPT takes it"),
        pytest.param("utf-8;j\\x{FC}rgen@c", "utf-8; j\\x{FC}rgen@c", id="utf-8 stays escaped towards old readers"),
    ],
)
def test_original_recipient(orcpt: str, expected: str | None):
    group = groups(read(compose(report(replace(FAILED, orcpt=orcpt)))))[1]

    assert group["Original-Recipient"] == expected


def test_utf8_only_towards_those_who_can():
    group = groups(read(compose(CASES["not-global"])))[1]
    assert group["Final-Recipient"] == "utf-8; j\\x{FC}rgen@b\\x{FC}cher.example"

    text = compose(CASES["global"])
    assert "Final-Recipient: utf-8; jürgen@bücher.example\r\n".encode() in text
    kinds = [part.get_content_type() for part in read(text).iter_parts()]
    assert kinds == ["text/plain", "message/global-delivery-status", "message/global"]
    assert b"report-type=global-delivery-status" in text


def test_two_thousand_recipients_are_all_in_the_fields_and_some_in_words():
    recipients = tuple(replace(FAILED, final=Address(f"u{n}", "b.example")) for n in range(2000))
    text = compose(report(*recipients))

    assert text.count(b"\r\nFinal-Recipient: ") == 2000
    assert b"... and 1900 more" in text


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"recipients": ()}, id="about nobody"),
        pytest.param({"token": 'a"b'}, id="a token that breaks out of the boundary"),
        pytest.param({"token": ""}, id="no token"),
    ],
)
def test_a_report_is_never_half_empty(changes: dict[str, object]):
    with pytest.raises(ValueError, match=r"needs a recipient|can't be part"):
        replace(report(), **changes)  # type: ignore[arg-type]


def test_a_large_message_of_long_lines_is_returned_in_no_time():
    text = b"Subject: x\r\n\r\n" + (b"x" * 998 + b"\r\n") * 10_000
    begun = time.process_time()

    composed = compose(returning(text, about()))

    assert text in composed
    assert time.process_time() - begun < 10  # each line read anew from each of its octets took thirty
