"""What holds for every schedule and every order of events."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from posthouse.mail.limits import RetryPolicy
from posthouse.mail.queued import Hop
from posthouse.scheduling.backlog import make_backlog
from posthouse.scheduling.retry import next_attempt

ACCEPTED = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
SPANS = st.timedeltas(timedelta(seconds=1), timedelta(days=10))


@given(
    first=SPANS,
    longest=SPANS,
    expiry=SPANS,
    age=st.timedeltas(timedelta(0), timedelta(days=20)),
    attempts=st.integers(0, 10**6),
    jitter=st.floats(0, 1, exclude_max=True),
)
def test_the_next_attempt_lies_ahead_and_never_beyond_expiry(
    first: timedelta, longest: timedelta, expiry: timedelta, age: timedelta, attempts: int, jitter: float
):
    """Now < next attempt <= expiry, or the recipient has expired; never later than 5/4 of max_delay."""
    policy = RetryPolicy(first_delay=first, max_delay=longest, expire_after=expiry)
    now = ACCEPTED + age
    when = next_attempt(policy, ACCEPTED, now, attempts, jitter)
    if when is None:
        assert now >= ACCEPTED + expiry
    else:
        assert now < when <= ACCEPTED + expiry
        assert when - now <= longest * 5 / 4


@given(
    slots=st.integers(1, 30),
    initial=st.integers(1, 40),
    per_host=st.integers(1, 40),
    steps=st.lists(st.tuples(st.integers(0, 5), st.sampled_from(["good", "dead", "lease"])), max_size=60),
)
def test_slots_are_never_exceeded_and_no_hop_gets_more_than_half(
    slots: int, initial: int, per_host: int, steps: list[tuple[int, str]]
):
    """In use <= slots; one hop <= max(1, slots/2, its limit); room is never negative."""
    backlog = make_backlog(RetryPolicy(), slots, initial, lambda _channel: per_host)
    running: dict[Hop, int] = {}
    now = ACCEPTED
    for number, step in steps:
        now += timedelta(minutes=1)
        hop = Hop("smtp", f"h{number}")
        if step == "lease":
            room = backlog.spare().get(hop, backlog.default_spare(("smtp",)))
            assert room >= 0
            for _ in range(min(room, backlog.wanted)):
                backlog.start(hop)
                running[hop] = running.get(hop, 0) + 1
        elif running.get(hop):
            if step == "good":
                backlog.reached(hop)
            else:
                backlog.unreachable(hop, now)
            backlog.finish(hop)
            running[hop] -= 1
        assert backlog.in_use == sum(running.values()) <= slots
        assert all(count <= max(1, min(slots // 2, per_host)) for count in running.values())
