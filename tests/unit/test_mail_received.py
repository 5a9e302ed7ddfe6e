"""The Received field, written and counted."""

from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_to_datetime

import pytest

from posthouse.mail.dates import format_date
from posthouse.mail.received import ReceivedField, compose_received, count_hops

AT = datetime(2026, 11, 22, 7, 5, 9, 999999, tzinfo=UTC)


def hop(**changes):
    """Return an everyday hop with changes."""
    everyday = {"by": "mx.example.org", "id": "a.1", "at": AT, "helo": "client.example", "address": "192.0.2.7"}
    return ReceivedField(**{**everyday, "protocol": "ESMTP", **changes})


def test_received_by_smtp():
    assert compose_received(hop(recipient="joe@example.org")) == (
        b"Received: from client.example ([192.0.2.7]) by mx.example.org (Posthouse)\r\n"
        b" with ESMTP id a.1 for <joe@example.org>; Sun, 22 Nov 2026 07:05:09 +0000\r\n"
    )


def test_received_from_a_command():
    assert compose_received(hop(helo="x", address="", protocol="", user="ann")) == (
        b"Received: by mx.example.org (Posthouse, from user ann) id a.1;\r\n Sun, 22 Nov 2026 07:05:09 +0000\r\n"
    )


@pytest.mark.parametrize(
    ("changes", "contains"),
    [
        pytest.param({"address": "2001:db8::1"}, b"([IPv6:2001:db8::1])", id="IPv6 literal"),
        pytest.param({"helo": "[192.0.2.7]"}, b"from [192.0.2.7] (", id="HELO with a literal"),
        pytest.param({"helo": ""}, b"from unknown (", id="no HELO"),
        pytest.param({"helo": "x\r\nEvil: y"}, b"from x??Evil:?y (", id="injection by HELO"),
        pytest.param({"helo": "a) (b"}, b"from a????b ("[:9], id="comment by HELO"),
        pytest.param({"user": "a\nb"}, b"user a?b)", id="injection by user"),
        pytest.param({"helo": "h\u00e9"}, b"from h? (", id="HELO beyond ASCII"),
    ],
)
def test_what_a_client_says_of_itself_is_made_harmless(changes, contains):
    assert contains in compose_received(hop(**changes))


@pytest.mark.parametrize("length", [1, 30, 60, 100, 255, 10_000])
def test_the_field_is_folded_and_bounded(length):
    lines = compose_received(hop(helo="h" * length)).split(b"\r\n")

    assert lines.pop() == b""
    assert all(line.startswith(b" ") for line in lines[1:])
    assert all(len(line) <= 78 for line in lines if b"h" * min(length, 60) not in line)
    assert max(len(line) for line in lines) <= 300


def test_dates_are_in_utc_and_another_reader_agrees():
    for days in range(400):
        at = AT.replace(microsecond=0) + timedelta(days=days, hours=days)
        assert parsedate_to_datetime(format_date(at)) == at
    assert format_date(AT.astimezone(timezone(timedelta(hours=5)))) == "Sun, 22 Nov 2026 07:05:09 +0000"


@pytest.mark.parametrize(
    ("header", "hops"),
    [
        pytest.param(b"", 0, id="nothing"),
        pytest.param(b"Received: a\r\n\r\n", 1, id="first line"),
        pytest.param(b"A: b\r\nRECEIVED: a\r\nreceived\t: b\r\n\r\n", 2, id="any case, blank before the colon"),
        pytest.param(b"Received-SPF: a\r\nX-Received: b\r\nReceivedX: c\r\n\r\n", 0, id="other fields"),
        pytest.param(b"A: b\r\n Received: folded\r\n\r\n", 0, id="in a folded line"),
        pytest.param(b"Received: a\r\n" * 150, 150, id="many"),
    ],
)
def test_hops_are_counted(header, hops):
    assert count_hops(header) == hops
