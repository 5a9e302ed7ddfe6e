"""When a deferred recipient is tried again."""

from datetime import UTC, datetime, timedelta

import pytest

from posthouse.mail.limits import RetryPolicy
from posthouse.scheduling.retry import next_attempt, sweep_interval

ACCEPTED = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


def hours(number: float) -> timedelta:
    return timedelta(hours=number)


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


@pytest.mark.parametrize(
    ("age", "attempts", "expected"),
    [
        pytest.param(hours(0), 1, minutes(5), id="first deferral"),
        pytest.param(hours(0), 0, minutes(5), id="deferred without an attempt"),
        pytest.param(hours(1), 4, minutes(40), id="doubles each time"),
        pytest.param(hours(50), 30, hours(4), id="levels off at max_delay"),
        pytest.param(hours(50), 10**9, hours(4), id="however often it was tried"),
        pytest.param(hours(118), 30, hours(2), id="the last attempt falls at expiry"),
        pytest.param(hours(120), 31, None, id="expired: bounce"),
        pytest.param(hours(500), 31, None, id="expired long ago"),
    ],
)
def test_next_attempt(age: timedelta, attempts: int, expected: timedelta | None):
    now = ACCEPTED + age

    when = next_attempt(RetryPolicy(), ACCEPTED, now, attempts, jitter=0.0)

    assert when == (now + expected if expected is not None else None)


def test_jitter_adds_up_to_a_quarter():
    when = next_attempt(RetryPolicy(), ACCEPTED, ACCEPTED, 1, jitter=0.8)

    assert when == ACCEPTED + minutes(6)


@pytest.mark.parametrize(
    ("policy", "interval"),
    [
        pytest.param(RetryPolicy(), minutes(1), id="never rarer than a minute"),
        pytest.param(RetryPolicy(warn_after=timedelta(seconds=20)), timedelta(seconds=2), id="a tenth of the shorter"),
        pytest.param(RetryPolicy(warn_after=None, expire_after=timedelta(seconds=2)), timedelta(seconds=1), id="1 s"),
    ],
)
def test_sweeps_are_as_fine_as_the_policy(policy: RetryPolicy, interval: timedelta):
    assert sweep_interval(policy) == interval
