"""What every clock promises, and what the manual one adds for tests."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from posthouse.adapters.clock_manual import DAWN, ManualClock
from posthouse.adapters.clock_system import SystemClock


@pytest.fixture(params=[SystemClock, ManualClock], ids=["system", "manual"])
def clock(request):
    return request.param()


def test_now_is_aware_and_utc(clock):
    assert clock.now().utcoffset() == timedelta(0)


def test_monotonic_never_goes_back(clock):
    readings = [clock.monotonic() for _ in range(100)]

    assert readings == sorted(readings)


def test_time_passes_when_told_to():
    clock = ManualClock()
    start = clock.monotonic()

    clock.advance(timedelta(minutes=1))
    clock.advance(0.5)

    assert clock.now() == DAWN + timedelta(seconds=60.5)
    assert clock.monotonic() == start + 60.5


def test_a_corrected_clock_leaves_monotonic_time_alone():
    clock = ManualClock()
    start = clock.monotonic()

    clock.set_now(datetime(2020, 1, 1, 2, tzinfo=timezone(timedelta(hours=2))))

    assert clock.now() == datetime(2020, 1, 1, tzinfo=UTC)
    assert clock.monotonic() == start


def test_time_does_not_pass_backwards_and_is_never_naive():
    with pytest.raises(ValueError, match="never goes back"):
        ManualClock().advance(-1)
    with pytest.raises(ValueError, match="aware"):
        ManualClock(datetime(2026, 1, 1))  # noqa: DTZ001 - what is refused
