"""A table of many lines that changes while clients are served: nobody notices until the new one is there."""

from pathlib import Path

from support.daemon import Daemon, running_daemon
from support.e2e_site import SITE
from support.waiting import until

LINES = 100_000
LARGE = SITE + '\n[tables.many]\nfile = "many"\n\n[domains."many.test"]\nusers = ["many"]\n'


def write(path: Path, *, last: str) -> None:
    """Write it beside and rename, as an administrator's tools do."""
    beside = path.with_name("beside")
    beside.write_text("".join(f"user{number}: /home/users/{number}\n" for number in range(LINES)) + f"{last}:\n")
    beside.replace(path)


def test_while_a_large_table_is_read_again_its_old_contents_answer(tmp_path):
    write(tmp_path / "many", last="old")
    with running_daemon(tmp_path, LARGE) as daemon:
        assert answer(daemon, "old") == 250
        worker = daemon.pid_of("smtpd-1")
        usual = threads(worker)
        answered, last = 0, "old"
        for number in range(100):  # how many fit into one reading is the machine's affair
            before, last = last, f"new{number}"
            write(tmp_path / "many", last=last)
            while answer(daemon, last) != 250:
                is_reading = threads(worker) > usual
                assert answer(daemon, "user7") == 250
                answered += is_reading and threads(worker) > usual
            assert answer(daemon, before) == 550
            if answered:
                break

    assert answered


def threads(pid: int) -> int:
    """How many threads a process has: a large table is read in one of its own."""
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


def test_a_large_table_that_becomes_unreadable_defers_and_is_read_again(tmp_path):
    table = tmp_path / "many"
    write(table, last="old")
    with running_daemon(tmp_path, LARGE) as daemon:
        assert answer(daemon, "old") == 250
        table.unlink()
        until(lambda: answer(daemon, "old") == 451, "the trouble to be noticed")
        write(table, last="new")
        until(lambda: answer(daemon, "new") == 250, "the new table")
        assert answer(daemon, "old") == 550


def answer(daemon: Daemon, user: str) -> int:
    """What a client is told of this user."""
    with daemon.smtp() as client:
        client.ehlo()
        client.mail("ann@mx.test")
        return client.rcpt(f"{user}@many.test")[0]
