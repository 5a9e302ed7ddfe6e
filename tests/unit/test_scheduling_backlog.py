"""Windows, dead hops, and the slots they share."""

from datetime import UTC, datetime, timedelta

import pytest

from posthouse.mail.limits import RetryPolicy
from posthouse.mail.queued import Hop, Lane
from posthouse.scheduling.backlog import Backlog, make_backlog
from posthouse.scheduling.bulk import FIRST_SECONDS, YOUNG_SECONDS
from posthouse.scheduling.concurrency import Window, first_window
from posthouse.scheduling.dead_hosts import DeadHop, leave_alone

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
A, B, C = (Hop("smtp", f"{name}.example") for name in "abc")


def backlog(slots: int = 100, initial: int = 5, per_host: int = 20) -> Backlog:
    return make_backlog(RetryPolicy(), slots, initial, lambda _channel: per_host)


@pytest.mark.parametrize(
    ("initial", "per_host", "slots", "expected"),
    [
        pytest.param(5, 20, 100, Window(5, 20), id="the site's numbers"),
        pytest.param(30, 20, 100, Window(20, 20), id="not more than the hop may have"),
        pytest.param(30, 80, 100, Window(30, 50), id="no hop gets more than half of all slots"),
        pytest.param(5, 20, 1, Window(1, 1), id="one slot"),
    ],
)
def test_first_window(initial: int, per_host: int, slots: int, expected: Window):
    assert first_window(initial, per_host, slots) == expected


def test_a_window_full_of_deliveries_widens_it_by_about_one():
    window = Window(5, 20)
    for _ in range(6):
        window = window.widened()
    assert window.attempts == 6


def test_a_window_stays_between_one_and_its_most():
    window = Window(1.5, 2)
    assert window.halved().halved().attempts == 1
    for _ in range(10):
        window = window.widened()
    assert window.size == 2
    with pytest.raises(ValueError, match="not between"):
        Window(0.5, 2)


@pytest.mark.parametrize(
    ("before", "term"),
    [
        pytest.param(None, 5 * MINUTE, id="first failure"),
        pytest.param(DeadHop(1, NOW), 10 * MINUTE, id="the term doubles"),
        pytest.param(DeadHop(3, NOW - 100 * MINUTE), 40 * MINUTE, id="long after"),
        pytest.param(DeadHop(100, NOW), 240 * MINUTE, id="up to max_delay"),
        pytest.param(DeadHop(2, NOW + MINUTE), MINUTE, id="a late failure of the same death changes nothing"),
    ],
)
def test_how_long_a_dead_hop_is_left_alone(before: DeadHop | None, term: timedelta):
    assert leave_alone(RetryPolicy(), before, NOW).until == NOW + term


def test_room_is_the_window_less_what_runs():
    slots = backlog()
    for _ in range(3):
        slots.start(A)
    assert slots.spare() == {A: 2}
    assert slots.default_spare(("smtp",)) == 5
    slots.finish(A)
    assert slots.spare() == {A: 3}
    assert (slots.in_use, slots.free) == (2, 98)


def test_an_unreachable_hop_gets_half_and_then_one_that_goes_ahead():
    slots = backlog(initial=8)
    slots.start(A)
    assert slots.unreachable(A, NOW) == NOW + 5 * MINUTE
    assert slots.unreachable(A, NOW + MINUTE) is None
    slots.finish(A)
    assert slots.spare() == {A: 1}
    assert slots.dead_hops == 1

    slots.start(A)
    assert slots.reached(A)
    assert not slots.reached(A)
    slots.finish(A)
    assert slots.spare() == {A: 4}
    assert slots.dead_hops == 0


def test_the_last_quarter_is_for_hops_below_an_equal_share():
    slots = backlog(slots=8, initial=4, per_host=4)
    assert slots.wanted == 6
    for hop in (A, A, A, B, B, B):
        slots.start(hop)
    assert slots.wanted == 2
    assert slots.default_spare(("smtp",)) == 2
    assert slots.spare() == {A: 0, B: 0}
    slots.start(C)
    assert slots.spare() == {A: 0, B: 0, C: 1}


def test_draining_frees_nothing():
    slots = backlog()
    slots.start(A)
    slots.drain()
    assert (slots.free, slots.wanted) == (0, 0)


def test_idle_hops_are_forgotten_and_those_in_use_never():
    slots = Backlog(RetryPolicy(), 10, lambda _channel: Window(2, 4), most_hops=20)
    slots.start(A)
    slots.start(B)
    slots.unreachable(B, NOW)
    slots.finish(B)
    for number in range(500):
        hop = Hop("smtp", f"h{number}.example")
        slots.start(hop)
        slots.finish(hop)
        assert slots.hops <= 22
    assert A in slots.spare()
    assert slots.dead_hops == 1  # the dead are remembered longest


def test_more_dead_hops_than_are_remembered_are_forgotten_too():
    slots = Backlog(RetryPolicy(), 10, lambda _channel: Window(2, 4), most_hops=20)
    for number in range(500):
        hop = Hop("smtp", f"h{number}.example")
        slots.start(hop)
        slots.unreachable(hop, NOW)
        slots.finish(hop)
    assert slots.hops <= 22
    assert slots.widest >= 1


def test_big_messages_that_are_alone_hold_a_quarter_of_the_slots():
    slots = backlog(slots=100)
    for _ in range(23):
        slots.start(A, Lane.BULK, now=7.0)
    assert (slots.bulk_wanted(8.0), slots.bulk_in_use) == (2, 23)

    slots.finish(A, Lane.BULK, started=7.0)

    assert slots.bulk_wanted(8.0) == 3


def test_big_messages_step_back_while_single_ones_come_along():
    slots = backlog(slots=100)
    slots.start(B)
    for now in range(5):
        assert slots.bulk_wanted(now) == 1
        slots.start(A, Lane.BULK, now)
    assert slots.bulk_wanted(9.0) == 0

    for _ in range(500):
        slots.start(A, Lane.BULK, 9.0)
        slots.finish(A, Lane.BULK, 9.0)

    assert slots.bulk_wanted(9.0) == 5


def test_attempts_for_big_messages_begin_one_after_the_other_while_single_ones_come_along():
    slots = backlog()
    slots.start(B)
    slots.start(A, Lane.BULK, now=7.0)
    assert slots.bulk_wanted(7.0 + YOUNG_SECONDS / 2) == 0
    assert slots.bulk_pause(7.0 + YOUNG_SECONDS / 2) == pytest.approx(YOUNG_SECONDS / 2)

    assert slots.bulk_wanted(7.1) == 1  # the first one waits for a slow host by now
    slots.start(A, Lane.BULK, now=7.1)
    assert slots.bulk_wanted(7.1) == 0

    slots.finish(A, Lane.BULK, started=7.1)  # a quick host
    assert slots.bulk_wanted(7.1) == 1


def test_no_more_than_five_attempts_for_big_messages_begin_at_once_even_alone():
    slots = backlog()
    assert (slots.bulk_wanted(7.0), slots.bulk_pause(7.0)) == (5, 0)
    for _ in range(3):
        slots.start(A, Lane.BULK, now=7.0)
    assert (slots.bulk_wanted(7.0), slots.bulk_pause(7.0)) == (2, 0)

    for _ in range(2):
        slots.start(A, Lane.BULK, now=7.01)

    assert slots.bulk_wanted(7.01) == 0
    assert slots.bulk_pause(7.01) == pytest.approx(YOUNG_SECONDS - 0.01)
    assert slots.bulk_wanted(7.0 + YOUNG_SECONDS + 0.001) == 3


def test_waiting_does_not_help_big_messages_that_hold_all_they_may():
    slots = backlog(slots=4)
    slots.start(A, Lane.BULK, now=7.0)
    assert (slots.bulk_wanted(7.0), slots.bulk_pause(7.0)) == (0, 0)


def test_big_messages_are_never_starved():
    slots = backlog(slots=1)
    slots.start(B)
    slots.finish(B)
    assert slots.bulk_wanted(7.0) == 1


def test_a_single_message_that_has_just_begun_has_its_time_before_the_next_attempt_for_a_big_one():
    slots = backlog()
    slots.start(A, Lane.BULK, now=7.0)
    slots.finish(A, Lane.BULK, started=7.0)  # a quick host

    slots.start(B, now=7.01)

    assert (slots.bulk_wanted(7.01), slots.bulk_pause(7.01)) == (0, pytest.approx(FIRST_SECONDS))
    assert (slots.bulk_wanted(7.011 + FIRST_SECONDS), slots.bulk_pause(7.011 + FIRST_SECONDS)) == (1, 0)


def test_single_messages_that_come_without_a_pause_let_a_big_one_go_on():
    slots = backlog()
    slots.start(A, Lane.BULK, now=7.0)
    slots.finish(A, Lane.BULK, started=7.0)
    last = 7.0 + YOUNG_SECONDS
    slots.start(B, now=last)

    assert slots.bulk_pause(last - 0.001) == pytest.approx(0.001)
    assert slots.bulk_wanted(last) == 1


def test_attempts_for_big_messages_are_small_while_single_ones_come_along():
    slots = backlog()
    alone = slots.bulk_recipients
    slots.start(B, now=7.0)
    assert slots.bulk_recipients < 50 < alone


def test_nothing_is_waited_for_where_there_are_only_single_messages():
    slots = backlog()
    slots.start(B, now=7.0)
    assert (slots.bulk_wanted(7.0), slots.bulk_pause(7.0)) == (1, 0)
