"""The spool's log is written out before it is used, and never touched once somebody may use it."""

import os
import shutil

import pytest

from posthouse.adapters.spool_sqlite.direct import DirectSpool
from posthouse.adapters.spool_sqlite.journal import reserve_journal
from posthouse.adapters.spool_sqlite.schema import DATABASE
from posthouse.mail.errors import SpoolFullError
from posthouse.submit.eager import run
from support.spool_letters import envelope, post


@pytest.fixture
def log(tmp_path):
    return tmp_path / f"{DATABASE}-wal"


def test_a_spool_nobody_has_open_gets_a_log_that_reads_as_empty(tmp_path, log):
    assert reserve_journal(tmp_path)
    reserved = log.stat()

    spool = DirectSpool(tmp_path)
    queue_id = run(post(spool, envelope("joe@there.example")))
    again = DirectSpool(tmp_path)

    assert reserved.st_size > 16_000_000
    assert log.stat().st_ino == reserved.st_ino
    assert run(again.read_text(queue_id)).octets > 0
    assert list(tmp_path.glob("*.new")) == []
    run(spool.close())
    run(again.close())


def test_what_a_crash_left_in_the_log_is_recovered_first(tmp_path):
    spool = DirectSpool(tmp_path / "spool")
    queue_id = run(post(spool, envelope("joe@there.example")))
    crashed = tmp_path / "crashed"
    shutil.copytree(tmp_path / "spool", crashed)  # as it stands on the disk, the log not yet in the database
    run(spool.close())

    assert reserve_journal(crashed)

    after = DirectSpool(crashed)
    assert run(after.read_text(queue_id)).octets > 0
    run(after.close())


def test_a_spool_that_is_open_keeps_its_log(tmp_path, log):
    spool = DirectSpool(tmp_path)
    run(post(spool, envelope("joe@there.example")))
    before = log.stat()

    assert not reserve_journal(tmp_path)

    assert (log.stat().st_ino, log.stat().st_size) == (before.st_ino, before.st_size)
    run(spool.close())


def test_a_disk_with_little_room_is_not_filled(tmp_path, log):
    room = os.statvfs(tmp_path)

    assert not reserve_journal(tmp_path, min_free_octets=room.f_bavail * room.f_frsize)

    assert not log.exists()


def test_a_disk_that_fills_up_leaves_nothing_behind(tmp_path, log, monkeypatch):
    def full(_descriptor, _octets):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)

    with pytest.raises(SpoolFullError):
        reserve_journal(tmp_path)

    monkeypatch.undo()
    assert not log.exists()
    assert list(tmp_path.glob("*.new")) == []
