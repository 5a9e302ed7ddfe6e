"""Maildir deliveries in groups: what they share, and what they never share."""

import asyncio
import errno
import os
import stat
import threading
from pathlib import Path

import pytest
from msgspec.structs import replace

from posthouse.adapters.clock_system import SystemClock
from posthouse.adapters.event_log_memory import MemoryEventLog
from posthouse.channels.local import LocalChannel
from posthouse.channels.maildir_groups import MOST_IN_GROUP
from posthouse.mail.queued import Lane
from posthouse.site.model import ChannelKind, MailboxFormat
from support.channel_mail import TEXT, MemoryText, batch, declare
from support.spool_crash import killed_in
from support.waiting import LONG, until

BODY = TEXT.replace(b"\r\n", b"\n")


def open_channel(folder):
    declaration = declare(ChannelKind.LOCAL, mailbox=f"{folder}/{{user}}/", mailbox_format=MailboxFormat.MAILDIR)
    return LocalChannel(declaration, "us.example", SystemClock(), MemoryEventLog())


def deliver(folder, *users):
    async def run():
        channel = open_channel(folder)
        report = await channel.attempt(mail(*users), MemoryText())
        await channel.close()
        return report.outcomes

    return asyncio.run(run())


def mail(*users, lane=Lane.SINGLE):
    return replace(batch(*(f"{user}@example.net" for user in users)), lane=lane)


def in_new(folder, user):
    return [path.read_bytes() for path in (folder / user / "new").iterdir()]


def left_over(folder):
    return list(folder.glob("*/tmp/*"))


def names(outcomes):
    return [outcome.disposition.name.lower() for outcome in outcomes]


@pytest.fixture
def boxes(tmp_path):
    """Maildirs that are there already: nothing else is made or synced."""
    for user in ("ann", "bob", "eve"):
        for name in ("tmp", "new", "cur"):
            (tmp_path / user / name).mkdir(parents=True)
    return tmp_path


class Syncs:
    """Every fsync: what it was of, and which messages could be seen then.  One may be made to fail or to wait."""

    def __init__(self, monkeypatch):
        self.paths: list[Path] = []
        self.visible: list[int] = []
        self.failing = self.waiting = _of_none
        self.go_on = threading.Event()
        self._sync = os.fsync
        monkeypatch.setattr(os, "fsync", self)

    def __call__(self, descriptor):
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        maildir = path.parent if stat.S_ISDIR(os.fstat(descriptor).st_mode) else path.parent.parent
        self.paths.append(path)
        self.visible.append(len(list((maildir / "new").iterdir())))
        if self.failing(path):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        if self.waiting(path):
            self.go_on.wait(LONG)
        self._sync(descriptor)

    def of_folders(self):
        return [path for path in self.paths if path.name == "new"]


def _of_none(_path):
    return False


@pytest.fixture
def syncs(monkeypatch):
    return Syncs(monkeypatch)


def test_messages_that_go_together_share_the_sync_of_their_folder(boxes, syncs):
    assert names(deliver(boxes, *["ann"] * 8, "bob")) == ["delivered"] * 9

    assert sorted(syncs.of_folders()) == [boxes / "ann" / "new", boxes / "bob" / "new"]
    assert len(syncs.paths) == 9 + 2


def test_no_message_appears_before_its_text_is_synced(boxes, syncs):
    deliver(boxes, *["ann"] * 5)

    assert syncs.visible == [0] * 5 + [5]


def test_each_message_of_a_group_is_whole(boxes):
    deliver(boxes, "ann", "bob", "ann")

    assert in_new(boxes, "ann") == [b"Return-Path: <sender@example.org>\nDelivered-To: ann@example.net\n" + BODY] * 2
    assert in_new(boxes, "bob") == [b"Return-Path: <sender@example.org>\nDelivered-To: bob@example.net\n" + BODY]


def test_a_group_has_a_bound_and_what_is_more_goes_with_the_next(boxes, syncs):
    assert names(deliver(boxes, *["ann"] * (2 * MOST_IN_GROUP + 1))) == ["delivered"] * (2 * MOST_IN_GROUP + 1)

    assert len(syncs.of_folders()) == 3
    assert len(in_new(boxes, "ann")) == 2 * MOST_IN_GROUP + 1


def test_one_mailbox_that_is_something_else_defers_nobody_else(boxes):
    (boxes / "joe").write_text("not a directory")

    assert names(deliver(boxes, "ann", "joe", "bob")) == ["delivered", "deferred", "delivered"]
    assert (len(in_new(boxes, "ann")), len(in_new(boxes, "bob"))) == (1, 1)
    assert left_over(boxes) == []


def test_a_text_that_cannot_be_synced_defers_nobody_else(boxes, syncs):
    syncs.failing = lambda path: path.parent == boxes / "bob" / "tmp"

    assert names(deliver(boxes, "ann", "bob", "eve")) == ["delivered", "deferred", "delivered"]
    assert in_new(boxes, "bob") == []
    assert left_over(boxes) == []


def test_a_folder_that_cannot_be_synced_defers_all_its_messages_and_no_others(boxes, syncs):
    syncs.failing = lambda path: path == boxes / "ann" / "new"

    assert names(deliver(boxes, "ann", "bob", "ann")) == ["deferred", "delivered", "deferred"]


def test_a_name_that_is_no_mailbox_fails_alone(boxes):
    assert names(deliver(boxes, "ann", "..", "bob")) == ["delivered", "failed", "delivered"]


@pytest.mark.parametrize("large", [False, True], ids=["small text", "large text"])
def test_a_bug_in_one_group_leaves_the_channel_at_work(boxes, monkeypatch, large):
    def broken(*_arguments):
        raise RuntimeError("a bug")

    async def run():
        channel = open_channel(boxes)
        text = MemoryText(b"x" * 300_000 if large else TEXT)
        with monkeypatch.context() as patch:
            patch.setattr("posthouse.channels.maildir.write_all", broken)
            with pytest.raises(RuntimeError):
                await channel.attempt(mail("ann", "bob"), text)
        again = await channel.attempt(mail("ann"), text)
        await channel.close()
        return again.outcomes

    assert names(asyncio.run(run())) == ["delivered"]
    assert left_over(boxes) == []


def test_a_message_to_one_person_does_not_wait_for_a_big_mailing(boxes, syncs):
    """Every group of the big message waits for a disk that does not answer; the other one is through meanwhile."""
    syncs.waiting = lambda path: path.parent == boxes / "bob" / "tmp"

    async def run():
        channel = open_channel(boxes)
        big = [asyncio.create_task(channel.attempt(mail(*["bob"] * 50, lane=Lane.BULK), MemoryText())) for _ in "12345"]
        async with asyncio.timeout(LONG / 2):
            single = await channel.attempt(mail("ann"), MemoryText())
        still_waiting = not any(task.done() for task in big)
        syncs.go_on.set()
        reports = await asyncio.gather(*big)
        await channel.close()
        return single.outcomes, still_waiting, [outcome for report in reports for outcome in report.outcomes]

    single, still_waiting, of_big = asyncio.run(run())

    assert names(single) == ["delivered"]
    assert still_waiting
    assert names(of_big) == ["delivered"] * 250


def test_what_was_given_up_before_its_turn_is_not_delivered(boxes, syncs):
    syncs.waiting = lambda path: path.parent == boxes / "bob" / "tmp"

    async def run():
        channel = open_channel(boxes)
        first = asyncio.create_task(channel.attempt(mail(*["bob"] * 50, lane=Lane.BULK), MemoryText()))
        given_up = asyncio.create_task(channel.attempt(mail("eve", lane=Lane.BULK), MemoryText()))
        await asyncio.to_thread(until, lambda: syncs.paths, "a group at work")
        given_up.cancel()
        syncs.go_on.set()
        await first
        await channel.close()

    asyncio.run(run())

    assert len(in_new(boxes, "bob")) == 50
    assert in_new(boxes, "eve") == []


@pytest.mark.parametrize("call", ["write", "fsync", "rename"])
def test_killed_anywhere_what_was_reported_is_there_and_whole(boxes, call):
    """docs/spool.md: a crash between mailbox and record may deliver twice, never half a message or none."""
    nth = 1
    while killed_in(call, nth, lambda: deliver_and_say(boxes)):
        for user in ("ann", "bob"):
            assert all(text.endswith(BODY) for text in in_new(boxes, user))
        assert not (boxes / "said").exists()
        nth += 1

    assert nth > 1
    assert (boxes / "said").read_text() == "delivered delivered delivered"
    assert len(in_new(boxes, "ann")) >= 2
    assert len(in_new(boxes, "bob")) >= 1


def deliver_and_say(folder):
    (folder / "said").write_text(" ".join(names(deliver(folder, "ann", "bob", "ann"))))
