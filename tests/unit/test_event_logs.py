"""One event is one line, whatever stands in it."""

import json
import os
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthouse.adapters.clock_manual import DAWN, ManualClock
from posthouse.adapters.event_log_file import FileEventLog
from posthouse.adapters.event_log_lines import json_line, text_line
from posthouse.mail.address import Address
from posthouse.mail.lookup import Lookup
from posthouse.mail.outcome import Disposition
from posthouse.site.model import LogDeclaration, LogFormat


def gathering(declaration, clock, role):
    """Make a log as a daemon has it; nothing calls back, so that closing has to write."""
    log = FileEventLog(declaration, clock, role)
    log.gather(lambda _flush: None)
    return log


LOGS = pytest.mark.parametrize("make", [FileEventLog, gathering], ids=["at once", "gathered"])
NASTY = 'é\x00\n\x1b[2J\x7f\x9b\u2028\udcff"\\ ='


def write(make, path, form, **fields):
    log = make(LogDeclaration(path, form), ManualClock(), "smtpd-1")
    log.event("delivered", **fields)
    log.close()
    return path.read_bytes()


@LOGS
def test_an_event_has_its_time_name_and_process_first(make, tmp_path):
    line = write(make, tmp_path / "log", LogFormat.JSON, queue_id="0abc", missing=None, delay=1.5)

    event = json.loads(line)

    assert list(event) == ["time", "event", "role", "pid", "queue_id", "delay"]
    assert event["time"] == "2026-01-01T12:00:00.000Z"
    assert event["pid"] == os.getpid()


@LOGS
@pytest.mark.parametrize(
    ("value", "shown"),
    [
        pytest.param(DAWN, "2026-01-01T12:00:00.000Z", id="a time"),
        pytest.param(timedelta(minutes=1), 60.0, id="a duration is seconds"),
        pytest.param(Disposition.DELIVERED, 2, id="an enum's value"),
        pytest.param(Address("joe", "example.org"), "joe@example.org", id="an address"),
        pytest.param(["a", Address("b")], ["a", "b"], id="a list"),
        pytest.param(b"NO\xff", "NO\\xff", id="bytes off the wire"),
        pytest.param(True, True, id="yes or no"),
        pytest.param(Lookup("users", "joe"), "Lookup(table='users', key='joe')", id="anything else"),
    ],
)
def test_values_are_written_plainly(make, tmp_path, value, shown):
    assert json.loads(write(make, tmp_path / "log", LogFormat.JSON, value=value))["value"] == shown


@LOGS
@pytest.mark.parametrize("form", list(LogFormat), ids=lambda form: form.value)
def test_nothing_in_an_event_ends_its_line_or_reaches_the_terminal(make, tmp_path, form):
    line = write(make, tmp_path / "log", form, diagnostic=NASTY)

    assert line.count(b"\n") == 1
    text = line.rstrip(b"\n").decode()
    assert not any(ord(character) < 32 or 127 <= ord(character) < 160 or character == "\u2028" for character in text)


@LOGS
def test_no_field_replaces_the_event_s_own_words(make, tmp_path):
    event = json.loads(write(make, tmp_path / "log", LogFormat.JSON, event="faked", time="never", pid=1))

    assert event["event"] == "delivered"
    assert event["pid"] == os.getpid()


@LOGS
def test_a_reopened_log_follows_a_rotation(make, tmp_path):
    path = tmp_path / "log"
    log = make(LogDeclaration(path), ManualClock(), "deliver")
    log.event("before")
    path.rename(tmp_path / "log.1")
    log.event("between")
    log.reopen()
    log.event("after")
    log.close()

    assert [json.loads(line)["event"] for line in (tmp_path / "log.1").read_bytes().splitlines()] == [
        "before",
        "between",
    ]
    assert json.loads(path.read_bytes())["event"] == "after"


def test_text_is_for_people(tmp_path):
    line = write(FileEventLog, tmp_path / "log", LogFormat.TEXT, recipient="joe@example.org", diagnostic="it is there")

    words = f'role=smtpd-1 pid={os.getpid()} recipient=joe@example.org diagnostic="it is there"\n'
    assert line.decode() == f"2026-01-01T12:00:00.000Z delivered {words}"


@given(st.dictionaries(st.sampled_from(["a", "b"]), st.text() | st.binary() | st.none() | st.integers(), min_size=1))
def test_any_text_survives_json_in_one_line(fields):
    """Any strings written as JSON are one line that reads back as the same strings."""
    strings = {key: value for key, value in fields.items() if isinstance(value, str)}

    line = json_line(strings)

    assert line.count(b"\n") == 1
    assert {key: value.encode("utf-8", "backslashreplace") for key, value in json.loads(line).items()} == {
        key: value.encode("utf-8", "backslashreplace") for key, value in strings.items()
    }
    assert text_line(strings).count(b"\n") == 1


def test_gathered_events_are_written_together_when_the_loop_calls_back(tmp_path):
    calls = []
    log = FileEventLog(LogDeclaration(tmp_path / "log"), ManualClock(), "smtpd-1")
    log.gather(calls.append)

    log.event("connected")
    log.event("disconnected")

    assert (tmp_path / "log").read_bytes() == b""
    assert len(calls) == 1
    calls[0]()
    assert [json.loads(line)["event"] for line in (tmp_path / "log").read_bytes().splitlines()] == [
        "connected",
        "disconnected",
    ]


def test_gathered_events_are_bounded(tmp_path):
    log = FileEventLog(LogDeclaration(tmp_path / "log"), ManualClock(), "smtpd-1")
    log.gather(lambda _flush: None)

    for _ in range(256):
        log.event("connected")

    assert (tmp_path / "log").read_bytes().count(b"\n") == 256


def test_the_time_of_an_event_follows_the_clock_in_both_directions(tmp_path):
    clock = ManualClock()
    log = FileEventLog(LogDeclaration(tmp_path / "log"), clock, "smtpd-1")
    for step in (0.25, 1, -5):
        clock.set_now(clock.now() + timedelta(seconds=step))
        log.event("connected")
    log.close()

    times = [json.loads(line)["time"][17:] for line in (tmp_path / "log").read_bytes().splitlines()]
    assert times == ["00.250Z", "01.250Z", "56.250Z"]
