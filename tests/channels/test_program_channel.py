"""The program channel with real programs: exit statuses, arguments, input, time and output."""

import asyncio
import sys
from datetime import timedelta

import pytest
import uvloop

from posthouse.adapters.event_log_memory import MemoryEventLog
from posthouse.channels.program import ProgramChannel
from posthouse.channels.sysexits import SYSEXITS
from posthouse.site.model import ChannelKind
from support.channel_mail import NULL_SENDER, MemoryText, batch, declare
from support.processes import has_ended
from support.waiting import LONG, until


def run(*argv, recipients=("bob@example.net",), text=None, limit=LONG, most=1000, directory=None, **of_batch):
    declaration = declare(ChannelKind.PROGRAM, argv=argv, time_limit=timedelta(seconds=limit), directory=directory)
    channel = ProgramChannel(declaration, MemoryEventLog(), most_output_octets=most)
    return asyncio.run(channel.attempt(batch(*recipients, **of_batch), text or MemoryText())).outcomes


def shell(script, *arguments, **options):
    """Run a script of the test's own with /bin/sh; the channel itself uses no shell."""
    return run("/bin/sh", "-c", script, "sh", *arguments, **options)


def told(outcomes):
    return [(outcome.disposition.name.lower(), str(outcome.status)) for outcome in outcomes]


def test_the_message_comes_on_standard_input_with_lf(tmp_path):
    outcomes = shell('cat > "$1"', str(tmp_path / "{queue_id}"))

    assert told(outcomes) == [("delivered", "2.0.0")]
    assert (tmp_path / "2ABCDEF000001").read_bytes() == b"Subject: a test\n\nHello.\n.dotted\n"


def test_each_placeholder_stays_one_argument(tmp_path):
    nasty = "$(touch x); 'a' \"b\" *"
    shell(
        'printf "%s\\n" "$@" > out; env > env; cat > /dev/null',
        "{user}",
        "{domain}",
        "<{sender}>",
        "{unknown}",
        recipients=(f"{nasty}@example.net",),
        directory=tmp_path,
    )

    assert (tmp_path / "out").read_text().split("\n") == [nasty, "example.net", "<sender@example.org>", "{unknown}", ""]
    names = {line.partition("=")[0] for line in (tmp_path / "env").read_text().splitlines()}
    assert names - {"PWD", "SHLVL", "_", "OLDPWD"} == {
        "PATH",
        "LANG",
        "SENDER",
        "RECIPIENT",
        "USER",
        "DOMAIN",
        "QUEUE_ID",
    }
    assert not (tmp_path / "x").exists()


def test_null_reverse_path_is_an_empty_argument():
    assert told(shell('test -z "$1" && cat > /dev/null', "{sender}", sender=NULL_SENDER))[0][0] == "delivered"


def test_an_address_cannot_become_an_option(tmp_path):
    refused = run("/bin/sh", "-c", "touch ran", "sh", "{recipient}", recipients=("-rf@x",), directory=tmp_path)
    safe = run("/bin/sh", "-c", "cat >/dev/null", "sh", "--to={recipient}", recipients=("-rf@x",))

    assert told(refused) == [("failed", "5.1.3")]
    assert list(tmp_path.iterdir()) == []
    assert told(safe) == [("delivered", "2.0.0")]


@pytest.mark.parametrize(("number", "expected"), [(number, status) for number, (_, status) in SYSEXITS.items()])
def test_exit_status_decides(number, expected):
    (outcome,) = shell(f"cat > /dev/null; exit {number}")

    assert str(outcome.status) == expected


@pytest.mark.parametrize(
    ("script", "disposition", "status", "words"),
    [
        pytest.param("exit 1", "failed", "5.3.0", "exited with 1", id="unknown status"),
        pytest.param("kill -9 $$", "deferred", "4.3.0", "signal 9", id="killed"),
        pytest.param("exit 0", "delivered", "2.0.0", "", id="input not read, judged by exit"),
        pytest.param("echo 5.2.1 no longer here; exit 67", "failed", "5.2.1", "no longer", id="says its own status"),
        pytest.param("echo 2.0.0 fine; exit 67", "failed", "5.1.1", "fine", id="status of another class"),
        pytest.param(
            "printf 'a\\r\\nX-Evil: 1\\033[31m'; exit 67", "failed", "5.1.1", ": a X-Evil: 1 [31m", id="control"
        ),
        pytest.param("echo oops >&2; exit 75", "deferred", "4.3.0", "oops", id="standard error is kept"),
    ],
)
def test_the_end_of_a_program(script, disposition, status, words):
    (outcome,) = shell(script, text=MemoryText(b"x" * 78 + b"\r\n" * 200_000))

    assert told([outcome]) == [(disposition, status)]
    assert words in outcome.diagnostic


def test_output_is_bounded_and_never_blocks_the_program():
    script = f"{sys.executable} -c 'print(\"y\" * 1000000)'; cat > /dev/null; exit 67"
    (outcome,) = shell(script, most=100)

    assert outcome.diagnostic.count("y") <= 101
    assert str(outcome.status) == "5.1.1"


def test_a_program_that_hangs_is_stopped_with_its_children(tmp_path):
    for limit in (0.5, 5, 50):  # a program that is only begun when its time is over has no children yet
        (outcome,) = shell("sleep 600 & echo $! > begun; mv begun child; wait", limit=limit, directory=tmp_path)

        assert told([outcome]) == [("deferred", "4.3.0")]
        assert f"ran longer than {limit} seconds" in outcome.diagnostic
        if (tmp_path / "child").exists():
            break
    until(lambda: has_ended(int((tmp_path / "child").read_text())), "the end of the child")


def test_a_program_that_is_missing_is_deferred():
    assert told(run("/nonexistent/program")) == [("deferred", "4.3.0")]


@pytest.mark.parametrize(("said", "kept"), [(99, 99), (100, 100), (101, 100)])
def test_what_is_kept_of_a_program_s_output_is_bounded(said, kept):
    (outcome,) = shell(f"cat > /dev/null; printf %0{said}d 0; exit 67", most=100)

    assert outcome.diagnostic.count("0") == kept


@pytest.mark.parametrize("loop", [None, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def test_a_program_that_ends_without_reading_a_large_text_is_judged_by_its_exit(loop):
    declaration = declare(ChannelKind.PROGRAM, argv=("/bin/sh", "-c", "exit 67"), time_limit=timedelta(seconds=LONG))
    channel = ProgramChannel(declaration, MemoryEventLog(), most_output_octets=1000)
    # In small pieces: the pipe breaks between two of them.
    text = MemoryText(b"x" * 2_000_000, piece_octets=1000)
    with asyncio.Runner(loop_factory=loop) as runner:
        outcomes = runner.run(channel.attempt(batch("bob@example.net"), text)).outcomes

    assert told(outcomes) == [("failed", "5.1.1")]


def test_without_a_directory_of_its_own_a_program_runs_in_the_root_directory():
    assert shell("pwd; exit 69")[0].diagnostic.endswith(": /")


def test_one_run_per_recipient(tmp_path):
    outcomes = shell(
        'cat > /dev/null; echo "$1" >> runs; test "$1" != eve || exit 67',
        "{user}",
        recipients=("bob@x", "eve@x", "ann@x"),
        directory=tmp_path,
    )

    assert [one[0] for one in told(outcomes)] == ["delivered", "failed", "delivered"]
    assert (tmp_path / "runs").read_text() == "bob\neve\nann\n"
