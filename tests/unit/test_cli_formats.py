"""Times, sizes and long values in a terminal."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthouse.cli.formats import due_in, fitted, printable, short_duration, short_size

NOW = datetime(2026, 11, 22, 7, 42, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (-5, "0s"),
        (0, "0s"),
        (59, "59s"),
        (60, "1m"),
        (3599, "59m"),
        (3600, "1h"),
        (11520, "3h12m"),
        (86400, "1d"),
        (187200, "2d4h"),
        (8640000, "100d"),
    ],
)
def test_duration_has_two_units_at_most(seconds, expected):
    assert short_duration(timedelta(seconds=seconds)) == expected


@pytest.mark.parametrize(
    ("octets", "expected"),
    [(0, "0"), (999, "999"), (1000, "1.0k"), (1229, "1.2k"), (34 * 1024**2, "34M"), (5 * 1024**4, "5120G")],
)
def test_size_is_short(octets, expected):
    assert short_size(octets) == expected


def test_next_attempt_is_told_from_now():
    assert due_in(NOW - timedelta(minutes=1), NOW) == "now"
    assert due_in(NOW + timedelta(minutes=12), NOW) == "in 12m"


@given(st.text(), st.integers(5, 80))
def test_what_others_said_cannot_steer_a_terminal(text, width):
    """Any text becomes printable, and fits the width."""
    assert printable(text).isprintable()
    assert len(fitted(text, width)) <= width
