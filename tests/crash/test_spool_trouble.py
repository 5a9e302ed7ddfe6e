"""A disk that is full, fails or lies: the spool says so, keeps its promises, and works again afterwards."""

import asyncio
import contextlib
import errno
import os
import resource
import shutil
import signal
import sqlite3
from types import SimpleNamespace

import pytest

from posthouse.adapters.spool_sqlite.commit import GroupCommitter, no_step
from posthouse.adapters.spool_sqlite.direct import DirectSpool
from posthouse.adapters.spool_sqlite.spool import SqliteSpool
from posthouse.adapters.spool_sqlite.store import Settle, Unsynced
from posthouse.mail.errors import SpoolError, SpoolFullError
from posthouse.mail.queued import Ending, Settlement
from posthouse.submit.eager import run
from support.spool_crash import in_child
from support.spool_letters import NOON, TEXT, bounce_envelope, envelope, post, request, rows, settlements, text_of
from support.waiting import LONG

LARGE = b"Subject: large\r\n\r\n" + b"x" * 300_000


@pytest.fixture
def spool(tmp_path):
    spool = DirectSpool(tmp_path / "spool")
    yield spool
    run(spool.close())


def failing(number):
    def fail(*_arguments):
        raise OSError(number, os.strerror(number))

    return fail


def assert_works_again(spool):
    queue_id = run(post(spool, envelope("again@b.example"), text=LARGE))
    assert run(text_of(spool, queue_id)) == LARGE
    assert [row.message.queue_id for row in run(rows(spool))] == [queue_id]


@pytest.mark.parametrize(
    ("name", "number", "error"),
    [
        ("fsync", errno.EIO, SpoolError),
        ("fsync", errno.ENOSPC, SpoolFullError),
        ("write", errno.ENOSPC, SpoolFullError),
        ("write", errno.EDQUOT, SpoolFullError),
        ("write", errno.EIO, SpoolError),
    ],
)
def test_a_disk_that_fails_under_a_large_text(name, number, error, spool, tmp_path, monkeypatch):
    run(post(spool, envelope("first@b.example"), text=TEXT))
    (batch,) = run(spool.lease(request()))
    run(spool.settle(settlements(batch, Ending.GONE)))

    async def try_it():
        draft = spool.begin()
        try:
            await draft.write(LARGE)
            await draft.commit(envelope("a@b.example"), NOON)
        finally:
            await draft.abandon()

    with monkeypatch.context() as broken:
        broken.setattr(os, name, failing(number))
        with pytest.raises(SpoolError) as caught:
            run(try_it())

    assert type(caught.value) is error
    assert [path for path in (tmp_path / "spool" / "texts").glob("*/*") if path.is_file()] == []
    assert_works_again(spool)


def test_a_disk_that_takes_only_part_of_each_write(spool, monkeypatch):
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, text: write(descriptor, bytes(text[:1000])))

    assert_works_again(spool)


def test_a_disk_that_is_nearly_full_refuses_new_mail_and_lets_the_queue_run_down(tmp_path):
    spool = DirectSpool(tmp_path)
    run(post(spool, envelope("a@b.example")))
    run(spool.close())
    spool = DirectSpool(tmp_path, min_free_octets=1 << 60)

    for text in (TEXT, LARGE):
        with pytest.raises(SpoolFullError):
            run(post(spool, envelope("c@b.example"), text=text))
    (batch,) = run(spool.lease(request()))
    assert list(run(spool.settle(settlements(batch, Ending.GONE)))) == []
    run(spool.close())


@pytest.mark.parametrize(("free", "fits"), [(4095, False), (4096, True), (4097, True)])
@pytest.mark.parametrize("text", [TEXT, LARGE], ids=["small", "large"])
def test_new_mail_needs_the_free_room_that_the_site_asks_for(free, fits, text, tmp_path, monkeypatch):
    spool = DirectSpool(tmp_path, min_free_octets=4096)
    for name in ("statvfs", "fstatvfs"):
        monkeypatch.setattr(os, name, lambda _where: SimpleNamespace(f_bavail=free, f_frsize=1))

    if fits:
        run(post(spool, envelope("c@b.example"), text=text))
    else:
        with pytest.raises(SpoolFullError):
            run(post(spool, envelope("c@b.example"), text=text))
    run(spool.close())


def test_a_database_that_cannot_grow(tmp_path):
    def fill():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        spool = DirectSpool(tmp_path)
        accepted = [run(post(spool, envelope("a@b.example")))]
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
        refusal = None
        while refusal is None and len(accepted) < 1000:
            try:
                accepted.append(run(post(spool, envelope("a@b.example"), text=b"x" * 10_000)))
            except SpoolError as error:
                refusal = error
        assert refusal is not None
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        accepted.append(run(post(spool, envelope("a@b.example"))))
        assert [row.message.queue_id for row in run(rows(spool))] == sorted(accepted)

    assert in_child(fill) == 0


def test_a_commit_that_fails_fails_for_all_who_waited(tmp_path):
    async def scenario():
        broken = True

        def step(name):
            if broken and name == "committing":
                raise sqlite3.OperationalError("disk I/O error")

        spool = SqliteSpool(tmp_path, step=step)
        waiting = [post(spool, envelope(f"a{n}@b.example")) for n in range(5)]
        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert all(isinstance(result, SpoolError) for result in results)
        assert await rows(spool) == []
        broken = False
        await post(spool, envelope("a@b.example"))
        assert len(await rows(spool)) == 1
        await spool.close()

    asyncio.run(scenario())


def test_one_culprit_in_a_group_fails_alone(tmp_path):
    async def bounce(spool):
        draft = spool.begin()
        lost = [Settlement("0000000000000", 0, 7, Ending.GONE)]
        return await draft.commit(bounce_envelope("alice@home.example"), NOON, settlements=lost)

    async def scenario():
        spool = SqliteSpool(tmp_path)
        await spool.next_due()
        waiting = [post(spool, envelope(f"a{n}@b.example")) for n in range(5)]
        waiting.insert(2, bounce(spool))
        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert [isinstance(result, SpoolError) for result in results] == [False, False, True, False, False, False]
        assert len(await rows(spool)) == 5
        await spool.close()

    asyncio.run(scenario())


def test_a_queue_id_that_exists_is_drawn_again(spool, monkeypatch):
    drawn = iter([bytes(8), bytes(8), bytes(8), b"\xff" * 8])
    monkeypatch.setattr(os, "urandom", lambda _octets: next(drawn))

    first = run(post(spool, envelope("a@b.example")))
    second = run(post(spool, envelope("c@b.example")))

    assert first < second
    assert len(run(rows(spool))) == 2


def test_a_caller_that_left_does_not_disturb_the_others(tmp_path):
    async def scenario():
        spool = SqliteSpool(tmp_path)
        leaving = asyncio.create_task(post(spool, envelope("a@b.example"), text=LARGE))
        staying = asyncio.create_task(post(spool, envelope("c@b.example")))
        await asyncio.sleep(0)
        leaving.cancel()
        queue_id = await staying
        assert queue_id in [row.message.queue_id for row in await rows(spool)]
        await spool.close()

    asyncio.run(scenario())


def test_closing_finishes_what_waits(tmp_path):
    async def scenario():
        spool = SqliteSpool(tmp_path)
        waiting = [asyncio.create_task(post(spool, envelope("a@b.example"))) for _ in range(20)]
        await asyncio.sleep(0)
        await spool.close()
        assert len({await task for task in waiting}) == 20
        with pytest.raises(SpoolError):
            await post(spool, envelope("a@b.example"))

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        pytest.param(lambda path: path.write_bytes(b"not a database" * 1000), "damaged", id="garbage"),
        pytest.param(lambda path: _change(path, "PRAGMA user_version = 99"), "newer Posthouse", id="newer"),
        pytest.param(lambda path: _foreign(path), "not a spool", id="foreign"),
    ],
)
def test_a_database_that_is_not_ours_is_refused_and_left_alone(spoil, said, tmp_path):
    spool = DirectSpool(tmp_path)
    run(post(spool, envelope("a@b.example")))
    run(spool.close())
    path = tmp_path / "queue.sqlite3"
    spoil(path)
    before = path.read_bytes()

    spool = DirectSpool(tmp_path)
    with pytest.raises(SpoolError, match=said):
        run(post(spool, envelope("a@b.example")))
    with pytest.raises(SpoolError, match=said):
        run(rows(spool))
    run(spool.close())

    assert path.read_bytes() == before


@pytest.mark.parametrize(("version", "missing"), [(1, ("attempted_us", "mailer")), (2, ("mailer",))])
def test_a_queue_of_an_earlier_version_is_taken_up(version, missing, tmp_path):
    spool = DirectSpool(tmp_path)
    queue_id = run(post(spool, envelope("a@b.example")))
    run(spool.close())
    path = tmp_path / "queue.sqlite3"
    for column in missing:
        _change(path, f"ALTER TABLE recipient DROP COLUMN {column}")
    _change(path, f"PRAGMA user_version = {version}")

    spool = DirectSpool(tmp_path)
    (row,) = run(rows(spool))
    assert (row.message.queue_id, row.attempted, row.recipient.mailer) == (queue_id, None, None)
    run(spool.close())


def _change(path, statement):
    connection = sqlite3.connect(path)
    connection.execute(statement)
    connection.close()


def _foreign(path):
    path.unlink()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE TABLE recipes (name TEXT)")
    connection.close()


def test_a_folder_that_cannot_be_made_is_a_clear_error(tmp_path):
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(SpoolError, match="file"):
        run(post(DirectSpool(tmp_path / "file" / "spool"), envelope("a@b.example")))


def test_a_text_file_that_vanished_is_an_error_and_not_a_short_message(spool, tmp_path):
    queue_id = run(post(spool, envelope("a@b.example"), text=LARGE))
    (path,) = [path for path in (tmp_path / "spool" / "texts").glob("*/*") if path.is_file()]
    path.write_bytes(LARGE[:100])
    with pytest.raises(SpoolError, match="octets"):
        run(text_of(spool, queue_id))
    path.unlink()
    with pytest.raises(SpoolError):
        run(text_of(spool, queue_id))


class Syncs:
    """Every sync of the log of commits; may be made to fail."""

    def __init__(self, monkeypatch):
        self.count = 0
        self.error = 0
        self._sync = os.fdatasync
        monkeypatch.setattr(os, "fdatasync", self)

    def __call__(self, descriptor):
        self.count += 1
        if self.error:
            raise OSError(self.error, os.strerror(self.error))
        self._sync(descriptor)


def test_only_commits_that_could_lose_mail_wait_for_the_disk(tmp_path, monkeypatch):
    syncs = Syncs(monkeypatch)
    committer = GroupCommitter(tmp_path / "spool", 0, no_step)
    waited = []

    def write(_store):
        """Stand for a message."""

    for group in ([write], [Unsynced(write)], [Unsynced(write), write], [Unsynced(write), Settle(())], [write]):
        before = syncs.count
        committer.run(group)
        waited.append(syncs.count - before)
    committer.close()

    assert waited == [1, 0, 1, 0, 1]


@pytest.mark.parametrize("text", [b"small\r\n", LARGE], ids=["in the row", "in a file"])
@pytest.mark.parametrize(("number", "error"), [(errno.EIO, SpoolError), (errno.ENOSPC, SpoolFullError)])
def test_a_message_whose_commit_cannot_be_synced_was_never_there(spool, monkeypatch, number, error, text):
    syncs = Syncs(monkeypatch)
    syncs.error = number
    with pytest.raises(error):
        run(post(spool, envelope("a@b.example"), text=text))
    refused = run(rows(spool))
    syncs.error = 0
    kept = run(post(spool, envelope("c@d.example"), text=text))

    assert refused == []
    assert [row.message.queue_id for row in run(rows(spool))] == [kept]


def test_after_a_failed_sync_the_log_is_not_believed_until_all_of_it_is_in_the_database(tmp_path, monkeypatch):
    folder = tmp_path / "spool"
    syncs = Syncs(monkeypatch)
    committer = GroupCommitter(folder, 0, no_step)

    def write(store):
        store.execute(
            "INSERT INTO mark (name, value) VALUES ('x', 1) ON CONFLICT (name) DO UPDATE SET value = value + 1"
        )

    def found_without_the_log():
        copy = tmp_path / "copy.sqlite3"
        shutil.copy(folder / "queue.sqlite3", copy)
        with contextlib.closing(sqlite3.connect(f"file:{copy}?immutable=1", uri=True)) as alone:
            return alone.execute("SELECT value FROM mark WHERE name = 'x'").fetchall()

    committer.run([write])
    syncs.error = errno.EIO
    committer.run([Unsynced(lambda _store: None), write])
    syncs.error = 0
    committer.run([write])

    assert found_without_the_log() == [(3,)]
    committer.close()


def test_a_settlement_is_on_the_disk_a_moment_later_and_its_text_file_stays_until_then(tmp_path, monkeypatch):
    folder = tmp_path / "spool"
    syncs = Syncs(monkeypatch)
    monkeypatch.setattr("posthouse.adapters.spool_sqlite.commit.SOON_SECONDS", LONG)  # this test may be slow
    committer = GroupCommitter(folder, 0, no_step)

    def remove_text(store):
        store.removed_texts.append("aa/one")

    committer.run([Unsynced(lambda _store: None)])
    text = folder / "texts" / "aa" / "one"
    text.parent.mkdir(parents=True)
    text.write_bytes(b"text")
    committer.run([Settle(()), Unsynced(remove_text)])
    owed, stayed, before = committer.sync_due_in, text.exists(), syncs.count
    syncs.error = errno.EIO
    committer.sync()
    still_owed, stayed_on = committer.sync_due_in, text.exists()
    syncs.error = 0
    committer.sync()

    assert (before, syncs.count) == (0, 1)  # the second time it all went into the database
    assert 0 < owed <= LONG
    assert still_owed is not None
    assert stayed
    assert stayed_on
    assert committer.sync_due_in is None
    assert not text.exists()
    committer.close()
