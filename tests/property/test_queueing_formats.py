"""Queue ids and columns: whatever is written is read back the same."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from posthouse.mail.address import Address, Path
from posthouse.mail.errors import MalformedError
from posthouse.mail.outcome import Disposition, Outcome
from posthouse.mail.queued import Hop, Lane, LeaseRequest
from posthouse.mail.status import Status
from posthouse.queueing.formats import (
    from_microseconds,
    read_address,
    read_outcome,
    read_path,
    to_microseconds,
    write_address,
    write_outcome,
    write_path,
)
from posthouse.queueing.lanes import Picker, Turns
from posthouse.queueing.queue_id import format_queue_id, lowest_queue_id, parse_queue_id
from posthouse.queueing.texts import leading_header, pieces

NUMBERS = st.integers(0, (1 << 63) - 1)
TIMES = st.datetimes(datetime(2020, 1, 1), datetime(2080, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds
WORDS = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=20)
DOMAINS = WORDS.filter(lambda word: "@" not in word)
ADDRESSES = st.builds(Address, WORDS.filter(bool), DOMAINS)
PATHS = st.just(Path(None)) | st.builds(Path, ADDRESSES, st.lists(DOMAINS, max_size=3).map(tuple))


@st.composite
def outcomes(draw):
    disposition = draw(st.sampled_from(Disposition))
    status = Status(disposition.value, draw(st.integers(0, 999)), draw(st.integers(0, 999)))
    diagnostic = draw(st.text(st.characters(exclude_categories=("Cs",)), min_size=1))
    code, relayed, tried = draw(st.integers(0, 599)), draw(st.booleans()), draw(st.booleans())
    return Outcome(disposition, status, diagnostic, draw(WORDS), code, relayed, tried)


@given(NUMBERS, NUMBERS)
def test_queue_ids(one, two):
    """Reading a queue id gives its number, and texts sort as numbers do."""
    assert parse_queue_id(format_queue_id(one)) == one
    assert (format_queue_id(one) < format_queue_id(two)) == (one < two)


@given(st.text(max_size=20))
def test_any_text_as_queue_id(text):
    """Any text is a queue id that is written the same but for case, or malformed."""
    try:
        number = parse_queue_id(text)
    except MalformedError:
        return
    assert format_queue_id(number) == text.upper()


@given(TIMES, TIMES)
def test_cut_offs(one, two):
    """A later time never has a lower cut-off."""
    assert one > two or lowest_queue_id(one) <= lowest_queue_id(two)


@given(TIMES)
def test_times(at):
    """A time survives to the microsecond."""
    assert from_microseconds(to_microseconds(at)) == at


@given(ADDRESSES)
def test_addresses(address):
    """An address survives, with any local-part and with no domain."""
    assert read_address(write_address(address)) == address


@given(PATHS)
def test_paths(path):
    """A reverse-path survives, null or with its source route."""
    assert read_path(write_path(path)) == path


@given(outcomes())
def test_outcomes(outcome):
    """An outcome survives, whatever the remote side wrote into its diagnostic."""
    assert read_outcome(write_outcome(outcome)) == outcome


@given(st.binary(max_size=200_000))
def test_pieces(text):
    """The pieces of a text are the text, and none is larger than 64 KiB."""
    parts = list(pieces(text))
    assert b"".join(parts) == text
    assert all(len(part) <= 65536 for part in parts)


@given(st.lists(st.sampled_from([b"A: b", b"\r\n", b"\r", b"\n", b"body"])).map(b"".join), st.integers(0, 40))
def test_leading_header(text, most):
    """A header is the beginning of its text, and never longer than asked for."""
    header = leading_header(text, most)
    assert text.startswith(header)
    assert len(header) <= most


_HOPS = [Hop("smtp", f"h{number}.example") for number in range(4)]
_WORK = st.dictionaries(
    st.tuples(st.sampled_from(_HOPS), st.sampled_from(Lane)),
    st.lists(st.integers(1, 8), min_size=1, max_size=6),  # recipients of each waiting message
)


@given(_WORK, st.integers(1, 12), st.integers(0, 3), st.dictionaries(st.sampled_from(_HOPS), st.integers(0, 3)))
def test_picking(work, batches, default_spare, spare):
    """No hop gets more than its room, nothing is offered twice, and room is left only when work is not."""
    queued = {
        (hop, lane): [
            (1000 * index + lane * 100 + 10 * _HOPS.index(hop), number)
            for index, count in enumerate(counts)
            for number in range(count)
        ]
        for (hop, lane), counts in work.items()
    }
    now = datetime(2026, 1, 1, tzinfo=UTC)
    request = LeaseRequest("one", now, now + timedelta(1), batches, default_spare, spare, recipients_per_batch=3)

    picked = Picker(
        request,
        Turns(),
        ready=lambda lane: [(place, place[0]) for place in queued if place[1] is lane],
        rows=lambda place, most: queued[place][:most],
    ).pick()

    rows = [(offer.message, number) for offer in picked.offers for number in offer.numbers]
    assert len(rows) == len(set(rows))
    assert len(picked.offers) <= batches
    taken = {hop: sum(offer.place[0] == hop for offer in picked.offers) for hop in _HOPS}
    assert all(taken[hop] <= spare.get(hop, default_spare) for hop in _HOPS)
    if len(picked.offers) < batches:
        for hop in _HOPS:
            waiting = {row for place, of_place in queued.items() if place[0] == hop for row in of_place} - set(rows)
            assert not waiting or taken[hop] == spare.get(hop, default_spare)
