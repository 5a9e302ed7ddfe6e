"""Who is told what: bounces, confirmations, warnings, double bounces, dead letters."""

import email
import email.policy
from collections.abc import Iterator
from datetime import timedelta
from email.utils import parsedate_to_datetime

import pytest

from posthouse.deliver.settings import Settings
from posthouse.dsn.parse import ParsedReport, parse
from posthouse.dsn.report import Action
from posthouse.mail import events
from posthouse.mail.envelope import Notify, Return
from posthouse.mail.errors import SpoolError
from posthouse.mail.limits import RetryPolicy
from posthouse.mail.outcome import Disposition, Outcome, deferred, delivered, failed
from posthouse.mail.queued import Batch, QueueFilter, RecipientState, Verb
from posthouse.mail.status import Status
from posthouse.ports import AttemptReport
from support.deliver_world import TEXT, Post, say, take, to

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
REFUSED = failed("5.1.1 no such user", status="5.1.1", remote="mx.b.example", code=550)
LATER = deferred("try again later", status="4.2.1", remote="mx.b.example", code=451)
RELAYED = Outcome(Disposition.DELIVERED, Status.parse("2.0.0"), "ok", "mx.b.example", 250, relayed=True)
PASSED_ON = Outcome(Disposition.DELIVERED, Status.parse("2.0.0"), "ok", "mx.b.example", 250)
SUCCESS = Notify.SUCCESS


@pytest.fixture
def post() -> Iterator[Post]:
    post = Post()
    yield post
    post.kernel.close()


def only_to(host: str, outcome: Outcome):
    """Answer for one host; any other takes its mail."""

    def answer(batch: Batch) -> AttemptReport:
        said = outcome if batch.hop.host == host else delivered("taken")
        return AttemptReport((said,) * len(batch.recipients))

    return answer


def only_report(post: Post) -> tuple[str, ParsedReport]:
    assert len(post.submission.reports) == 1
    recipient, text = post.submission.reports[0]
    return recipient, parse(text)


def test_a_failed_recipient_is_reported_to_the_reverse_path(post: Post):
    post.smtp.answer = only_to("b.example", REFUSED)
    post.send(to("bob@b.example", orcpt="rfc822;Bob+2B1@b.example"), envid="env+2B7")
    post.start()
    post.run(5 * SECOND)

    recipient, report = only_report(post)
    assert recipient == "alice@example.com"
    assert report.envid == "env+7"
    about = report.recipients[0]
    assert (about.final, about.original, about.action) == ("bob@b.example", "Bob+1@b.example", Action.FAILED)
    assert (str(about.status), about.remote) == ("5.1.1", "mx.b.example")
    assert about.diagnostic == "550 5.1.1 no such user"
    assert post.queued() == []
    # The report itself was delivered too: with the null reverse-path, to the sender's host.
    assert post.smtp.attempts[-1][1].message.reverse_path.is_null
    assert post.smtp.attempts[-1][1].hop.host == "example.com"


def test_a_report_tells_when_the_last_attempt_was(post: Post):
    post.smtp.answer = only_to("b.example", LATER)
    post.send(to("bob@b.example"))
    attempted = post.clock.now() + SECOND  # as long as one takes here
    post.start()
    post.run(5 * SECOND)
    take(post.spool.act(QueueFilter(), Verb.BOUNCE, post.clock.now(), dry_run=False))
    post.run(HOUR)

    _, report = only_report(post)
    assert parsedate_to_datetime(report.recipients[0].fields["last-attempt-date"]) == attempted


def _words(report: bytes) -> str:
    """The part of a report that people read, without its line breaks."""
    return " ".join(email.message_from_bytes(report).get_payload(0).get_payload().split())


def test_a_host_that_was_not_reached_is_not_said_to_have_spoken(post: Post):
    unreachable = deferred("mx.b.example[192.0.2.1]: cannot connect", status="4.4.1", remote="mx.b.example")
    post.smtp.answer = only_to("b.example", unreachable)
    post.send(to("bob@b.example"))
    post.start()
    post.run(10 * 24 * HOUR)

    warning, bounce = (_words(text) for _, text in post.submission.reports)
    assert "Trying the host mx.b.example: mx.b.example[192.0.2.1]: cannot connect" in warning
    assert "within 5 days; last, mx.b.example[192.0.2.1]: cannot connect" in bounce
    assert "said" not in warning + bounce


def test_the_postmaster_is_not_told_of_his_message_but_of_the_message(post: Post):
    post.smtp.answer = only_to("b.example", REFUSED)
    post.send(to("bob@b.example"), sender="")
    post.start()
    post.run(5 * SECOND)

    words = _words(post.submission.reports[0][1])
    assert "This report is for the postmaster. The message had the null reverse-path (<>)" in words
    assert "The message could not be delivered" in words
    assert "Your message" not in words


def test_one_report_tells_of_all_failed_recipients_of_a_batch(post: Post):
    post.smtp.answer = only_to("b.example", REFUSED)
    post.send(*(to(f"u{number}@b.example") for number in range(10)))
    post.start()
    post.run(5 * SECOND)

    _, report = only_report(post)
    assert len(report.recipients) == 10


@pytest.mark.parametrize(
    ("notify", "outcome", "action"),
    [
        pytest.param(None, REFUSED, Action.FAILED, id="without NOTIFY a failure is reported"),
        pytest.param(Notify.FAILURE, REFUSED, Action.FAILED, id="NOTIFY=FAILURE"),
        pytest.param(Notify.NEVER, REFUSED, None, id="NOTIFY=NEVER silences a failure"),
        pytest.param(SUCCESS, REFUSED, None, id="NOTIFY=SUCCESS alone is not about failures"),
        pytest.param(None, delivered("in the mailbox"), None, id="a success is not reported unasked"),
        pytest.param(SUCCESS, delivered("in the mailbox"), Action.DELIVERED, id="delivered here"),
        pytest.param(SUCCESS, RELAYED, Action.RELAYED, id="passed on to a host without DSN"),
        pytest.param(SUCCESS, PASSED_ON, None, id="passed on to a host with DSN, which answers for itself"),
    ],
)
def test_who_is_told(post: Post, notify: Notify | None, outcome: Outcome, action: Action | None):
    post.smtp.answer = only_to("b.example", outcome)
    post.send(to("bob@b.example", notify=notify))
    post.start()
    post.run(5 * SECOND)

    told = [parse(text).recipients[0].action for _, text in post.submission.reports]
    assert told == ([action] if action else [])
    assert post.queued() == []


def test_a_failure_nobody_wants_to_hear_of_is_still_in_the_log(post: Post):
    post.smtp.answer = say(REFUSED)
    post.send(to("bob@b.example", notify=Notify.NEVER))
    post.start()
    post.run(5 * SECOND)

    assert post.named(events.FAILED)[0]["report"] == "not wanted"
    assert post.submission.reports == []


def test_successes_and_failures_are_told_apart(post: Post):
    fates = {"good": delivered("in the mailbox"), "bad": REFUSED}
    post.smtp.answer = lambda batch: AttemptReport(
        tuple(fates.get(leased.recipient.address.local_part, PASSED_ON) for leased in batch.recipients)
    )
    both = SUCCESS | Notify.FAILURE
    post.send(to("good@b.example", notify=both), to("bad@b.example", notify=both))
    post.start()
    post.run(5 * SECOND)

    actions = [parse(text).recipients[0].action for _, text in post.submission.reports]
    assert sorted(action.value for action in actions) == ["delivered", "failed"]
    assert len(post.named(events.CONFIRMED)) == len(post.named(events.BOUNCED)) == 1


@pytest.mark.parametrize(
    ("ret", "size", "is_full"),
    [
        pytest.param(None, 100, True, id="a small message comes back whole"),
        pytest.param(None, 100_000, False, id="a larger one only when asked for"),
        pytest.param(Return.FULL, 100_000, True, id="RET=FULL"),
        pytest.param(Return.FULL, 2_000_000, False, id="RET=FULL has a limit"),
        pytest.param(Return.HEADERS, 100, False, id="RET=HDRS"),
    ],
)
def test_how_much_comes_back(post: Post, ret: Return | None, size: int, is_full: bool):
    post.smtp.answer = only_to("b.example", REFUSED)
    text = TEXT + (b"x" * 70 + b"\r\n") * (size // 72)
    post.send(to("bob@b.example"), text=text, ret=ret)
    post.start()
    post.run(5 * SECOND)

    _, report = only_report(post)
    assert report.returned == (text if is_full else TEXT.partition(b"Good")[0][:-2])


# -- when there is no way back


def test_a_null_reverse_path_is_never_bounced_but_the_postmaster_is_told(post: Post):
    post.smtp.answer = only_to("b.example", REFUSED)
    post.send(to("bob@b.example"), sender="")
    post.start()
    post.run(5 * SECOND)

    recipient, report = only_report(post)
    assert recipient == "postmaster@mx.example.org"
    assert report.recipients[0].final == "bob@b.example"
    assert post.queued() == []


def test_a_bounce_that_fails_goes_to_the_postmaster_and_then_to_the_dead_letters(post: Post):
    post.smtp.answer = say(REFUSED)  # everything fails
    post.send(to("bob@b.example"))
    post.start()
    post.run(30 * SECOND)

    assert [to for to, _ in post.submission.reports] == ["alice@example.com", "postmaster@mx.example.org"]
    assert len(post.dead_letters.letters) == 1
    assert b"Good morning" in post.dead_letters.letters[0][0]
    assert post.queued() == []
    assert len(post.named(events.DEAD_LETTER)) == 1
    assert len(post.named(events.FINISHED)) == 3


def test_a_sender_without_a_route_leaves_the_report_to_the_postmaster(post: Post):
    post.smtp.answer = only_to("b.example", REFUSED)
    post.submission.nowhere = {"example.com"}
    post.send(to("bob@b.example"))
    post.start()
    post.run(5 * SECOND)

    recipient, text = post.submission.reports[0]
    assert recipient == "postmaster@mx.example.org"
    assert b"alice@example.com" in text
    assert post.queued() == []


def test_without_a_route_to_the_postmaster_the_dead_letter_holds_report_and_message(post: Post):
    post.smtp.answer = say(REFUSED)
    post.submission.nowhere = {"example.com", "mx.example.org"}
    # Larger than any report brings back, and with a line that no report may hold.
    text = TEXT + (b"x" * 70 + b"\r\n") * 30_000 + b"y" * 5000 + b"\r\n"
    post.send(to("bob@b.example"), text=text)
    post.start()
    post.run(5 * SECOND)

    letter, reason = post.dead_letters.letters[0]
    assert parse(letter).returned == text
    assert "alice@example.com" in reason
    assert post.queued() == []


def test_a_dead_letter_that_cannot_be_stored_is_still_owed(post: Post):
    post.smtp.answer = say(REFUSED)
    post.submission.nowhere = {"example.com", "mx.example.org"}
    post.dead_letters.trouble = SpoolError("disk full")
    post.send(to("bob@b.example"))
    post.start()
    post.run(10 * SECOND)
    assert [row.state for row in post.queued()] == [RecipientState.REPORTING]

    post.dead_letters.trouble = None
    post.run(2 * MINUTE)
    assert len(post.dead_letters.letters) == 1
    assert post.queued() == []


def test_a_report_the_spool_cannot_take_is_still_owed_and_made_later(post: Post):
    post.smtp.answer = only_to("b.example", REFUSED)
    post.spool.text_octets = 10_000
    post.send(to("bob@b.example"))
    post.spool.text_octets = 10
    post.start()
    post.run(10 * SECOND)
    assert [row.state for row in post.queued()] == [RecipientState.REPORTING]

    post.spool.text_octets = None
    post.run(2 * MINUTE)
    assert len(post.submission.reports) == 1
    assert post.queued() == []


def test_the_postmaster_is_known_by_the_address_the_site_gives():
    post = Post(Settings(name="mx.example.org", owner="d1", postmaster="Ops@example.net"))
    post.smtp.answer = say(REFUSED)
    post.send(to("ops@example.net"), sender="")
    post.start()
    post.run(5 * SECOND)

    assert post.submission.reports == []
    assert len(post.dead_letters.letters) == 1
    post.kernel.close()


def test_what_an_operator_bounces_is_reported(post: Post):
    post.smtp.answer = only_to("b.example", LATER)
    post.send(to("bob@b.example"))
    post.start()
    post.run(5 * SECOND)
    take(post.spool.act(QueueFilter(), Verb.BOUNCE, post.clock.now(), dry_run=False, note="closed for good"))
    post.kernel.notify()
    post.run(5 * SECOND)

    _, report = only_report(post)
    assert "closed for good" in report.recipients[0].diagnostic
    assert post.queued() == []


# -- delay warnings


def test_a_delay_warning_goes_out_once(post: Post):
    post.smtp.answer = only_to("b.example", LATER)
    post.send(to("bob@b.example"), to("carl@b.example"))
    post.start()
    post.run(3 * HOUR)
    assert post.submission.reports == []
    post.run(20 * HOUR)

    recipient, report = only_report(post)
    assert recipient == "alice@example.com"
    assert [about.action for about in report.recipients] == [Action.DELAYED] * 2
    assert str(report.recipients[0].status) == "4.2.1"
    assert report.recipients[0].fields["will-retry-until"] == "Fri, 27 Nov 2026 08:00:00 +0000"
    assert len(post.named(events.WARNED)) == 1


def test_a_warning_given_before_a_restart_is_not_given_again(post: Post):
    post.smtp.answer = only_to("b.example", LATER)
    post.send(to("bob@b.example"))
    post.start()
    post.run(5 * HOUR)
    post.kernel.close()
    post.kernel.spawn(post.another(Settings(name="mx.example.org", owner="d2", gone=("d1",))).run())
    post.run(5 * HOUR)

    assert len(post.submission.reports) == 1


@pytest.mark.parametrize(
    ("sender", "notify"),
    [
        pytest.param("", None, id="null reverse-path"),
        pytest.param("alice@example.com", Notify.FAILURE, id="NOTIFY without DELAY"),
        pytest.param("alice@example.com", Notify.NEVER, id="NOTIFY=NEVER"),
    ],
)
def test_a_warning_nobody_wants_is_not_sent(post: Post, sender: str, notify: Notify | None):
    post.smtp.answer = only_to("b.example", LATER)
    post.send(to("bob@b.example", notify=notify), sender=sender)
    post.start()
    post.run(10 * HOUR)

    assert post.submission.reports == []


def test_a_warning_that_can_reach_nobody_is_not_tried_every_minute(post: Post):
    post.smtp.answer = say(LATER)
    post.submission.nowhere = {"example.com", "mx.example.org"}
    post.send(to("bob@b.example"))
    post.start()
    post.run(6 * HOUR)

    assert len([event for event in post.named(events.TROUBLE) if event["where"] == "warn"]) == 1


def test_a_report_is_a_message_an_independent_parser_understands(post: Post):
    post.smtp.answer = only_to("b.example", REFUSED)
    post.send(to("bob@b.example", original="team@example.org"))
    post.start()
    post.run(5 * SECOND)

    message = email.message_from_bytes(post.submission.reports[0][1], policy=email.policy.SMTP)
    assert message.get_content_type() == "multipart/report"
    parts = list(message.iter_parts())  # type: ignore[attr-defined]
    assert [part.get_content_type() for part in parts] == ["text/plain", "message/delivery-status", "message/rfc822"]
    assert "team@example.org" in parts[0].get_content()
    assert "550 5.1.1 no such user" in parts[0].get_content()


def test_one_sender_who_cannot_be_resolved_now_does_not_stop_the_warnings_of_others(post: Post):
    post.smtp.answer = only_to("b.example", LATER)
    post.submission.in_trouble = {"example.com"}
    post.send(to("bob@b.example"))
    post.send(to("bob@b.example"), sender="zoe@other.example")
    post.start()
    post.run(5 * HOUR)
    assert [recipient for recipient, _ in post.submission.reports] == ["zoe@other.example"]

    post.submission.in_trouble = set()
    post.run(2 * MINUTE)
    assert len(post.submission.reports) == 2


@pytest.mark.parametrize("trouble", ["can never be told", "cannot be told now"])
def test_a_thousand_senders_who_cannot_be_told_do_not_hold_up_the_warning_behind_them(trouble: str):
    retry = RetryPolicy(first_delay=HOUR, warn_after=3 * MINUTE, dead_host=HOUR)
    post = Post(Settings(name="mx.example.org", owner="d1", retry=retry))
    post.smtp.answer = say(LATER, reached=False)
    if trouble == "cannot be told now":
        post.submission.in_trouble = {"example.com"}
    else:
        post.submission.nowhere = {"example.com", "mx.example.org"}
    for number in range(1100):  # more than one sweep asks for
        post.send(to(f"u{number}@b.example"))
    post.kernel.run(SECOND)
    post.send(to("bob@b.example"), sender="zoe@other.example")
    post.start()

    post.run(5 * MINUTE)

    assert [recipient for recipient, _ in post.submission.reports] == ["zoe@other.example"]
    post.kernel.close()
