"""Kill whoever drops or picks up a message at each step; docs/spool.md says what is left."""

import os
import signal

import pytest

from posthouse.adapters.spool_drop import DropSpool
from posthouse.adapters.spool_sqlite.direct import DirectSpool
from posthouse.submit.eager import run
from support.drops import TEXT, Drop
from support.spool_crash import in_child
from support.spool_letters import NOON, envelope, post


def killed_before(name, work):
    """Do the work in a child process that is killed just before it calls this function of os."""

    def die(*_arguments, **_options):
        os.kill(os.getpid(), signal.SIGKILL)

    def child():
        setattr(os, name, die)
        work()

    return in_child(child) == -signal.SIGKILL


@pytest.fixture
def drop(tmp_path):
    made = Drop(tmp_path, spool=DirectSpool(tmp_path / "spool"))
    yield made
    run(made.spool.close())


@pytest.mark.parametrize("step", ["fchmod", "fsync", "rename"])
def test_killed_while_dropping_nothing_is_there_but_a_hidden_file(drop, step):
    spool = DropSpool(drop.home / "spool", drop.limits)

    assert killed_before(step, lambda: run(post(spool, envelope("joe@example.org"), at=NOON, text=TEXT)))

    (left,) = drop.names()
    assert left.startswith(".")
    drop.look()
    assert drop.queued() == []


def test_killed_before_the_commit_the_file_is_taken_later(drop):
    drop.leave()

    assert killed_before("statvfs", lambda: drop.look(drop.new_pickup()))  # the spool asks for room first

    drop.look()
    assert len(drop.queued()) == 1
    assert drop.names() == []


def test_killed_between_commit_and_removal_the_message_comes_twice_and_no_more(drop):
    drop.leave()

    assert killed_before("unlink", lambda: drop.look(drop.new_pickup()))

    assert len(drop.names()) == 1
    drop.look()
    drop.look()
    assert len(drop.queued()) == 2
    assert drop.names() == []
