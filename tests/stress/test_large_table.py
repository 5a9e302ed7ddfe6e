"""A table of many lines that changes while clients are served: nobody notices until the new one is there."""

import time
from pathlib import Path

from support.daemon import Daemon, running_daemon
from support.e2e_site import SITE
from support.waiting import until

LINES = 300_000
MOST_SECONDS = 0.5  # for a session up to RCPT, on a machine whose other processors run other tests
LARGE = SITE + '\n[tables.many]\nfile = "many"\n\n[domains."many.test"]\nusers = ["many"]\n'


def write(path: Path, *, last: str) -> None:
    """Write it beside and rename, as an administrator's tools do."""
    beside = path.with_name("beside")
    beside.write_text("".join(f"user{number}: /home/users/{number}\n" for number in range(LINES)) + f"{last}:\n")
    beside.replace(path)


def test_a_table_of_300_000_lines_that_changes_delays_nobody_s_reply(tmp_path):
    write(tmp_path / "many", last="old")
    with running_daemon(tmp_path, LARGE) as daemon:
        assert answer(daemon, "old") == 250
        write(tmp_path / "many", last="new")

        seconds: list[float] = []
        while answer(daemon, "new") != 250:
            begun = time.perf_counter()
            assert answer(daemon, f"user{len(seconds)}") == 250  # the old contents answer
            seconds.append(time.perf_counter() - begun)
        assert answer(daemon, "old") == 550

    assert len(seconds) > 20
    assert max(seconds) < MOST_SECONDS


def test_a_large_table_that_becomes_unreadable_defers_and_is_read_again(tmp_path):
    table = tmp_path / "many"
    write(table, last="old")
    with running_daemon(tmp_path, LARGE) as daemon:
        assert answer(daemon, "old") == 250
        table.unlink()
        until(lambda: answer(daemon, "old") == 451, "the trouble to be noticed")
        write(table, last="new")
        until(lambda: answer(daemon, "new") == 250, "the new table", 30)
        assert answer(daemon, "old") == 550


def answer(daemon: Daemon, user: str) -> int:
    """What a client is told of this user."""
    with daemon.smtp() as client:
        client.ehlo()
        client.mail("ann@mx.test")
        return client.rcpt(f"{user}@many.test")[0]
