"""Whatever is done to the clock, no mail is taken to be older than it is."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from posthouse.scheduling.ages import CORRECTION, Ages

DAWN = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
STEPS = st.lists(
    st.one_of(
        st.integers(0, 48).map(lambda hours: ("pass", timedelta(hours=hours))),
        st.integers(-72, 72).map(lambda hours: ("set", timedelta(hours=hours))),
        st.just(("accept", timedelta(0))),
    ),
    max_size=60,
)


@given(STEPS)
def test_no_mail_is_ever_taken_to_be_older_than_it_is(steps):
    """The age of each message by its stamp and the clock is at most the time that really passed, to a correction."""
    now, passed = DAWN, timedelta(0)
    ages = Ages(now, 0.0)
    mail: list[tuple[datetime, timedelta]] = []
    for step, by in steps:
        if step == "accept":
            mail.append((now, passed))
            continue
        now += by
        if step == "pass":
            passed += by
        ages.look(now, passed.total_seconds())
        for stamp, since in mail:
            assert now - ages.accepted(stamp) <= passed - since + CORRECTION


@given(STEPS, st.integers(-200, 200), st.integers(-200, 200))
def test_a_bound_of_stamps_takes_in_no_mail_that_is_younger(steps, moment_hours, stamp_hours):
    """Each stamp up to the bound was accepted before the moment."""
    now, passed = DAWN, timedelta(0)
    ages = Ages(now, 0.0)
    for step, by in steps:
        now += by
        passed += by if step == "pass" else timedelta(0)
        ages.look(now, passed.total_seconds())
    moment, stamp = (DAWN + timedelta(hours=hours) for hours in (moment_hours, stamp_hours))

    assert (stamp <= ages.accepted_by(moment)) <= (ages.accepted(stamp) <= moment)


def test_a_jump_ahead_and_back_again_leaves_the_ages_as_they_were():
    ages = Ages(DAWN, 0.0)
    day = timedelta(days=1)

    assert ages.look(DAWN + day, 0.0) == day
    assert ages.accepted(DAWN) == DAWN + day
    assert ages.accepted_by(DAWN + day) == DAWN + day
    assert ages.look(DAWN, 0.0) == -day
    assert ages.accepted(DAWN) == DAWN
    assert ages.look(DAWN + CORRECTION / 2, 0.0) == timedelta(0)
