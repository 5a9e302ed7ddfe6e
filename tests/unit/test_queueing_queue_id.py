"""Queue ids: 13 characters that sort by the time of acceptance."""

from datetime import UTC, datetime, timedelta

import pytest

from posthouse.mail.errors import MalformedError
from posthouse.queueing.queue_id import (
    accepted_at,
    format_queue_id,
    lowest_queue_id,
    make_queue_id,
    parse_queue_id,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_the_first_of_all_queue_ids():
    assert format_queue_id(make_queue_id(datetime(2020, 1, 1, tzinfo=UTC), 0)) == "0000000000000"


def test_a_queue_id_is_read_in_either_case():
    queue_id = format_queue_id(make_queue_id(NOON, 123_456))

    assert parse_queue_id(queue_id.lower()) == parse_queue_id(queue_id) == make_queue_id(NOON, 123_456)


def test_all_messages_of_a_moment_lie_between_two_cut_offs():
    first, last = (format_queue_id(make_queue_id(NOON, drawn)) for drawn in (0, (1 << 22) - 1))

    assert lowest_queue_id(NOON) == first
    assert last < lowest_queue_id(NOON + timedelta(milliseconds=1))


def test_a_number_tells_its_time():
    assert accepted_at(make_queue_id(NOON + timedelta(microseconds=1999), 7)) == NOON + timedelta(milliseconds=1)


def test_times_outside_the_range_are_clamped():
    assert lowest_queue_id(datetime(1999, 1, 1, tzinfo=UTC)) == "0000000000000"
    assert len(lowest_queue_id(datetime(2999, 1, 1, tzinfo=UTC))) == 13


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("000000000000", id="too short"),
        pytest.param("00000000000000", id="too long"),
        pytest.param("000000000000U", id="letter that is not used"),
        pytest.param("000000000000-", id="sign"),
        pytest.param("00000000000\u0661\u0661", id="other digits"),
        pytest.param("8000000000000", id="more than 63 bits"),
        pytest.param("000000000000\n", id="line end"),
    ],
)
def test_what_is_no_queue_id_is_refused(text):
    with pytest.raises(MalformedError):
        parse_queue_id(text)


@pytest.mark.parametrize("drawn", [-1, 1 << 22])
def test_a_draw_that_does_not_fit_is_refused(drawn):
    with pytest.raises(ValueError, match="22 bits"):
        make_queue_id(NOON, drawn)
