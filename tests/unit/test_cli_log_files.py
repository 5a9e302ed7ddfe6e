"""The log is read back in both formats, rotated files included."""

import gzip
import os
from datetime import UTC, datetime

import pytest

from posthouse.adapters.event_log_lines import json_line, text_line
from posthouse.cli.log_files import events_about, parse_event, queue_id_of

EVENT = {
    "time": "2026-11-22T07:42:46.123Z",
    "event": "delivered",
    "queue_id": "1QjK2m0aBcDeF",
    "recipient": 'a "b"@example.org',
    "diagnostic": "250 2.0.0 Ok: kept = yes",
}


@pytest.mark.parametrize("render", [json_line, text_line])
def test_what_the_log_writes_is_read_back(render):
    assert parse_event(render(EVENT)) == EVENT


@pytest.mark.parametrize(
    "line", [b"", b"\n", b"{", b"[1]", b"{}", b"Traceback (most recent call last):\n", b"\xff\xfe x=1"]
)
def test_what_is_no_event_is_passed_over(line):
    event = parse_event(line)

    assert event is None or "event" in event


def test_a_line_that_a_kill_cut_short_hides_none_behind_it():
    cut = b'{"time":"2026-11-22T14:56:01Z","event":"resolved","via":"mx.test is a local domain > p'
    whole = b'{"time":"2026-11-22T14:56:02Z","event":"child-died","about":"{\\"time\\":"}\n'
    assert parse_event(cut) is None
    assert parse_event(whole) is not None
    assert parse_event(cut + whole) == parse_event(cut + cut + whole) == parse_event(whole)


def test_rotated_logs_are_read_oldest_first(tmp_path):
    log = tmp_path / "posthouse.log"
    with gzip.open(tmp_path / "posthouse.log.2.gz", "wb") as oldest:
        oldest.write(json_line({**EVENT, "event": "accepted"}))
    (tmp_path / "posthouse.log.1").write_bytes(json_line({**EVENT, "event": "deferred"}) + b"not an event\n")
    log.write_bytes(json_line(EVENT) + json_line({**EVENT, "queue_id": "other", "diagnostic": "about 1QjK2m0aBcDeF"}))
    for age, name in enumerate(["posthouse.log", "posthouse.log.1", "posthouse.log.2.gz"]):
        os.utime(tmp_path / name, (1_700_000_000 - age,) * 2)

    assert [event["event"] for event in events_about(log, "1QjK2m0aBcDeF")] == ["accepted", "deferred", "delivered"]


def test_report_about_a_message_belongs_to_its_life(tmp_path):
    log = tmp_path / "log"
    log.write_bytes(
        json_line({"event": "bounced", "queue_id": "first", "report_id": "second", "time": str(datetime.now(UTC))})
    )

    assert [event["event"] for event in events_about(log, "second")] == ["bounced"]


def test_a_message_is_found_by_the_id_in_its_received_field(tmp_path):
    log = tmp_path / "log"
    log.with_name("log.1").write_bytes(
        json_line({**EVENT, "event": "accepted", "queue_id": "other", "received_id": "1a2.b.10"})
        + json_line({**EVENT, "event": "accepted", "received_id": "1a2.b.1"})
    )
    log.write_bytes(json_line(EVENT))

    assert queue_id_of(log, "1a2.b.1") == "1QjK2m0aBcDeF"
    assert queue_id_of(log, "1QjK2m0aBcDeF") == "1QjK2m0aBcDeF"
    assert queue_id_of(log, "1a2.b.2") == "1a2.b.2"


def test_a_life_is_told_in_order_whoever_wrote_first(tmp_path):
    log = tmp_path / "log"
    written = [("attempted", "46.001"), ("delivered", "46.009"), ("accepted", "46.003"), ("resolved", "46.003")]
    log.write_bytes(
        b"".join(
            json_line({"time": f"2026-11-22T07:42:{at}Z", "event": event, "queue_id": "1QjK2m0aBcDeF"})
            for event, at in [*written, ("finished", "46.010"), ("retried", "46.005")]
        )
    )

    told = [event["event"] for event in events_about(log, "1QjK2m0aBcDeF")]

    assert told == ["accepted", "resolved", "attempted", "retried", "delivered", "finished"]
