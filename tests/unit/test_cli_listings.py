"""mailq and queue list: what a person reads at night, on 80 columns."""

import asyncio
import json
from pathlib import Path

import pytest

from posthouse.cli.classic.mailq import listing
from posthouse.cli.queue.rows import row_as_json, row_as_text
from posthouse.mail.outcome import deferred
from posthouse.mail.queued import RecipientState
from support.cli_rows import NOW, message, row, streamed

SPOOL = Path("/var/spool/posthouse")
REFUSED = deferred("connection refused", status="4.4.1", remote="mx.example.net")


def mailq(rows, requests):
    async def gather():
        return [line async for line in listing(streamed(rows), SPOOL, requests)]

    return asyncio.run(gather())


@pytest.fixture(autouse=True)
def _utc(monkeypatch):
    import time

    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_empty_queue_is_said_as_sendmail_says_it():
    assert mailq([], 0) == ["/var/spool/posthouse is empty", "\t\tTotal requests: 0"]


def test_mailq_lists_messages_in_sendmails_format():
    first = message(octets=512)
    second = message("1QjK2m0aBcDeG", sender="", octets=20480)
    rows = [
        row("a@example.net", of=first, outcome=REFUSED, attempts=1),
        row("b@example.net", of=first),
        row("c@example.com", of=second, state=RecipientState.LEASED),
        row("d@example.com", of=second, state=RecipientState.HELD),
    ]

    assert mailq(rows, 2) == [
        "\t\t/var/spool/posthouse (2 requests)",
        "-----Q-ID----- --Size-- -----Q-Time----- ------------Sender/Recipient-----------",
        "1QjK2m0aBcDeF       512 Sun Nov 22 07:42 <sender@example.org>",
        "                 (4.4.1 connection refused)",
        "\t\t\t\t\t <a@example.net>",
        "\t\t\t\t\t <b@example.net>",
        "1QjK2m0aBcDeG*    20480 Sun Nov 22 07:42 <>",
        "\t\t\t\t\t <c@example.com>",
        "                 (held)",
        "\t\t\t\t\t <d@example.com>",
        "\t\tTotal requests: 2",
    ]


def test_mailq_says_request_for_one():
    assert mailq([row()], 1)[0] == "\t\t/var/spool/posthouse (1 request)"


def test_what_a_remote_said_cannot_steer_the_terminal():
    lines = mailq([row(outcome=deferred("\x1b[2Jgone\r\nand more"))], 1)

    assert "                 (4.0.0 \\x1b[2Jgone\\r\\nand more)" in lines


LONG = "a-very-long-local-part-that-somebody-invented@and-a-domain-that-is-not-short-either.example.net"


@pytest.mark.parametrize(
    "shown",
    [
        pytest.param(row(), id="plain"),
        pytest.param(row(outcome=REFUSED, attempts=3), id="deferred"),
        pytest.param(
            row(LONG, of=message(sender=LONG), host=LONG.partition("@")[2], outcome=REFUSED), id="everything long"
        ),
        pytest.param(row(outcome=deferred("x" * 500)), id="a talkative remote"),
        pytest.param(row(state=RecipientState.REPORTING, hop_note="dead until 08:00"), id="dead host"),
    ],
)
def test_queue_list_fits_80_columns(shown):
    lines = list(row_as_text(shown, NOW, 80))

    assert max(map(len, lines)) <= 80
    assert all(line == line.rstrip() for line in lines)


def test_queue_list_says_what_where_and_why():
    assert list(row_as_text(row(outcome=REFUSED, attempts=3), NOW, 80)) == [
        "1QjK2m0aBcDeF  3h12m   512  queued    in 12m    someone@example.net",
        "                from sender@example.org, by smtp example.net, 3 attempts",
        "                4.4.1 connection refused",
    ]


def test_json_row_has_the_keys_that_programs_read():
    shown = row_as_json(row(outcome=REFUSED, attempts=3))

    assert json.loads(json.dumps(shown)) == {
        "queue_id": "1QjK2m0aBcDeF",
        "number": 1,
        "state": "queued",
        "accepted": "2026-11-22T07:42:00Z",
        "due": "2026-11-22T11:06:00Z",
        "attempts": 3,
        "octets": 512,
        "sender": "sender@example.org",
        "recipient": "someone@example.net",
        "original": "someone@example.net",
        "channel": "smtp",
        "host": "example.net",
        "status": "4.4.1",
        "diagnostic": "connection refused",
        "remote": "mx.example.net",
        "hop_note": None,
        "last_attempt": None,
    }
