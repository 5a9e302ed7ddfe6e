"""What every spool does: one suite for memory, SQLite behind threads, and SQLite for commands."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from posthouse.adapters.spool_memory import MemorySpool
from posthouse.adapters.spool_sqlite.direct import DirectSpool
from posthouse.adapters.spool_sqlite.spool import SqliteSpool
from posthouse.mail.address import NULL_PATH, Address
from posthouse.mail.address import Path as MailPath
from posthouse.mail.envelope import Body, Envelope, FailedRecipient, MailerUser, Notify, Recipient, Return
from posthouse.mail.errors import MalformedError, SpoolError
from posthouse.mail.outcome import Disposition, Outcome, deferred, delivered, failed
from posthouse.mail.queued import (
    REPORT_CHANNEL,
    Ending,
    Hop,
    Lane,
    QueueFilter,
    RecipientState,
    Settlement,
    Verb,
    WarningMark,
)
from posthouse.mail.route import Route
from posthouse.mail.status import Status
from posthouse.queueing.texts import PIECE_OCTETS
from posthouse.submit.eager import run
from support.spool_letters import (
    NOON,
    SENDER,
    TEXT,
    bounce_envelope,
    crowd,
    envelope,
    minutes,
    pieces_of,
    post,
    queue_ids,
    recipient,
    request,
    rows,
    settlements,
    text_of,
)

AnySpool = MemorySpool | SqliteSpool | DirectSpool
B_EXAMPLE = Hop("smtp", "b.example")
LATER = deferred("450 4.2.0 greylisted", status="4.2.0", remote="mx.b.example", code=450)
REFUSED = failed("550 5.1.1 no such user", status="5.1.1", remote="mx.b.example", code=550)


@asynccontextmanager
async def sqlite_spool(folder: Path) -> AsyncIterator[SqliteSpool]:
    spool = SqliteSpool(folder, now=lambda: NOON)
    try:
        yield spool
    finally:
        await spool.close()


@asynccontextmanager
async def direct_spool(folder: Path) -> AsyncIterator[DirectSpool]:
    spool = DirectSpool(folder, now=lambda: NOON)
    try:
        yield spool
    finally:
        await spool.close()


@asynccontextmanager
async def memory_spool(_folder: Path) -> AsyncIterator[MemorySpool]:
    yield MemorySpool(now=lambda: NOON)


SPOOLS = {"memory": memory_spool, "sqlite": sqlite_spool, "direct": direct_spool}


def on_every_spool(test: Callable[[AnySpool], Awaitable[None]]) -> Callable[..., None]:
    """Run a coroutine of one argument, the spool, on each kind."""

    async def with_spool(kind: str, folder: Path) -> None:
        async with SPOOLS[kind](folder / "spool") as spool:
            await test(spool)

    @pytest.mark.parametrize("kind", list(SPOOLS))
    def run_it(kind: str, tmp_path: Path) -> None:
        asyncio.run(with_spool(kind, tmp_path))

    run_it.__name__, run_it.__doc__, run_it.__module__ = test.__name__, test.__doc__, test.__module__
    return run_it


async def lease_one(spool: AnySpool, **wanted: object):
    (batch,) = await spool.lease(request(**wanted))
    return batch


# The way in.


@on_every_spool
async def test_an_accepted_message_comes_out_as_it_went_in(spool):
    mailbox, original = Address("b b", "B.Example"), Address("alias", "home.example")
    sent = Envelope(
        MailPath(Address("Al@ice", "[192.0.2.1]"), ("relay.example",)),
        (
            Recipient(mailbox, Route("smtp", "MX.B.Example", Address("b", "x.example")), original, "rfc822;a+40b"),
            Recipient(Address("postmaster"), Route("local", "", Address("p")), original, notify=Notify.NEVER),
        ),
        Body.EIGHT_BIT_MIME,
        True,
        Return.HEADERS,
        "QQ314159",
    )
    queue_id = await post(spool, sent)

    batches = sorted(await spool.lease(request()), key=lambda batch: batch.recipients[0].number)

    info = batches[0].message
    assert (info.queue_id, info.accepted, info.octets, info.recipients) == (queue_id, NOON, len(TEXT), 2)
    assert (info.reverse_path, info.body, info.smtputf8) == (sent.reverse_path, sent.body, True)
    assert (info.ret, info.envid) == (Return.HEADERS, "QQ314159")
    assert tuple(leased.recipient for batch in batches for leased in batch.recipients) == sent.recipients
    assert [batch.hop for batch in batches] == [Hop("smtp", "mx.b.example"), Hop("local", "")]
    assert await text_of(spool, queue_id) == TEXT


@on_every_spool
async def test_what_a_mailer_is_told_of_a_recipient_is_kept(spool):
    user = MailerUser('"|/bin/keep \xe9"', '"|/bin/keep \xe9"', "list", "joe", 2001, 2002, "/home/joe")
    place = Address("|/bin/keep é")
    keeper = Recipient(place, Route("prog", "", place), Address("list"), mailer=user)
    await post(spool, envelope(keeper, "a@b.example"))

    found = await rows(spool)

    assert [row.recipient.mailer for row in found] == [user, None]


@on_every_spool
async def test_a_message_that_is_held_from_the_start_waits_for_its_release(spool):
    await post(spool, replace(envelope("a@b.example"), is_held=True))
    (row,) = await rows(spool)
    assert row.state is RecipientState.HELD
    assert not await spool.lease(request())

    assert await spool.act(QueueFilter(), Verb.RELEASE, NOON, dry_run=False) == 1

    assert len(await spool.lease(request())) == 1


@on_every_spool
async def test_a_recipient_that_failed_before_it_was_queued_is_owed_a_report(spool):
    mailbox = Address("gone", "home.example")
    nowhere = Recipient(mailbox, Route(REPORT_CHANNEL, "", mailbox), mailbox, "rfc822;gone@home.example")
    sent = replace(envelope("b@b.example"), failed=(FailedRecipient(nowhere, REFUSED),))
    queue_id = await post(spool, sent)

    good, bad = await rows(spool)
    batches = {batch.hop: batch for batch in await spool.lease(request())}

    assert (good.state, bad.state) == (RecipientState.QUEUED, RecipientState.REPORTING)
    assert batches.keys() == {B_EXAMPLE, Hop(REPORT_CHANNEL, "")}
    owed = batches[Hop(REPORT_CHANNEL, "")]
    assert (owed.message.queue_id, owed.message.recipients) == (queue_id, 2)
    assert [(r.recipient, r.outcome, r.attempts) for r in owed.recipients] == [(nowhere, REFUSED, 0)]
    await spool.settle(settlements(owed, Ending.GONE))
    await spool.settle(settlements(batches[B_EXAMPLE], Ending.GONE))
    assert await rows(spool) == []


@on_every_spool
async def test_a_message_all_of_whose_recipients_failed_is_still_a_message(spool):
    mailbox = Address("gone", "home.example")
    nowhere = Recipient(mailbox, Route(REPORT_CHANNEL, "", mailbox), mailbox)

    await post(spool, Envelope(SENDER, (), failed=(FailedRecipient(nowhere, REFUSED),)))

    assert [row.state for row in await rows(spool)] == [RecipientState.REPORTING]


@on_every_spool
async def test_the_null_reverse_path_is_kept(spool):
    await post(spool, bounce_envelope("a@b.example"))

    assert (await lease_one(spool)).message.reverse_path == NULL_PATH


@on_every_spool
async def test_an_abandoned_draft_leaves_nothing(spool):
    draft = spool.begin()
    await draft.write(TEXT)
    await draft.abandon()
    await draft.abandon()

    assert await rows(spool) == []
    with pytest.raises(SpoolError):
        await draft.commit(envelope("a@b.example"), NOON)


@on_every_spool
async def test_abandoning_after_the_commit_is_harmless(spool):
    draft = spool.begin()
    await draft.write(TEXT)
    queue_id = await draft.commit(envelope("a@b.example"), NOON)
    await draft.abandon()

    assert await text_of(spool, queue_id) == TEXT
    with pytest.raises(SpoolError):
        await draft.commit(envelope("a@b.example"), NOON)


@on_every_spool
async def test_a_large_text_comes_back_in_pieces(spool):
    line = b"0123456789abcdef" * 4 + b"\r\n"
    text = b"Subject: big\r\n\r\n" + line * 5000
    draft = spool.begin()
    for start in range(0, len(text), 10_000):
        await draft.write(text[start : start + 10_000])
    queue_id = await draft.commit(envelope("a@b.example"), NOON)

    stored = await spool.read_text(queue_id)
    pieces = await pieces_of(stored.chunks())

    assert b"".join(pieces) == text
    assert max(map(len, pieces)) == PIECE_OCTETS
    assert stored.octets == len(text)
    assert await stored.header(1000) == b"Subject: big\r\n\r\n"


@pytest.mark.parametrize(
    "octets", [0, 1, 65_535, 65_536, 65_537, PIECE_OCTETS - 1, PIECE_OCTETS, PIECE_OCTETS + 1, 2 * PIECE_OCTETS]
)
@pytest.mark.parametrize("kind", list(SPOOLS))
def test_texts_around_the_limits_of_a_row_and_a_piece(kind, octets, tmp_path):
    async def scenario():
        async with SPOOLS[kind](tmp_path) as spool:
            queue_id = await post(spool, envelope("a@b.example"), text=b"x" * octets)
            assert await text_of(spool, queue_id) == b"x" * octets

    asyncio.run(scenario())


@pytest.mark.parametrize("kind", ["sqlite", "direct"])
def test_a_large_text_that_the_system_no_longer_has_in_its_cache_is_read_from_the_disk(kind, tmp_path):
    text = b"x" * (5 * PIECE_OCTETS + 7)

    async def scenario():
        async with SPOOLS[kind](tmp_path) as spool:
            queue_id = await post(spool, envelope("a@b.example"), text=text)
            (file,) = (tmp_path / "texts").glob("*/*")
            with file.open("rb") as opened:
                os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            assert await text_of(spool, queue_id) == text

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("text", "most", "expected"),
    [
        pytest.param(b"A: b\r\n\r\nbody", 100, b"A: b\r\n\r\n", id="header"),
        pytest.param(b"\r\nbody", 100, b"\r\n", id="no header"),
        pytest.param(b"A: b\r\nC: d\r\n", 100, b"A: b\r\nC: d\r\n", id="no body"),
        pytest.param(b"A: b\r\nC: d\r\n\r\nbody", 10, b"A: b\r\n", id="cut at a line"),
        pytest.param(b"A: bbbbbbbbbbbb\r\n\r\n", 5, b"A: bb", id="cut in a line"),
    ],
)
@pytest.mark.parametrize("kind", list(SPOOLS))
def test_the_header_of_a_text(kind, text, most, expected, tmp_path):
    async def scenario():
        async with SPOOLS[kind](tmp_path) as spool:
            queue_id = await post(spool, envelope("a@b.example"), text=text)
            assert await (await spool.read_text(queue_id)).header(most) == expected

    asyncio.run(scenario())


@on_every_spool
async def test_reading_a_text_that_is_not_there_is_an_error(spool):
    await post(spool, envelope("a@b.example"))
    for queue_id in ("0000000000000", "nonsense"):
        with pytest.raises(SpoolError):
            await spool.read_text(queue_id)


@on_every_spool
async def test_queue_ids_sort_by_acceptance(spool):
    ids = [await post(spool, envelope("a@b.example"), at=NOON + minutes(n)) for n in range(5)]

    assert ids == sorted(ids)
    assert [row.message.queue_id for row in await rows(spool)] == ids


# Leases.


@on_every_spool
async def test_a_leased_recipient_is_leased_once(spool):
    await post(spool, envelope("a@b.example"))

    assert len(await spool.lease(request())) == 1
    assert await spool.lease(request(owner="two")) == []
    assert [row.state for row in await rows(spool)] == [RecipientState.LEASED]


@on_every_spool
async def test_nothing_is_leased_before_its_time(spool):
    await post(spool, envelope("a@b.example"), at=NOON)

    assert await spool.lease(request(now=NOON - minutes(1))) == []
    assert await spool.next_due() == NOON


@on_every_spool
async def test_next_due_is_none_when_nothing_is_queued(spool):
    assert await spool.next_due() is None
    await post(spool, envelope("a@b.example"))
    await spool.settle(settlements(await lease_one(spool), Ending.GONE))
    assert await spool.next_due() is None


@on_every_spool
async def test_an_ended_lease_is_taken_over_and_its_settlement_refused(spool):
    await post(spool, envelope("a@b.example"))
    lost = await lease_one(spool)
    taken = await lease_one(spool, now=NOON + minutes(6), owner="two")

    stale = settlements(lost, Ending.GONE)
    assert list(await spool.settle(stale)) == stale
    assert len(await rows(spool)) == 1
    assert list(await spool.settle(settlements(taken, Ending.GONE))) == []
    assert await rows(spool) == []


@on_every_spool
async def test_a_renewed_lease_lasts_longer(spool):
    await post(spool, envelope("a@b.example"))
    batch = await lease_one(spool)
    await spool.renew([batch], NOON + minutes(20))

    assert await spool.lease(request(now=NOON + minutes(10), owner="two")) == []
    assert await spool.next_due() == NOON + minutes(20)


@on_every_spool
async def test_renewing_a_lost_lease_does_nothing(spool):
    await post(spool, envelope("a@b.example"))
    lost = await lease_one(spool)
    await lease_one(spool, now=NOON + minutes(6), owner="two")
    await spool.renew([lost], NOON + minutes(60))

    assert len(await spool.lease(request(now=NOON + minutes(12)))) == 1


@on_every_spool
async def test_the_leases_of_an_owner_that_is_gone_are_given_back(spool):
    await post(spool, crowd(3))
    batch = await lease_one(spool)

    assert await spool.release_owner("somebody else") == 0
    assert await spool.release_owner("one") == 3
    again = await lease_one(spool, owner="two")
    assert len(again.recipients) == 3
    assert len(await spool.settle(settlements(batch, Ending.GONE))) == 3


@on_every_spool
async def test_one_batch_is_one_message_at_one_hop(spool):
    queue_id = await post(spool, envelope("a@b.example", "c@d.example", "e@B.Example"))

    batches = await spool.lease(request())

    assert {batch.message.queue_id for batch in batches} == {queue_id}
    found = {batch.hop.host: [leased.number for leased in batch.recipients] for batch in batches}
    assert found == {"b.example": [0, 2], "d.example": [1]}
    assert len({batch.token for batch in batches}) == 2


@on_every_spool
async def test_big_messages_may_go_out_in_smaller_batches_than_others(spool):
    await post(spool, crowd(1000))
    await post(spool, crowd(50))

    batches = await spool.lease(request(batches=200, recipients_per_batch=50, bulk_recipients=15))

    sizes = {lane: {len(batch.recipients) for batch in batches if batch.lane is lane} for lane in Lane}
    assert sizes == {Lane.BULK: {15, 1000 % 15}, Lane.SINGLE: {50}}
    assert sum(len(batch.recipients) for batch in batches) == 1050


@on_every_spool
async def test_a_thousand_recipients_go_out_in_batches_of_fifty(spool):
    queue_id = await post(spool, crowd(1000))

    batches = await spool.lease(request(batches=100, recipients_per_batch=50))

    assert len(batches) == 20
    assert {batch.lane for batch in batches} == {Lane.BULK}
    assert sorted(leased.number for batch in batches for leased in batch.recipients) == list(range(1000))
    for batch in batches:
        assert list(await spool.settle(settlements(batch, Ending.GONE))) == []
    with pytest.raises(SpoolError):
        await spool.read_text(queue_id)


@on_every_spool
async def test_hops_come_in_the_order_in_which_they_became_due(spool):
    for number, host in enumerate(("c", "a", "b")):
        await post(spool, envelope(f"x@{host}.example"), at=NOON + minutes(number))

    batches = await spool.lease(request(now=NOON + minutes(10)))

    assert [batch.hop.host for batch in batches] == ["c.example", "a.example", "b.example"]


@on_every_spool
async def test_a_long_queue_for_one_host_does_not_hold_up_another(spool):
    for number in range(30):
        await post(spool, envelope("x@slow.example"), at=NOON - minutes(60 - number))
    await post(spool, envelope("x@quick.example"))

    first = await spool.lease(request(batches=8))

    assert {batch.hop.host for batch in first} == {"slow.example", "quick.example"}
    assert len(first) == 8


@on_every_spool
async def test_hops_are_served_in_turn_from_lease_to_lease(spool):
    for number in range(4):
        await post(spool, envelope("x@a.example"), at=NOON - minutes(60 - number))
        await post(spool, envelope("x@b.example"), at=NOON - minutes(30 - number))

    hosts = [(await lease_one(spool, batches=1, now=NOON + minutes(n / 10))).hop.host for n in range(4)]

    assert hosts == ["a.example", "b.example", "a.example", "b.example"]


@on_every_spool
async def test_a_hop_gets_no_more_batches_than_it_has_room_for(spool):
    for host in ("b", "b", "b", "c", "c", "d"):
        await post(spool, envelope(f"x@{host}.example"))

    batches = await spool.lease(request(spare={B_EXAMPLE: 2, Hop("smtp", "d.example"): 0}, default_spare=1))

    assert sorted(batch.hop.host for batch in batches) == ["b.example", "b.example", "c.example"]


@on_every_spool
async def test_bulk_gets_its_turn_and_no_more(spool):
    await post(spool, crowd(400), at=NOON - minutes(5))
    for _ in range(12):
        await post(spool, envelope("x@b.example"))

    lanes = [batch.lane for batch in await spool.lease(request(batches=8, bulk_turn=4))]

    assert lanes.count(Lane.BULK) == 2
    assert lanes[0] is Lane.SINGLE


@on_every_spool
async def test_bulk_has_all_the_turns_when_it_is_alone(spool):
    await post(spool, crowd(200))

    assert len(await spool.lease(request(batches=4))) == 4


@on_every_spool
async def test_big_messages_get_no_more_batches_than_they_may(spool):
    await post(spool, crowd(400), at=NOON - minutes(5))
    for _ in range(3):
        await post(spool, envelope("x@b.example"))

    lanes = [batch.lane for batch in await spool.lease(request(batches=8, bulk_batches=1))]

    assert sorted(lanes) == [Lane.SINGLE] * 3 + [Lane.BULK]
    assert await spool.lease(request(batches=8, bulk_batches=0)) == []


@on_every_spool
async def test_both_lanes_share_the_room_of_a_hop(spool):
    await post(spool, crowd(200, "b.example"))
    await post(spool, envelope("x@b.example"))

    assert len(await spool.lease(request(spare={B_EXAMPLE: 3}))) == 3


@on_every_spool
async def test_a_postponed_hop_waits(spool):
    await post(spool, envelope("a@b.example", "c@d.example"))
    await spool.postpone(B_EXAMPLE, NOON + minutes(30), "no route to host")

    assert [batch.hop.host for batch in await spool.lease(request())] == ["d.example"]
    shown = await rows(spool)
    assert [row.hop_note for row in shown] == ["no route to host", ""]
    assert shown[0].due == NOON + minutes(30)
    batch = await lease_one(spool, now=NOON + minutes(30), spare={Hop("smtp", "d.example"): 0})
    assert batch.hop == B_EXAMPLE


@on_every_spool
async def test_a_listing_shows_when_the_host_is_tried_again_and_not_when_its_turn_would_be(spool):
    await post(spool, envelope("a@b.example"))
    await spool.postpone(B_EXAMPLE, NOON + minutes(5), "connection refused")
    (row,) = await rows(spool)
    assert (row.due, row.hop_note) == (NOON + minutes(5), "connection refused")

    await spool.postpone(B_EXAMPLE, NOON - minutes(1), "")
    (row,) = await rows(spool)
    assert (row.due, row.hop_note) == (NOON, "")


@on_every_spool
async def test_mail_that_comes_while_a_hop_is_postponed_waits_too(spool):
    await spool.postpone(B_EXAMPLE, NOON + minutes(30), "no route to host")
    await post(spool, envelope("a@b.example"))

    assert await spool.lease(request()) == []
    assert await spool.next_due() == NOON + minutes(30)
    await spool.postpone(B_EXAMPLE, NOON - minutes(1), "")
    assert len(await spool.lease(request())) == 1


@on_every_spool
async def test_a_clock_that_was_set_back_leaves_nothing_waiting_for_the_time_it_showed(spool):
    day = minutes(24 * 60)
    await post(spool, envelope("a@b.example", "c@d.example", "e@f.example"))
    batches = {batch.hop.host: batch for batch in await spool.lease(request(now=NOON + day))}
    kept = batches.pop("f.example")
    for batch in batches.values():
        await spool.settle(settlements(batch, Ending.RETRY, due=NOON + day + minutes(5)))
    await spool.postpone(B_EXAMPLE, NOON + day + minutes(5), "no route to host")
    assert await spool.lease(request()) == []

    assert await spool.clock_set_back(NOON, NOON + minutes(60)) == 2

    assert {batch.hop.host for batch in await spool.lease(request())} == {"b.example", "d.example"}
    assert await spool.settle(settlements(kept, Ending.GONE)) == []  # its lease was left alone


@on_every_spool
async def test_a_clock_that_was_set_back_changes_nothing_that_may_wait_so_long(spool):
    await post(spool, envelope("a@b.example"))
    batch = await lease_one(spool)
    await spool.settle(settlements(batch, Ending.RETRY, due=NOON + minutes(30)))

    assert await spool.clock_set_back(NOON, NOON + minutes(60)) == 0

    assert await spool.lease(request(now=NOON + minutes(29))) == []
    assert len(await spool.lease(request(now=NOON + minutes(30)))) == 1


# Settling.


@on_every_spool
async def test_a_deferred_recipient_comes_back_at_its_time(spool):
    await post(spool, envelope("a@b.example"))
    await spool.settle(settlements(await lease_one(spool), Ending.RETRY, LATER, NOON + minutes(10)))

    (row,) = await rows(spool)
    assert (row.state, row.due, row.attempts, row.outcome) == (
        RecipientState.QUEUED,
        NOON + minutes(10),
        1,
        LATER,
    )
    assert await spool.next_due() == NOON + minutes(10)
    assert await spool.lease(request(now=NOON + minutes(9))) == []
    (leased,) = (await lease_one(spool, now=NOON + minutes(10))).recipients
    assert (leased.attempts, leased.outcome) == (1, LATER)


@on_every_spool
async def test_the_time_of_the_last_attempt_is_kept(spool):
    await post(spool, envelope("a@b.example"))
    (batch,) = await spool.lease(request())
    (settlement,) = settlements(batch, Ending.RETRY, LATER, NOON)
    await spool.settle([replace(settlement, attempted=NOON + minutes(1))])

    (row,) = await rows(spool)
    assert row.attempted == NOON + minutes(1)
    await spool.settle(settlements(await lease_one(spool), Ending.RETRY, None, NOON))
    batch = await lease_one(spool)
    assert [leased.attempted for leased in batch.recipients] == [NOON + minutes(1)]
    (settlement,) = settlements(batch, Ending.REPORT, REFUSED)
    await spool.settle([replace(settlement, attempted=NOON + minutes(2))])
    (leased,) = (await lease_one(spool)).recipients
    assert leased.attempted == NOON + minutes(2)


@on_every_spool
async def test_an_operators_bounce_keeps_the_time_of_the_last_attempt(spool):
    await post(spool, envelope("a@b.example"))
    (settlement,) = settlements(await lease_one(spool), Ending.RETRY, LATER, NOON + minutes(10))
    await spool.settle([replace(settlement, attempted=NOON + minutes(1))])
    await spool.act(QueueFilter(), Verb.BOUNCE, NOON + minutes(2), dry_run=False)

    (leased,) = (await lease_one(spool, now=NOON + minutes(3))).recipients
    assert leased.attempted == NOON + minutes(1)


@on_every_spool
async def test_a_lease_given_back_untried_is_no_attempt(spool):
    await post(spool, envelope("a@b.example"))
    await spool.settle(settlements(await lease_one(spool), Ending.RETRY, None, NOON))

    (leased,) = (await lease_one(spool)).recipients
    assert (leased.attempts, leased.outcome) == (0, None)


@on_every_spool
async def test_a_failed_recipient_is_filed_for_its_report(spool):
    queue_id = await post(spool, envelope("a@b.example"))
    await spool.settle(settlements(await lease_one(spool), Ending.REPORT, REFUSED))

    (row,) = await rows(spool)
    assert (row.state, row.outcome) == (RecipientState.REPORTING, REFUSED)
    batch = await lease_one(spool)
    assert batch.hop == Hop(REPORT_CHANNEL, "")
    (leased,) = batch.recipients
    assert (leased.outcome, leased.recipient.route.host) == (REFUSED, "b.example")
    assert await text_of(spool, queue_id) == TEXT
    assert [row.state for row in await rows(spool)] == [RecipientState.REPORTING]


@on_every_spool
async def test_trouble_with_a_report_keeps_what_is_to_be_reported(spool):
    await post(spool, envelope("a@b.example"))
    await spool.settle(settlements(await lease_one(spool), Ending.REPORT, REFUSED))
    await spool.settle(settlements(await lease_one(spool), Ending.RETRY, LATER, NOON + minutes(5)))

    (leased,) = (await lease_one(spool, now=NOON + minutes(5))).recipients
    assert leased.outcome == REFUSED


@on_every_spool
async def test_an_outcome_is_kept_whole(spool):
    outcome = Outcome(Disposition.DELIVERED, Status(2, 1, 5), "250 ok\x1f\twith é", "mx", 250, True, False)
    await post(spool, envelope("a@b.example"))
    await spool.settle(settlements(await lease_one(spool), Ending.REPORT, outcome))

    assert [row.outcome for row in await rows(spool)] == [outcome]


@on_every_spool
async def test_recipients_of_one_batch_have_each_their_own_end(spool):
    queue_id = await post(spool, crowd(3))
    batch = await lease_one(spool)

    refused = await spool.settle(
        [
            Settlement(queue_id, 0, batch.token, Ending.GONE, delivered("250 ok")),
            Settlement(queue_id, 1, batch.token, Ending.RETRY, LATER, NOON + minutes(1)),
            Settlement(queue_id, 2, batch.token, Ending.REPORT, REFUSED),
        ]
    )

    assert list(refused) == []
    found = {row.number: row.state for row in await rows(spool)}
    assert found == {1: RecipientState.QUEUED, 2: RecipientState.REPORTING}


@on_every_spool
async def test_one_lost_lease_does_not_spoil_the_settlements_beside_it(spool):
    queue_id = await post(spool, crowd(2))
    batch = await lease_one(spool)
    good, *_ = settlements(batch, Ending.GONE)
    strange = [Settlement(queue_id, 1, batch.token + 1, Ending.GONE), Settlement(queue_id, 7, batch.token, Ending.GONE)]

    assert list(await spool.settle([strange[0], good, strange[1]])) == strange
    assert [row.number for row in await rows(spool)] == [1]


@on_every_spool
async def test_a_settlement_counts_once(spool):
    await post(spool, envelope("a@b.example"))
    done = settlements(await lease_one(spool), Ending.RETRY, LATER, NOON)

    assert list(await spool.settle(done)) == []
    assert list(await spool.settle(done)) == done


@on_every_spool
async def test_no_token_settles_what_is_not_leased(spool):
    queue_id = await post(spool, envelope("a@b.example"))
    nothing = [Settlement(queue_id, 0, 0, Ending.GONE)]

    assert list(await spool.settle(nothing)) == nothing


# Bounces.


@on_every_spool
async def test_a_bounce_exists_exactly_when_what_it_reports_is_gone(spool):
    await post(spool, envelope("a@b.example"))
    await spool.settle(settlements(await lease_one(spool), Ending.REPORT, REFUSED))
    owed = settlements(await lease_one(spool), Ending.GONE)
    draft = spool.begin()
    await draft.write(b"Subject: undeliverable\r\n\r\n")

    bounce = await draft.commit(bounce_envelope("alice@home.example"), NOON, settlements=owed)

    assert [row.message.queue_id for row in await rows(spool)] == [bounce]


@on_every_spool
async def test_a_lost_lease_refuses_the_whole_bounce(spool):
    first = await post(spool, envelope("a@b.example"))
    second = await post(spool, envelope("c@b.example"), at=NOON + minutes(1))
    one, two = await spool.lease(request(now=NOON + minutes(1)))
    await spool.settle(settlements(two, Ending.GONE))
    draft = spool.begin()
    await draft.write(b"Subject: undeliverable\r\n\r\n")

    with pytest.raises(SpoolError, match=two.message.queue_id):
        await draft.commit(
            bounce_envelope("alice@home.example"),
            NOON,
            settlements=[*settlements(one, Ending.GONE), *settlements(two, Ending.GONE)],
        )

    assert {one.message.queue_id, two.message.queue_id} == {first, second}
    assert [row.message.queue_id for row in await rows(spool)] == [one.message.queue_id]


@on_every_spool
async def test_a_warning_is_marked_with_its_own_commit(spool):
    queue_id = await post(spool, envelope("a@b.example", "c@b.example"))
    draft = spool.begin()
    await draft.commit(bounce_envelope("alice@home.example"), NOON, warnings=[WarningMark(queue_id, (1,))])

    (batch, _) = sorted(await spool.lease(request()), key=lambda b: b.message.queue_id != queue_id)
    assert [leased.warned for leased in batch.recipients] == [False, True]


@on_every_spool
async def test_senders_are_warned_once_and_only_of_old_mail(spool):
    old = await post(spool, envelope("a@b.example", "c@d.example"), at=NOON - minutes(300))
    await post(spool, envelope("a@b.example"), at=NOON)
    cut = NOON - minutes(240)

    (batch,) = await spool.unwarned(cut, 10)
    assert (batch.message.queue_id, batch.token) == (old, 0)
    assert [leased.number for leased in batch.recipients] == [0, 1]
    draft = spool.begin()
    await draft.commit(bounce_envelope("alice@home.example"), NOON, warnings=[WarningMark(old, (0, 1))])

    assert await spool.unwarned(cut, 10) == []
    assert await spool.unwarned(cut, 10) == []


@on_every_spool
async def test_whoever_wants_no_warning_gets_none(spool):
    at = NOON - minutes(300)
    await post(spool, envelope(recipient("a@b.example", notify=Notify.FAILURE)), at=at)
    await post(spool, envelope(recipient("a@b.example", notify=Notify.NEVER)), at=at)
    await post(spool, bounce_envelope("a@b.example"), at=at)
    wanted = await post(spool, envelope(recipient("a@b.example", notify=Notify.DELAY)), at=at)

    assert queue_ids(await spool.unwarned(NOON, 10)) == [wanted]


@on_every_spool
async def test_warnings_come_oldest_first_in_portions(spool):
    ids = [await post(spool, envelope("a@b.example"), at=NOON - minutes(300 - n)) for n in range(5)]

    assert queue_ids(await spool.unwarned(NOON, 2)) == ids[:2]
    assert queue_ids(await spool.unwarned(NOON, 2, behind=ids[1])) == ids[2:4]
    assert queue_ids(await spool.unwarned(NOON, 2, behind=ids[4])) == []
    assert queue_ids(await spool.unwarned(NOON, 2)) == ids[:2]


@on_every_spool
async def test_who_cannot_be_warned_is_not_asked_for_again(spool):
    nobody = await post(spool, envelope("a@b.example", "c@b.example"), at=NOON - minutes(300))
    other = await post(spool, envelope("a@b.example"), at=NOON - minutes(299))

    await spool.forgo_warnings([WarningMark(nobody, (0, 1))])

    assert queue_ids(await spool.unwarned(NOON, 10)) == [other]


@on_every_spool
async def test_a_recipient_that_is_being_tried_is_warned_of_afterwards(spool):
    queue_id = await post(spool, envelope("a@b.example"), at=NOON - minutes(300))
    newer = await post(spool, envelope("a@z.example"), at=NOON - minutes(299))
    batch, other = await spool.lease(request())
    assert (batch.message.queue_id, other.message.queue_id) == (queue_id, newer)

    assert await spool.unwarned(NOON, 10) == []
    await spool.settle(settlements(batch, Ending.RETRY, LATER, NOON + minutes(9)))
    assert queue_ids(await spool.unwarned(NOON, 10)) == [queue_id]


@on_every_spool
async def test_a_released_recipient_is_warned_of(spool):
    queue_id = await post(spool, envelope("a@b.example"), at=NOON - minutes(300))
    await spool.act(QueueFilter(), Verb.HOLD, NOON, dry_run=False)
    assert await spool.unwarned(NOON, 10) == []
    await spool.act(QueueFilter(), Verb.RELEASE, NOON, dry_run=False)

    assert queue_ids(await spool.unwarned(NOON, 10)) == [queue_id]


@on_every_spool
async def test_overdue_mail_is_leased_whatever_its_schedule(spool):
    old = await post(spool, envelope("a@b.example", "c@b.example", "d@z.example"), at=NOON - timedelta(days=6))
    await post(spool, envelope("a@b.example"), at=NOON)
    for batch in await spool.lease(request(now=NOON - minutes(60))):
        await spool.settle(settlements(batch, Ending.RETRY, LATER, NOON + minutes(60)))
    await spool.postpone(B_EXAMPLE, NOON + minutes(60), "down")

    batches = await spool.overdue(request(), NOON - timedelta(days=5))

    assert {batch.message.queue_id for batch in batches} == {old}
    assert {batch.hop.host: len(batch.recipients) for batch in batches} == {"b.example": 2, "z.example": 1}
    assert await spool.overdue(request(), NOON - timedelta(days=5)) == []
    for batch in batches:
        assert list(await spool.settle(settlements(batch, Ending.REPORT, REFUSED))) == []


@on_every_spool
async def test_overdue_mail_comes_in_portions(spool):
    await post(spool, crowd(10), at=NOON - timedelta(days=6))

    batches = await spool.overdue(request(batches=2, recipients_per_batch=3), NOON)

    assert [len(batch.recipients) for batch in batches] == [3, 3]


@on_every_spool
async def test_one_message_is_taken_whatever_its_schedule_and_no_other(spool):
    wanted = await post(spool, envelope("a@b.example", "c@b.example", "d@z.example"))
    await post(spool, envelope("a@b.example"))
    for batch in await spool.lease(request()):
        await spool.settle(settlements(batch, Ending.RETRY, LATER, NOON + minutes(60)))
    await spool.postpone(B_EXAMPLE, NOON + minutes(60), "down")

    batches = await spool.take(request(), wanted)

    assert {batch.message.queue_id for batch in batches} == {wanted}
    assert {batch.hop.host: len(batch.recipients) for batch in batches} == {"b.example": 2, "z.example": 1}
    assert list(await spool.take(request(), wanted)) == []
    assert list(await spool.take(request(), "no such id")) == []
    for batch in batches:
        assert list(await spool.settle(settlements(batch, Ending.GONE))) == []


@on_every_spool
async def test_held_mail_does_not_expire(spool):
    await post(spool, envelope("a@b.example"), at=NOON - timedelta(days=6))
    await spool.act(QueueFilter(), Verb.HOLD, NOON, dry_run=False)

    assert await spool.overdue(request(), NOON) == []


# Operators.


@on_every_spool
async def test_held_mail_waits_until_it_is_released(spool):
    await post(spool, envelope("a@b.example"))
    assert await spool.act(QueueFilter(), Verb.HOLD, NOON, dry_run=False) == 1

    assert await spool.lease(request(now=NOON + timedelta(days=1))) == []
    assert [row.state for row in await rows(spool)] == [RecipientState.HELD]
    assert await spool.next_due() is None
    assert await spool.act(QueueFilter(), Verb.RELEASE, NOON, dry_run=False) == 1
    assert (await lease_one(spool)).hop == B_EXAMPLE


@on_every_spool
async def test_retry_makes_mail_due_whatever_its_schedule_and_its_host(spool):
    await post(spool, envelope("a@b.example"))
    await spool.settle(settlements(await lease_one(spool), Ending.RETRY, LATER, NOON + minutes(60)))
    await spool.postpone(B_EXAMPLE, NOON + minutes(60), "down")

    assert await spool.act(QueueFilter(), Verb.RETRY, NOON, dry_run=False) == 1
    assert [row.hop_note for row in await rows(spool)] == [""]
    assert len(await spool.lease(request())) == 1


@on_every_spool
async def test_a_retried_message_goes_ahead_of_those_that_wait_longer(spool):
    """Of a hop that was dead one message goes ahead and looks: the one that somebody waits for."""
    waiting = sorted([await post(spool, envelope(f"u{number}@b.example")) for number in range(4)])
    await spool.postpone(B_EXAMPLE, NOON + minutes(60), "down")

    assert await spool.act(QueueFilter(queue_ids=(waiting[3],)), Verb.RETRY, NOON + minutes(30), dry_run=False) == 1
    asked = replace(request(now=NOON + minutes(30)), batches=1)
    assert [(await spool.lease(asked))[0].message.queue_id for _ in range(2)] == [waiting[3], waiting[0]]


@on_every_spool
async def test_removed_mail_is_gone(spool):
    queue_id = await post(spool, envelope("a@b.example", "c@d.example"), text=b"x" * 200_000)

    assert await spool.act(QueueFilter(host="b.example"), Verb.REMOVE, NOON, dry_run=False) == 1
    assert await text_of(spool, queue_id) == b"x" * 200_000
    assert await spool.act(QueueFilter(), Verb.REMOVE, NOON, dry_run=False) == 1
    with pytest.raises(SpoolError):
        await spool.read_text(queue_id)


@on_every_spool
async def test_bounced_mail_owes_a_report(spool):
    await post(spool, envelope("a@b.example"))
    assert await spool.act(QueueFilter(), Verb.BOUNCE, NOON, dry_run=False, note="wrong list") == 1

    batch = await lease_one(spool)
    assert batch.hop.channel == REPORT_CHANNEL
    outcome = batch.recipients[0].outcome
    assert outcome is not None
    assert (outcome.disposition, outcome.diagnostic, outcome.tried) == (Disposition.FAILED, "wrong list", False)


@on_every_spool
async def test_a_dry_run_counts_and_changes_nothing(spool):
    await post(spool, crowd(7))
    before = await rows(spool)

    for verb in (Verb.HOLD, Verb.RETRY, Verb.REMOVE, Verb.BOUNCE):
        assert await spool.act(QueueFilter(), verb, NOON, dry_run=True) == 7
    assert await spool.act(QueueFilter(), Verb.RELEASE, NOON, dry_run=True) == 0
    assert await rows(spool) == before


@on_every_spool
async def test_leased_mail_is_left_alone_until_its_lease_ends(spool):
    await post(spool, envelope("a@b.example"))
    batch = await lease_one(spool)

    for verb in Verb:
        assert await spool.act(QueueFilter(), verb, NOON, dry_run=False) == 0
    assert await spool.act(QueueFilter(), Verb.HOLD, NOON + minutes(6), dry_run=False) == 1
    assert len(await spool.settle(settlements(batch, Ending.GONE))) == 1


@pytest.mark.parametrize(
    ("verb", "states"),
    [
        (Verb.HOLD, {"queued"}),
        (Verb.RELEASE, {"held"}),
        (Verb.RETRY, {"queued", "reporting"}),
        (Verb.REMOVE, {"queued", "held", "reporting"}),
        (Verb.BOUNCE, {"queued", "held"}),
    ],
    ids=lambda value: value.value if isinstance(value, Verb) else None,
)
@pytest.mark.parametrize("kind", list(SPOOLS))
def test_what_a_verb_applies_to(kind, verb, states, tmp_path):
    async def scenario():
        async with SPOOLS[kind](tmp_path) as spool:
            await post(spool, envelope("held@h.example", "reporting@r.example", "queued@q.example"))
            await spool.act(QueueFilter(recipient="held@*"), Verb.HOLD, NOON, dry_run=False)
            await spool.act(QueueFilter(recipient="reporting@*"), Verb.BOUNCE, NOON, dry_run=False)
            touched = {
                state
                for state in ("held", "reporting", "queued")
                if await spool.act(QueueFilter(recipient=f"{state}@*"), verb, NOON, dry_run=True)
            }
            assert touched == states

    asyncio.run(scenario())


@on_every_spool
async def test_a_verb_reaches_every_row_of_a_long_list(spool):
    for _ in range(3):
        await post(spool, crowd(400))

    assert await spool.act(QueueFilter(), Verb.HOLD, NOON, dry_run=False) == 1200
    assert len(await rows(spool, QueueFilter(states=frozenset({RecipientState.HELD})))) == 1200
    assert await spool.act(QueueFilter(), Verb.REMOVE, NOON, dry_run=False) == 1200
    assert await rows(spool) == []


FILTERS = [
    pytest.param(QueueFilter(), "abc", id="everything"),
    pytest.param(QueueFilter(sender="alice@home.example"), "ac", id="sender"),
    pytest.param(QueueFilter(sender="HOME.example"), "ac", id="sender's domain, without case"),
    pytest.param(QueueFilter(sender="<>"), "b", id="null sender"),
    pytest.param(QueueFilter(sender="*"), "abc", id="any sender"),
    pytest.param(QueueFilter(recipient="*@b.example"), "a", id="recipient pattern"),
    pytest.param(QueueFilter(recipient="B.example"), "a", id="recipient's domain"),
    pytest.param(QueueFilter(host="*.example"), "abc", id="host pattern"),
    pytest.param(QueueFilter(host="Z.example"), "c", id="host"),
    pytest.param(QueueFilter(channel="local"), "b", id="channel"),
    pytest.param(QueueFilter(channel="report"), "c", id="the report channel"),
    pytest.param(QueueFilter(states=frozenset({RecipientState.REPORTING})), "c", id="state"),
    pytest.param(
        QueueFilter(states=frozenset({RecipientState.REPORTING, RecipientState.QUEUED})), "abc", id="two states"
    ),
    pytest.param(QueueFilter(states=frozenset({RecipientState.LEASED})), "", id="no such state"),
    pytest.param(QueueFilter(accepted_before=NOON + minutes(2)), "ab", id="before"),
    pytest.param(QueueFilter(accepted_after=NOON + minutes(1)), "bc", id="after"),
    pytest.param(QueueFilter(queue_ids=("nonsense",)), "", id="no such id"),
    pytest.param(QueueFilter(sender="home.example", host="b.example"), "a", id="every field must match"),
]


@pytest.mark.parametrize(("query", "expected"), FILTERS)
@pytest.mark.parametrize("kind", list(SPOOLS))
def test_listings_show_what_matches(kind, query, expected, tmp_path):
    async def scenario():
        async with SPOOLS[kind](tmp_path) as spool:
            names = {
                await post(spool, envelope("x@b.example")): "a",
                await post(
                    spool,
                    envelope(recipient("y@c.example", channel="local"), sender=NULL_PATH),
                    at=NOON + minutes(1),
                ): "b",
                await post(spool, envelope("x@z.example"), at=NOON + minutes(2)): "c",
            }
            await spool.act(QueueFilter(host="z.example"), Verb.BOUNCE, NOON, dry_run=False)
            found = await rows(spool, query)
            assert "".join(names[row.message.queue_id] for row in found) == expected

    asyncio.run(scenario())


@on_every_spool
async def test_a_listing_by_queue_id(spool):
    await post(spool, envelope("a@b.example"))
    queue_id = await post(spool, envelope("a@b.example"), at=NOON + minutes(1))

    found = await rows(spool, QueueFilter(queue_ids=(queue_id,)))

    assert [row.message.queue_id for row in found] == [queue_id]


@on_every_spool
async def test_a_long_listing_is_complete(spool):
    for number in range(3):
        await post(spool, crowd(500), at=NOON + minutes(number))

    found = await rows(spool)

    assert len({(row.message.queue_id, row.number) for row in found}) == 1500
    assert found == sorted(found, key=lambda row: (row.message.queue_id, row.number))


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("host", [("b.example", 2, 2, 2 * len(TEXT)), ("c.example", 2, 1, len(TEXT))]),
        ("channel", [("smtp", 4, 2, 2 * len(TEXT))]),
        ("sender", [("alice@home.example", 3, 1, len(TEXT)), ("<>", 1, 1, len(TEXT))]),
        ("recipient-domain", [("b.example", 2, 2, 2 * len(TEXT)), ("c.example", 2, 1, len(TEXT))]),
        ("state", [("queued", 2, 1, len(TEXT)), ("held", 1, 1, len(TEXT)), ("leased", 1, 1, len(TEXT))]),
    ],
)
@pytest.mark.parametrize("kind", list(SPOOLS))
def test_counts_by(kind, by, expected, tmp_path):
    async def scenario():
        async with SPOOLS[kind](tmp_path) as spool:
            await post(spool, envelope("x@b.example", "y@C.example", "z@c.example"))
            await post(spool, bounce_envelope("x@B.example"), at=NOON + minutes(1))
            await spool.act(QueueFilter(sender="<>"), Verb.HOLD, NOON, dry_run=False)
            await spool.lease(request(spare={Hop("smtp", "c.example"): 0}))
            counts = await spool.group(QueueFilter(), by)
            assert [(c.key, c.recipients, c.messages, c.octets) for c in counts] == expected
            assert counts[0].oldest == NOON

    asyncio.run(scenario())


@on_every_spool
async def test_totals_count_recipients_by_state_and_messages_once(spool):
    assert (await spool.totals()).oldest is None
    await post(spool, envelope("x@b.example", "y@C.example", "z@c.example"))
    await post(spool, bounce_envelope("x@B.example"), at=NOON + minutes(1))
    await spool.act(QueueFilter(sender="<>"), Verb.HOLD, NOON, dry_run=False)
    (batch,) = await spool.lease(request(spare={Hop("smtp", "c.example"): 0}))
    leased = await spool.totals()
    await spool.settle(settlements(batch, Ending.REPORT, outcome=REFUSED))
    owed = await spool.totals()
    await spool.lease(request(spare={Hop("smtp", "c.example"): 0}))

    assert leased.recipients == {
        RecipientState.QUEUED: 2,
        RecipientState.LEASED: 1,
        RecipientState.HELD: 1,
        RecipientState.REPORTING: 0,
    }
    assert (leased.messages, leased.oldest) == (2, NOON)
    assert (owed.recipients[RecipientState.LEASED], owed.recipients[RecipientState.REPORTING]) == (0, 1)
    assert await spool.totals() == owed, "a report keeps its name under a lease"


@on_every_spool
async def test_old_mail_that_was_held_expires_once_it_is_released(spool):
    old = await post(spool, envelope("x@b.example"))
    await spool.act(QueueFilter(), Verb.HOLD, NOON, dry_run=False)
    await post(spool, envelope("y@b.example"), at=NOON + minutes(1))
    late = NOON + minutes(60)
    held = await spool.overdue(request(now=late), NOON + minutes(30))
    await spool.settle([one for batch in held for one in settlements(batch, Ending.GONE)])
    assert await spool.overdue(request(now=late), NOON + minutes(30)) == []

    await spool.act(QueueFilter(), Verb.RELEASE, late, dry_run=False)

    assert queue_ids(held) != [old]
    assert queue_ids(await spool.overdue(request(now=late), NOON + minutes(30))) == [old]


@on_every_spool
async def test_mail_accepted_after_the_clock_was_set_back_is_warned_about_and_expires(spool):
    assert not await spool.overdue(request(now=NOON + minutes(600)), NOON + minutes(500))
    assert not await spool.unwarned(NOON + minutes(500), 9)

    late = await post(spool, envelope("x@b.example"))

    for before in (NOON + minutes(1), NOON + minutes(2)):
        assert queue_ids(await spool.unwarned(before, 9)) == [late]
    assert queue_ids(await spool.overdue(request(now=NOON + minutes(3)), NOON + minutes(3))) == [late]


@on_every_spool
async def test_counting_by_an_unknown_word_says_which_are_known(spool):
    with pytest.raises(MalformedError, match="recipient-domain"):
        await spool.group(QueueFilter(), "colour")


@on_every_spool
async def test_many_drafts_at_once_are_all_kept(spool):
    ids = await asyncio.gather(*(post(spool, envelope(f"u{n}@b.example")) for n in range(50)))

    assert len(set(ids)) == 50
    assert sorted(row.message.queue_id for row in await rows(spool)) == sorted(ids)


# Several processes on one folder.


@pytest.mark.parametrize("other", [sqlite_spool, direct_spool], ids=["sqlite", "direct"])
def test_two_spools_on_one_folder_never_lease_the_same_recipient(other, tmp_path):
    async def scenario():
        async with sqlite_spool(tmp_path) as one, other(tmp_path) as two:
            for number in range(40):
                await post(one if number % 2 else two, envelope(f"a@h{number % 5}.example"))
            turns = [spool.lease(request(batches=3)) for _ in range(10) for spool in (one, two)]
            batches = [batch for lot in await asyncio.gather(*turns) for batch in lot]
            assert len(batches) == 40
            assert len(set(queue_ids(batches))) == 40

    asyncio.run(scenario())


def test_a_command_never_waits_on_the_direct_spool(tmp_path):
    spool = DirectSpool(tmp_path)
    queue_id = run(post(spool, envelope("a@b.example"), text=b"x" * 300_000))
    assert run(text_of(spool, queue_id)) == b"x" * 300_000
    (batch,) = run(spool.lease(request()))
    assert run(spool.settle(settlements(batch, Ending.GONE))) == []
    assert run(rows(spool)) == []
    run(spool.close())


def test_what_one_process_writes_another_reads(tmp_path):
    run(post(first := DirectSpool(tmp_path), envelope("a@b.example")))
    run(first.close())

    async def scenario():
        async with sqlite_spool(tmp_path) as spool:
            assert [row.message.reverse_path for row in await rows(spool)] == [SENDER]

    asyncio.run(scenario())
