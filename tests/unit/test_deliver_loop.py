"""The life of queued mail, as the loop leads it."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise

import pytest

from posthouse.deliver.settings import ChannelLimits, Settings
from posthouse.mail import events
from posthouse.mail.errors import SpoolError
from posthouse.mail.limits import Concurrency, RetryPolicy
from posthouse.mail.outcome import deferred, delivered, failed
from posthouse.mail.queued import Batch, QueueFilter, RecipientState, Verb
from posthouse.ports import AttemptReport
from posthouse.scheduling.bulk import YOUNG_SECONDS
from support.deliver_world import START, TEXT, Post, ScriptedChannel, say, take, to

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
UNREACHABLE = deferred("connection refused", status="4.4.1")
LATER = deferred("try again later", status="4.2.1", remote="mx.b.example", code=451)


@pytest.fixture
def post() -> Iterator[Post]:
    post = Post()
    yield post
    post.kernel.close()


def settings(**changes: object) -> Settings:
    return Settings(name="mx.example.org", owner="d1", **changes)  # type: ignore[arg-type]


def test_a_message_is_delivered_and_leaves_the_queue(post: Post):
    queue_id = post.send(to("bob@b.example"))
    post.start()
    post.run(2 * SECOND)

    assert post.queued() == []
    assert post.smtp.texts == [TEXT]
    assert [event.name for event in post.log.events] == [events.ATTEMPTED, events.DELIVERED, events.FINISHED]
    said = post.named(events.DELIVERED)[0]
    assert (said["queue_id"], said["recipient"], said["channel"], said["next_hop"]) == (
        queue_id,
        "bob@b.example",
        "smtp",
        "b.example",
    )
    assert (said["status"], said["attempts"], said["delay"]) == ("2.0.0", 1, 1.0)


def test_a_message_accepted_while_idle_goes_out_at_the_hint(post: Post):
    post.start()
    post.run(10 * SECOND)
    post.send(to("bob@b.example"))
    post.run(SECOND)

    assert post.smtp.times() == [10 * SECOND]


def test_nothing_is_begun_while_the_machine_is_too_busy_and_all_of_it_afterwards(post: Post):
    post.is_resting = True
    post.send(to("bob@b.example"))
    post.start()
    post.run(10 * SECOND)
    assert post.smtp.times() == []

    post.is_resting = False
    post.run(2 * SECOND)

    assert post.queued() == []
    assert len(post.smtp.times()) == 1


def test_a_deferred_recipient_is_tried_again_on_schedule_and_then_delivered(post: Post):
    post.smtp.answer = say(LATER, LATER, delivered("taken"))
    post.send(to("bob@b.example"))
    post.start()
    post.run(HOUR)

    # Each attempt lasts a second; 5 minutes, then 10.
    assert post.smtp.times() == [0 * SECOND, 301 * SECOND, 902 * SECOND]
    assert [event["attempts"] for event in post.named(events.DEFERRED)] == [1, 2]
    assert post.named(events.DEFERRED)[0]["due"] == START + 301 * SECOND
    assert post.queued() == []


def test_outcomes_are_per_recipient(post: Post):
    fates = {"good@b.example": delivered("taken"), "late@b.example": LATER, "bad@b.example": failed("no such user")}
    post.smtp.answer = lambda batch: AttemptReport(
        tuple(fates.get(str(leased.recipient.address), delivered("taken")) for leased in batch.recipients)
    )
    post.send(*(to(text) for text in fates))
    post.start()
    post.run(5 * SECOND)

    assert [str(row.recipient.address) for row in post.queued()] == ["late@b.example"]
    assert [recipient for recipient, _ in post.submission.reports] == ["alice@example.com"]


def test_a_channel_that_breaks_defers_with_4_3_0_and_a_traceback(post: Post):
    def broken(batch: Batch) -> AttemptReport:
        raise RuntimeError("a bug")

    post.smtp.answer = broken
    post.send(to("bob@b.example"))
    post.start()
    post.run(2 * SECOND)

    assert post.queued()[0].state is RecipientState.QUEUED
    assert post.named(events.DEFERRED)[0]["status"] == "4.3.0"
    trouble = post.named(events.TROUBLE)[0]
    assert trouble["error"] == "RuntimeError: a bug"
    assert "Traceback" in str(trouble["traceback"])


def test_a_channel_that_forgets_a_recipient_defers_all_of_them(post: Post):
    post.smtp.answer = lambda _batch: AttemptReport((delivered("one of two"),))
    post.send(to("bob@b.example"), to("carl@b.example"))
    post.start()
    post.run(2 * SECOND)

    assert len(post.named(events.DEFERRED)) == 2


def test_a_channel_gone_from_the_site_defers_with_the_reason(post: Post):
    post.send(to("bob@b.example", channel="fax"))
    post.start()
    post.run(2 * SECOND)

    said = post.named(events.DEFERRED)[0]
    assert said["status"] == "4.3.5"
    assert "'fax'" in str(said["diagnostic"])


def test_a_batch_is_cut_to_what_the_channel_takes():
    post = Post(settings(channels={"smtp": ChannelLimits(recipients_per_attempt=2)}))
    post.send(*(to(f"u{number}@b.example") for number in range(5)))
    post.start()
    post.run(10 * SECOND)

    assert [len(batch.recipients) for _, batch in post.smtp.attempts] == [2, 2, 1]
    assert post.queued() == []
    assert len(post.named(events.FINISHED)) == 1
    post.kernel.close()


# -- a clock that jumps


def jump(post: Post, by: timedelta) -> None:
    post.kernel.clock.set_now(post.kernel.clock.now() + by)
    post.kernel.notify()
    post.run(SECOND)


def test_a_clock_that_jumps_a_day_ahead_and_back_holds_up_no_mail(post: Post):
    post.start()
    post.run(SECOND)
    jump(post, DAY)
    post.send(to("served@b.example"))
    post.smtp.answer = say(LATER)
    post.send(to("late@c.example"))
    post.run(2 * SECOND)
    post.smtp.answer = say(delivered("taken"))

    jump(post, -DAY)
    post.send(to("again@b.example"))
    post.run(2 * MINUTE)

    assert post.queued() == []


@pytest.mark.parametrize("ahead", [DAY, 30 * DAY], ids=["a day", "a month"])
@pytest.mark.parametrize("is_found_out_by", ["the sweep", "an attempt"])
def test_a_clock_that_jumps_ahead_neither_expires_nor_warns_anybody(post: Post, ahead: timedelta, is_found_out_by: str):
    post.smtp.answer = say(LATER)
    post.send(to("joe@b.example"))
    post.start()
    post.run(SECOND / 2)
    if is_found_out_by == "the sweep":
        post.run(MINUTE)
        jump(post, ahead)
    else:  # it is running while the clock is set
        post.kernel.clock.set_now(post.kernel.clock.now() + ahead)
    post.run(HOUR)

    assert post.submission.reports == []
    assert len(post.queued()) == 1
    assert len(post.smtp.attempts) > 3
    (told,) = post.named(events.TROUBLE)
    assert str(told["error"]).startswith(f"the clock was set ahead by {ahead}")


def test_after_a_jump_ahead_mail_is_warned_about_and_expires_in_its_own_time(post: Post):
    post.smtp.answer = say(LATER)
    post.send(to("joe@b.example"))
    post.start()
    post.run(HOUR)
    jump(post, 30 * DAY)
    post.send(to("later@b.example"))
    retry = post.settings.retry
    warned, expired = (told - HOUR for told in (retry.warn_after or DAY, retry.expire_after))

    post.run(warned - 2 * MINUTE)
    assert post.named(events.WARNED) == []
    post.run(4 * MINUTE)
    assert len(post.named(events.WARNED)) == 1
    post.run(HOUR)
    assert len(post.named(events.WARNED)) == 2  # the one that was accepted after the jump
    post.run(expired - warned - HOUR - 6 * MINUTE)
    assert post.named(events.EXPIRED) == []
    post.run(8 * MINUTE)
    assert [told["recipient"] for told in post.named(events.EXPIRED)] == ["joe@b.example"]


def test_after_a_jump_back_mail_is_warned_about_and_expires_late_and_not_never(post: Post):
    post.smtp.answer = say(LATER)
    post.send(to("joe@b.example"))
    post.start()
    post.run(HOUR)
    jump(post, -DAY)
    retry = post.settings.retry

    post.run((retry.warn_after or DAY) + DAY)
    assert len(post.named(events.WARNED)) == 1
    post.run(retry.expire_after)
    assert post.named(events.EXPIRED)[0]["recipient"] == "joe@b.example"
    assert all(told.fields.get("delay", 0) >= 0 for told in post.log.events)  # type: ignore[operator]


def test_a_clock_that_jumps_ahead_under_a_running_attempt_repeats_nothing(post: Post):
    post.smtp.lasts = lambda _batch: DAY + HOUR
    post.send(to("joe@b.example"))
    post.start()
    post.run(MINUTE)
    jump(post, DAY)
    jump(post, -DAY)
    post.run(2 * DAY)

    assert len(post.smtp.attempts) == 1
    assert post.queued() == []


# -- dead hosts


def test_a_dead_host_is_tried_once_and_not_once_per_message(post: Post):
    post.smtp.answer = say(UNREACHABLE, reached=False)
    post.send(to("first@dead.example"))
    post.start()
    post.run(2 * SECOND)
    for number in range(50):
        post.send(to(f"u{number}@dead.example"))
    post.run(4 * MINUTE)

    assert len(post.smtp.attempts) == 1
    assert len(post.named(events.HOST_DEAD)) == 1
    assert "connection refused" in post.queued()[0].hop_note


def test_a_dead_host_that_comes_back_is_noticed_and_gets_all_its_mail(post: Post):
    post.smtp.answer = say(UNREACHABLE, reached=False)
    for number in range(20):
        post.send(to(f"u{number}@dead.example"))
    post.start()
    post.run(2 * MINUTE)
    post.smtp.answer = say(delivered("taken"))
    post.run(30 * MINUTE)

    assert post.queued() == []
    assert len(post.named(events.HOST_ALIVE)) == 1
    # The first after the term goes alone.
    after = [when for when, _ in post.smtp.attempts if when - START > 4 * MINUTE]
    assert after[0] < after[1]


def test_an_operator_retry_reaches_a_dead_host_at_once(post: Post):
    post.smtp.answer = say(UNREACHABLE, reached=False)
    post.send(to("first@dead.example"))
    post.start()
    post.run(2 * SECOND)
    post.smtp.answer = say(delivered("taken"))
    take(post.spool.act(QueueFilter(), Verb.RETRY, post.clock.now(), dry_run=False))
    post.kernel.notify()
    post.run(2 * SECOND)

    assert post.queued() == []


# -- fairness


def test_one_slow_host_never_holds_all_slots():
    post = Post(settings(concurrency=Concurrency(attempts=10, per_host=50, per_host_initial=50)))
    post.smtp.lasts = lambda batch: HOUR if batch.hop.host == "slow.example" else SECOND
    for number in range(100):
        post.send(to(f"u{number}@slow.example"))
    post.start()
    post.run(MINUTE)
    post.send(to("bob@b.example"))
    post.run(2 * SECOND)

    assert post.smtp.most_running["slow.example"] == 5
    assert [event["recipient"] for event in post.named(events.DELIVERED)] == ["bob@b.example"]
    post.kernel.close()


def test_several_slow_hosts_together_leave_room_for_others():
    post = Post(settings(concurrency=Concurrency(attempts=20, per_host=10, per_host_initial=10)))
    post.smtp.lasts = lambda batch: HOUR if batch.hop.host.startswith("slow") else SECOND
    for host in range(4):
        for number in range(30):
            post.send(to(f"u{number}@slow{host}.example"))
    post.start()
    post.run(MINUTE)
    post.send(to("bob@b.example"))
    post.run(3 * SECOND)

    assert [event["recipient"] for event in post.named(events.DELIVERED)] == ["bob@b.example"]
    post.kernel.close()


def test_a_message_to_a_thousand_does_not_hold_up_one_to_one():
    post = Post(settings(concurrency=Concurrency(attempts=8, per_host=4, per_host_initial=4)))
    post.send(*(to(f"u{number}@big.example") for number in range(1000)))
    post.start()
    post.run(2 * SECOND)
    single = post.send(to("bob@big.example"))
    post.run(2 * SECOND)

    delivered_ids = [event["queue_id"] for event in post.named(events.DELIVERED)]
    assert single in delivered_ids
    assert len(delivered_ids) < 1001  # the big one is still under way
    post.run(5 * MINUTE)
    assert post.queued() == []
    assert len(post.named(events.FINISHED)) == 2
    post.kernel.close()


def test_the_parts_of_a_message_to_a_thousand_set_out_one_after_the_other_beside_one_to_one():
    post = Post(settings(concurrency=Concurrency(attempts=100)))
    post.smtp.lasts = lambda _batch: MINUTE
    post.send(to("one@few.example"))
    post.start()
    post.run(SECOND)
    post.send(*(to(f"u{number}@many.example") for number in range(1000)))
    post.run(SECOND)

    single, *parts = post.smtp.times()
    young = timedelta(seconds=YOUNG_SECONDS)
    assert (single, len(parts), parts[0]) == (0 * SECOND, 5, SECOND)
    assert all(young <= later - sooner < 2 * young for sooner, later in pairwise(parts))


def test_the_window_of_a_good_host_grows():
    post = Post(settings(concurrency=Concurrency(attempts=40, per_host=12, per_host_initial=2)))
    for number in range(150):
        post.send(to(f"u{number}@b.example"))
    post.start()
    post.run(2 * SECOND)
    assert post.smtp.most_running["b.example"] <= 4
    post.run(MINUTE)
    assert post.smtp.most_running["b.example"] == 12
    assert post.queued() == []
    post.kernel.close()


def test_a_channels_own_limit_holds_from_the_first_lease():
    post = Post(settings(channels={"smtp": ChannelLimits(concurrency=1)}))
    for number in range(10):
        post.send(to(f"u{number}@b.example"))
    post.start()
    post.run(30 * SECOND)

    assert post.smtp.most_running == {"b.example": 1}
    assert post.queued() == []
    post.kernel.close()


def test_memory_is_bounded_by_slots_whatever_the_backlog():
    post = Post(settings(concurrency=Concurrency(attempts=6, per_host=3, per_host_initial=3)))
    post.smtp.lasts = lambda _batch: HOUR
    for number in range(300):
        post.send(to(f"u@h{number}.example"))
    post.start()
    post.run(MINUTE)

    assert post.deliverer.in_flight == 6
    assert sum(row.state is RecipientState.LEASED for row in post.queued()) == 6
    post.kernel.close()


# -- leases and trouble


def test_the_lease_of_a_long_attempt_is_renewed(post: Post):
    post.smtp.lasts = lambda _batch: HOUR
    post.send(to("bob@b.example"))
    post.start()
    post.run(2 * HOUR)

    assert len(post.smtp.attempts) == 1
    assert len(post.named(events.DELIVERED)) == 1
    assert post.named(events.LEASE_LOST) == []


def test_a_process_that_died_leaves_leases_its_successor_gives_back(post: Post):
    post.smtp.lasts = lambda _batch: DAY
    post.send(to("bob@b.example"))
    post.start()
    post.run(MINUTE)
    post.kernel.close()  # killed

    post.smtp.lasts = lambda _batch: SECOND
    successor = post.another(Settings(name="mx.example.org", owner="d2", gone=("d1",)))
    post.kernel.spawn(successor.run())
    post.run(2 * SECOND)

    assert post.queued() == []


def test_a_settlement_whose_lease_was_lost_is_logged_and_changes_nothing(post: Post):
    post.smtp.lasts = lambda _batch: MINUTE
    post.send(to("bob@b.example"))
    post.start()
    post.run(SECOND)
    take(post.spool.release_owner("d1"))
    post.run(MINUTE)

    assert len(post.named(events.LEASE_LOST)) == 1
    assert post.named(events.DELIVERED) == []


def test_a_spool_in_trouble_never_ends_the_loop_nor_loses_an_outcome(post: Post):
    post.send(to("bob@b.example"))
    post.start()
    post.run(SECOND / 2)
    post.spool.trouble = SpoolError("disk full")
    post.run(10 * MINUTE)
    assert post.named(events.DELIVERED) == []
    post.spool.trouble = None
    post.run(2 * MINUTE)

    assert len(post.smtp.attempts) == 1  # delivered once, recorded when it could be
    assert len(post.named(events.DELIVERED)) == 1
    pauses = [event["pause"] for event in post.named(events.TROUBLE) if event["where"] == "settle"]
    assert pauses[:7] == [1, 2, 4, 8, 16, 32, 60]
    post.send(to("carl@b.example"))
    post.run(2 * MINUTE)
    assert len(post.named(events.DELIVERED)) == 2


# -- drain


def test_draining_lets_running_attempts_end_and_starts_none(post: Post):
    post.smtp.lasts = lambda _batch: 10 * SECOND
    post.send(to("bob@b.example"))
    post.start()
    post.run(SECOND)
    post.kernel.spawn(post.deliverer.drain())
    post.run(SECOND)
    post.send(to("carl@b.example"))
    post.drain()

    assert [event["recipient"] for event in post.named(events.DELIVERED)] == ["bob@b.example"]
    assert [str(row.recipient.address) for row in post.queued()] == ["carl@b.example"]
    assert post.smtp.is_closed


def test_draining_gives_back_what_is_not_over_by_the_deadline(post: Post):
    post.smtp.lasts = lambda _batch: HOUR
    post.send(to("bob@b.example"))
    post.start()
    post.run(SECOND)
    post.drain()

    assert post.clock.now() - START < 40 * SECOND
    assert post.queued()[0].state is RecipientState.QUEUED
    assert post.named(events.STOPPING)[0]["unfinished"] == 1


# -- expiry and restarts


def test_a_recipient_expires_and_its_sender_is_told():
    post = Post(settings(retry=RetryPolicy(expire_after=DAY, warn_after=None)))
    post.smtp.answer = lambda batch: AttemptReport(
        ((delivered("taken") if batch.message.reverse_path.is_null else LATER),) * len(batch.recipients)
    )
    post.send(to("bob@b.example"))
    post.start()
    post.run(DAY + MINUTE)

    assert post.queued() == []
    attempts = [when - START for when, batch in post.smtp.attempts if not batch.message.reverse_path.is_null]
    assert attempts[-1] == DAY
    said = post.named(events.EXPIRED)[0]
    assert said["status"] == "5.4.7"
    assert "mx.b.example said: 451 try again later" in str(said["diagnostic"])
    assert len(post.named(events.BOUNCED)) == 1
    post.kernel.close()


def test_expiry_does_not_depend_on_having_stayed_up(post: Post):
    post.send(to("bob@b.example"))
    post.clock.advance(9 * DAY)
    post.smtp.answer = say(LATER)
    post.start()
    post.run(3 * MINUTE)

    assert len(post.named(events.EXPIRED)) == 1


def test_mail_for_a_host_dead_to_the_end_expires():
    policy = RetryPolicy(expire_after=2 * HOUR, warn_after=None, dead_host=3 * HOUR, max_delay=3 * HOUR)
    post = Post(settings(retry=policy))
    post.smtp.answer = say(UNREACHABLE, reached=False)
    post.send(to("bob@dead.example"), sender="")
    post.start()
    post.run(SECOND * 2)
    post.send(to("carl@dead.example"), sender="")
    post.run(2 * HOUR + 5 * MINUTE)

    said = {event["recipient"]: event["diagnostic"] for event in post.named(events.EXPIRED)}
    assert "no attempt could be made" in str(said["carl@dead.example"])
    assert "connection refused" in str(said["bob@dead.example"])
    post.kernel.close()


def test_attempts_of_different_channels_do_not_share_a_window(post: Post):
    local = ScriptedChannel(post.kernel)
    post.channels["local"] = local
    post.send(to("bob@b.example"), to("demo@example.org", channel="local"))
    post.start()
    post.run(2 * SECOND)

    assert len(local.attempts) == len(post.smtp.attempts) == 1
    assert len(post.named(events.FINISHED)) == 1


def test_the_queue_is_measured_right_after_the_start_and_soon_again(post: Post):
    post.smtp.answer = say(LATER)
    post.send(to("bob@b.example"))
    post.start()
    post.run(timedelta(0))
    assert post.meter.most["queue_recipients"] == 1

    post.send(to("ann@b.example"))
    post.run(5 * SECOND)
    assert post.meter.most["queue_recipients"] == 2
