"""The values that mail is made of: what can be made, what cannot, and how it is written."""

from datetime import UTC, datetime, timedelta

import pytest

from posthouse.mail.address import NULL_PATH, Address, Path, quote_local_part
from posthouse.mail.envelope import DEFAULT_NOTIFY, Envelope, Notify, Recipient
from posthouse.mail.errors import MalformedError
from posthouse.mail.limits import Limits
from posthouse.mail.lookup import NOT_FOUND, Answer, Origin
from posthouse.mail.outcome import Disposition, Outcome, deferred, delivered, failed
from posthouse.mail.queued import Ending, Settlement
from posthouse.mail.reply import Reply, reply
from posthouse.mail.route import Route
from posthouse.mail.status import Status


@pytest.mark.parametrize(
    ("local_part", "written"),
    [
        pytest.param("joe", "joe", id="atom"),
        pytest.param("joe.q+tag", "joe.q+tag", id="dots and signs"),
        pytest.param("a b", '"a b"', id="blank"),
        pytest.param("a..b", '"a..b"', id="two dots"),
        pytest.param(".a", '".a"', id="leading dot"),
        pytest.param('a"b\\c', '"a\\"b\\\\c"', id="quote and backslash"),
        pytest.param("a@b", '"a@b"', id="at-sign"),
        pytest.param("m\u00fcller", "m\u00fcller", id="UTF-8 needs no quotes"),
        pytest.param("joe\n", '"joe\n"', id="a final newline is no atom"),
    ],
)
def test_a_local_part_is_quoted_where_it_must_be(local_part, written):
    assert quote_local_part(local_part) == written


@pytest.mark.parametrize("bad", ["", "a\rb", "a\nb", "a\x00b", "a\x7fb"])
def test_no_address_has_control_characters_or_lacks_a_local_part(bad):
    with pytest.raises(ValueError):  # noqa: PT011 - it is the type that is promised
        Address(bad, "example.org")


@pytest.mark.parametrize("bad", ["a\r\nb", "exa\x01mple"])
def test_no_domain_has_control_characters(bad):
    with pytest.raises(ValueError, match="control character"):
        Address("joe", bad)


def test_addresses_of_one_mailbox_share_a_key_whatever_the_case_of_the_domain():
    assert Address("Joe", "Example.ORG").key == Address("Joe", "example.org").key
    assert Address("Joe", "example.org").key != Address("joe", "example.org").key


@pytest.mark.parametrize(
    ("address", "text", "is_ascii"),
    [
        pytest.param(Address("joe", "example.org"), "joe@example.org", True, id="plain"),
        pytest.param(Address("postmaster"), "postmaster", True, id="bare"),
        pytest.param(Address("joe", "[192.0.2.1]"), "joe@[192.0.2.1]", True, id="literal"),
        pytest.param(Address("\u00fc", "example.org"), "\u00fc@example.org", False, id="UTF-8 local-part"),
        pytest.param(Address("u", "b\u00fccher.example"), "u@b\u00fccher.example", False, id="UTF-8 domain"),
    ],
)
def test_addresses_as_they_are_written(address, text, is_ascii):
    assert (str(address), address.is_ascii) == (text, is_ascii)


def test_the_null_reverse_path_is_a_value():
    assert NULL_PATH.is_null
    assert str(NULL_PATH) == ""
    assert Path(Address("a", "b.example"), ("relay.example",)) != Path(Address("a", "b.example"))
    with pytest.raises(ValueError, match="no source route"):
        Path(None, ("relay.example",))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("5.1.1", Status(5, 1, 1), id="plain"),
        pytest.param("2.0.999", Status(2, 0, 999), id="three digits"),
        *[
            pytest.param(bad, None, id=repr(bad))
            for bad in ("", "3.1.1", "5.01.1", "5.1", "5.1.1000", "5.1.1\n", " 5.1.1", "5.1.\u0661", "+5.1.1")
        ],
    ],
)
def test_statuses_are_read_strictly(text, expected):
    if expected is None:
        with pytest.raises(MalformedError):
            Status.parse(text)
    else:
        assert Status.parse(text) == expected
        assert str(expected) == text


@pytest.mark.parametrize("numbers", [(3, 0, 0), (5, -1, 0), (5, 0, 1000)])
def test_no_status_is_outside_rfc_3463(numbers):
    with pytest.raises(MalformedError):
        Status(*numbers)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5.1.1 no such user", "5.1.1"),
        ("5.1.1", "5.1.1"),
        ("5.1.1\tx", "5.1.1"),
        ("5.1.1x", "None"),
        ("5.1.1.1", "None"),
        ("no 5.1.1", "None"),
    ],
)
def test_the_status_that_leads_a_reply(text, expected):
    assert str(Status.leading(text)) == expected


@pytest.mark.parametrize(("make", "disposition"), [(delivered, 2), (deferred, 4), (failed, 5)])
def test_an_outcomes_status_agrees_with_its_disposition(make, disposition):
    outcome = make("said so", remote="mx.example.org", code=250)

    assert outcome.disposition is Disposition(disposition)
    assert outcome.status.class_ == disposition


@pytest.mark.parametrize(
    ("disposition", "status", "diagnostic"),
    [(Disposition.FAILED, Status(4, 0, 0), "x"), (Disposition.DELIVERED, Status(2, 0, 0), "")],
)
def test_no_outcome_contradicts_itself_or_lacks_a_diagnostic(disposition, status, diagnostic):
    with pytest.raises(ValueError, match=r"contradicts|diagnostic"):
        Outcome(disposition, status, diagnostic)


@pytest.mark.parametrize(
    ("code", "is_positive", "is_transient"),
    [(250, True, False), (354, True, False), (421, False, True), (499, False, True), (550, False, False)],
)
def test_the_first_digit_of_a_reply_decides(code, is_positive, is_transient):
    answer = Reply(code, ("text",))

    assert (answer.is_positive, answer.is_transient) == (is_positive, is_transient)


def test_replies_as_they_are_logged():
    assert str(reply(550, "5.1.1", "one", "two")) == "550 5.1.1 one two"
    assert str(reply(354, "", "go on")) == "354 go on"


@pytest.mark.parametrize(("code", "lines"), [(199, ("x",)), (600, ("x",)), (250, ())])
def test_no_reply_is_without_code_or_text(code, lines):
    with pytest.raises(ValueError, match="reply"):
        Reply(code, lines)


def test_a_recipient_without_notify_has_the_default_and_never_means_never():
    joe = Address("joe", "example.org")
    route = Route("local", "", joe)

    assert Recipient(joe, route, joe).wants is DEFAULT_NOTIFY
    assert Recipient(joe, route, joe, notify=Notify.NEVER).wants is Notify.NEVER


def test_no_envelope_is_without_recipients():
    with pytest.raises(ValueError, match="recipient"):
        Envelope(NULL_PATH, ())


@pytest.mark.parametrize(
    ("name", "minimum"),
    [("text_octets", 65536), ("text_line_octets", 1000), ("command_octets", 512), ("recipients", 100)],
)
def test_limits_honour_the_minimums_of_rfc_5321(name, minimum):
    assert getattr(Limits(**{name: minimum}), name) == minimum
    with pytest.raises(ValueError, match=f"limits.{name} must be at least {minimum}"):
        Limits(**{name: minimum - 1})


def test_a_retry_and_only_a_retry_has_a_time():
    due = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=1)

    assert Settlement("id", 0, 1, Ending.RETRY, deferred("later"), due).due == due
    for ending, when in ((Ending.RETRY, None), (Ending.GONE, due)):
        with pytest.raises(ValueError, match="retry"):
            Settlement("id", 0, 1, ending, None, when)


def test_an_answer_without_values_found_nothing():
    assert not NOT_FOUND.found
    assert Answer(("",)).found
    assert [str(Origin("a", 3)), str(Origin("a"))] == ["a:3", "a"]
