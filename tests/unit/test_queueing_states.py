"""The table of docs/spool.md: what may happen to a recipient, and what it makes of it."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from posthouse.mail.outcome import deferred, failed
from posthouse.mail.queued import Ending, RecipientState, Settlement
from posthouse.queueing.states import TRANSITIONS, Event, allowed, settled, states_before

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER, REFUSED = deferred("450 later"), failed("550 no")
PAGE = Path(__file__).parents[2] / "docs" / "spool.md"


def test_the_page_and_the_table_agree():
    lines = re.findall(
        r"^\| (queued|leased|held|reporting) \| ([a-z ]+) \| ([a-z]+) \|", PAGE.read_text(), re.MULTILINE
    )
    page = {(state, event): after for state, event, after in lines}

    table = {
        (state.value, event.name.lower().replace("_", " ")): after.value if after else "gone"
        for (state, event), after in TRANSITIONS.items()
    }
    assert page == table


@pytest.mark.parametrize("event", [Event.HOLD, Event.RETRY, Event.REMOVE, Event.BOUNCE, Event.RELEASE])
def test_no_verb_touches_a_leased_recipient(event):
    assert not allowed(RecipientState.LEASED, event)


def test_held_recipients_are_never_leased():
    assert RecipientState.HELD not in states_before(Event.LEASE)


@pytest.mark.parametrize(
    ("reporting", "settlement", "expected"),
    [
        pytest.param(False, (Ending.GONE, None, None), (None, None, 2, None), id="delivered"),
        pytest.param(False, (Ending.RETRY, LATER, NOON), ("queued", NOON, 3, LATER), id="deferred"),
        pytest.param(False, (Ending.RETRY, None, NOON), ("queued", NOON, 2, REFUSED), id="given back untried"),
        pytest.param(False, (Ending.REPORT, LATER, None), ("reporting", None, 3, LATER), id="report owed"),
        pytest.param(True, (Ending.RETRY, LATER, NOON), ("reporting", NOON, 3, REFUSED), id="report deferred"),
        pytest.param(True, (Ending.REPORT, LATER, None), ("reporting", None, 3, REFUSED), id="report owed still"),
        pytest.param(True, (Ending.GONE, None, None), (None, None, 2, None), id="reported"),
    ],
)
def test_settling(reporting, settlement, expected):
    ending, outcome, due = settlement

    after = settled(
        reporting=reporting,
        attempts=2,
        outcome=REFUSED,
        settlement=Settlement("0000000000000", 0, 1, ending, outcome, due),
    )

    state, due, attempts, kept = expected
    assert (after.state.value if after.state else None, after.due, after.attempts) == (state, due, attempts)
    if state:
        assert after.outcome == kept
