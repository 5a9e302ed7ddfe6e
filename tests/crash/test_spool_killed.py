"""docs/spool.md, "What a crash leaves": a process is killed at every step, and the next one looks."""

import os
import sqlite3
import time

import pytest

from posthouse.adapters.spool_sqlite.direct import DirectSpool
from posthouse.mail.outcome import failed
from posthouse.mail.queued import Ending, QueueFilter, RecipientState, Verb
from posthouse.submit.eager import run
from support.spool_crash import killed_at
from support.spool_letters import (
    NOON,
    TEXT,
    bounce_envelope,
    envelope,
    minutes,
    post,
    request,
    rows,
    settlements,
    text_of,
)

LARGE = b"Subject: large\r\n\r\n" + b"x" * 200_000
TEXT_STEPS = ["text-written", "text-synced", "folder-synced"]
BEFORE = ["begun", "rows-written", "committing"]
AFTER = ["committed", "texts-removed"]
AFTER_COMMIT = ["committed", "synced", "texts-removed"]


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "spool"


@pytest.fixture
def survivor(folder):
    """Start anew after the crash; at the end everything must work and the database must be whole."""
    spool = DirectSpool(folder)
    yield spool
    queue_id = run(post(spool, envelope("afterwards@b.example"), text=LARGE))
    assert run(text_of(spool, queue_id)) == LARGE
    run(spool.close())
    connection = sqlite3.connect(folder / "queue.sqlite3")
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


def prepared(folder, *, text=TEXT):
    """Put one message into a new spool and return its queue id."""
    spool = DirectSpool(folder)
    queue_id = run(post(spool, envelope("a@b.example"), text=text))
    run(spool.close())
    return queue_id


def leased(folder):
    spool = DirectSpool(folder)
    (batch,) = run(spool.lease(request()))
    run(spool.close())
    return batch


def text_files(folder):
    return [path for path in (folder / "texts").glob("*/*") if path.is_file()]


def states(spool):
    return [row.state for row in run(rows(spool))]


@pytest.mark.parametrize("step", TEXT_STEPS + BEFORE)
@pytest.mark.parametrize("text", [TEXT, LARGE], ids=["small", "large"])
def test_killed_before_the_commit_the_message_was_never_accepted(step, text, folder, survivor):
    if text is TEXT and step in TEXT_STEPS:
        assert not killed_at(step, folder, lambda spool: post(spool, envelope("a@b.example"), text=text))
        return

    assert killed_at(step, folder, lambda spool: post(spool, envelope("a@b.example"), text=text))

    assert run(rows(survivor)) == []
    assert len(text_files(folder)) == (text is LARGE)


@pytest.mark.parametrize("step", AFTER_COMMIT)
@pytest.mark.parametrize("text", [TEXT, LARGE], ids=["small", "large"])
def test_killed_after_the_commit_the_message_is_queued(step, text, folder, survivor):
    assert killed_at(step, folder, lambda spool: post(spool, envelope("a@b.example"), text=text))

    (row,) = run(rows(survivor))
    assert row.state is RecipientState.QUEUED
    assert run(text_of(survivor, row.message.queue_id)) == text


def test_a_new_spool_has_no_orphans(survivor):
    assert run(survivor.clean_orphans()) == 0


def test_orphans_of_a_crash_are_removed_when_they_are_old(folder, survivor):
    assert killed_at("folder-synced", folder, lambda spool: post(spool, envelope("a@b.example"), text=LARGE))
    kept = run(post(survivor, envelope("a@b.example"), text=LARGE))
    draft = survivor.begin()
    run(draft.write(LARGE))
    assert run(survivor.clean_orphans()) == 0

    two_hours_ago = time.time() - 7200
    for path in text_files(folder):
        os.utime(path, (two_hours_ago, two_hours_ago))

    assert run(survivor.clean_orphans()) == 1
    assert run(text_of(survivor, kept)) == LARGE
    drafted = run(draft.commit(envelope("a@b.example"), NOON))
    assert run(text_of(survivor, drafted)) == LARGE


@pytest.mark.parametrize("step", BEFORE)
def test_killed_before_a_lease_is_committed_the_work_is_still_there(step, folder, survivor):
    prepared(folder)

    assert killed_at(step, folder, lambda spool: spool.lease(request()))

    assert states(survivor) == [RecipientState.QUEUED]
    assert len(run(survivor.lease(request(owner="two")))) == 1


@pytest.mark.parametrize("step", AFTER)
def test_killed_after_a_lease_the_work_comes_back(step, folder, survivor):
    prepared(folder)

    assert killed_at(step, folder, lambda spool: spool.lease(request()))

    assert states(survivor) == [RecipientState.LEASED]
    assert run(survivor.lease(request(owner="two"))) == []
    assert len(run(survivor.lease(request(owner="two", now=NOON + minutes(5))))) == 1
    assert run(survivor.release_owner("two")) == 1
    assert len(run(survivor.lease(request(owner="three")))) == 1


@pytest.mark.parametrize("step", BEFORE)
def test_killed_before_a_settlement_the_recipient_is_tried_again(step, folder, survivor):
    prepared(folder)
    batch = leased(folder)

    assert killed_at(step, folder, lambda spool: spool.settle(settlements(batch, Ending.GONE)))

    assert states(survivor) == [RecipientState.LEASED]
    assert list(run(survivor.settle(settlements(batch, Ending.GONE)))) == []


@pytest.mark.parametrize("step", AFTER)
def test_killed_after_a_settlement_the_recipient_is_gone(step, folder, survivor):
    prepared(folder, text=LARGE)
    batch = leased(folder)

    assert killed_at(step, folder, lambda spool: spool.settle(settlements(batch, Ending.GONE)))

    assert run(rows(survivor)) == []
    assert len(text_files(folder)) == 1  # kept until the settlement is synced; an orphan now


@pytest.mark.parametrize("step", BEFORE + AFTER)
def test_killed_while_retrying_the_attempt_is_counted_or_the_lease_still_holds(step, folder, survivor):
    prepared(folder)
    batch = leased(folder)
    due = NOON + minutes(10)
    outcome = failed("550 no")

    assert killed_at(step, folder, lambda spool: spool.settle(settlements(batch, Ending.RETRY, outcome, due)))

    (row,) = run(rows(survivor))
    found = (row.state, row.attempts, row.outcome)
    if step in AFTER:
        assert found == (RecipientState.QUEUED, 1, outcome)
        assert row.due == due
    else:
        assert found == (RecipientState.LEASED, 0, None)


@pytest.mark.parametrize("step", BEFORE + AFTER_COMMIT)
def test_killed_in_a_bounce_there_is_the_debt_or_the_bounce(step, folder, survivor):
    reported = prepared(folder)
    spool = DirectSpool(folder)
    run(spool.settle(settlements(leased(folder), Ending.REPORT, failed("550 no"))))
    (batch,) = run(spool.lease(request()))
    run(spool.close())

    async def bounce(spool):
        draft = spool.begin()
        await draft.write(b"Subject: undeliverable\r\n\r\n")
        await draft.commit(
            bounce_envelope("alice@home.example"), NOON + minutes(1), settlements=settlements(batch, Ending.GONE)
        )

    assert killed_at(step, folder, bounce)

    (row,) = run(rows(survivor))
    if step in AFTER_COMMIT:
        assert row.message.reverse_path.is_null
    else:
        assert (row.message.queue_id, row.state) == (reported, RecipientState.REPORTING)


@pytest.mark.parametrize("step", BEFORE + AFTER)
def test_killed_in_a_removal_all_of_a_message_is_there_or_none(step, folder, survivor):
    prepared(folder, text=LARGE)

    assert killed_at(step, folder, lambda spool: spool.act(QueueFilter(), Verb.REMOVE, NOON, dry_run=False))

    found = run(rows(survivor))
    assert len(found) == (step in BEFORE)
    for row in found:
        assert run(text_of(survivor, row.message.queue_id)) == LARGE
