"""What a busy machine leaves for later."""

from pathlib import Path

import pytest

from posthouse.adapters.clock_manual import ManualClock
from posthouse.adapters.load_system import SystemLoad, load_of_system
from posthouse.deliver.cf_load import load_limits_of
from posthouse.mailers.priority import Factors
from posthouse.scheduling.load import LONGEST_WAIT_SECONDS, LoadLimits, RateThrottle
from posthouse.site.cf.declared import CfConfiguration


@pytest.mark.parametrize(
    ("load", "priority", "expected"),
    [
        pytest.param(7, 10**9, False, id="below QueueLA everything is sent at once"),
        pytest.param(8, 600_000, False, id="at QueueLA what is no heavier than QueueFactor"),
        pytest.param(8, 600_001, True, id="one octet more waits"),
        pytest.param(9, 300_000, False, id="one above: half of QueueFactor"),
        pytest.param(9, 300_001, True, id="and what is heavier waits"),
        pytest.param(27, 30_001, True, id="far above nothing is light enough"),
    ],
)
def test_a_high_load_queues_what_is_heavy(load: int, priority: int, expected: bool) -> None:
    assert LoadLimits(queue=8, factor=600_000).queues(load, priority) is expected


def test_connections_are_refused_and_commands_delayed_from_their_loads_on() -> None:
    limits = LoadLimits(refuse=12, delay=10)

    assert [limits.delays(load) for load in (9, 10, 12)] == [False, True, True]
    assert [limits.refuses(load) for load in (11, 12, 13)] == [False, True, True]
    assert not LoadLimits(refuse=0, delay=0).refuses(1000)
    assert not LoadLimits(refuse=0, delay=0).delays(1000)


def test_loads_that_a_site_does_not_name_go_by_its_processors() -> None:
    limits = load_limits_of(CfConfiguration(Path("x.cf")), processors=4)

    assert (limits.queue, limits.refuse, limits.delay) == (32, 48, 0)


def test_a_priority_grows_with_size_recipients_and_attempts_and_falls_with_the_class() -> None:
    factors = Factors()

    assert factors.priority(161, recipients=1) == 30161
    assert factors.priority(21, recipients=1, precedence=-60) == 138021
    assert factors.priority(21, recipients=2, precedence=100, attempts=3) == 21 + 60000 - 180000 + 270000


def test_connections_beyond_the_rate_wait_for_the_next_seconds() -> None:
    throttle = RateThrottle(2)

    assert [throttle.wait(10.0) for _ in range(5)] == [0.0, 0.0, 1.0, 1.0, 2.0]
    assert throttle.wait(12.5) == 0.0, "the third second has room"
    assert throttle.wait(20.0) == 0.0


def test_a_connection_that_would_wait_for_more_than_a_minute_is_not_counted() -> None:
    throttle = RateThrottle(1)
    waits = [throttle.wait(10.0) for _ in range(LONGEST_WAIT_SECONDS + 1)]

    assert waits[-1] == LONGEST_WAIT_SECONDS
    assert throttle.wait(10.0) is None
    assert throttle.wait(10.0) is None
    assert throttle.wait(11.0) == LONGEST_WAIT_SECONDS, "the next second takes one more"


def test_the_load_is_asked_for_once_a_second() -> None:
    loads = iter((3.5, 9.2))
    clock = ManualClock()
    load = SystemLoad(clock, lambda: next(loads))
    assert load.now() == 4

    assert load.now() == 4
    clock.advance(1.0)
    assert load.now() == 9


@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf")])
def test_a_load_that_is_none_is_nothing(value: float) -> None:
    assert SystemLoad(ManualClock(), lambda: value).now() == 0


def test_this_machine_has_a_load() -> None:
    assert load_of_system() >= 0
