"""What rich prints: bars for people who watch long work, plain text for everything else."""

import os
import pty
import re
import subprocess
import sys

import pytest

from support.waiting import LONG

BAR = """
from posthouse.cli.terminal import progress
with progress("Hold", {total}, quiet={quiet}) as advance:
    for _ in range(10):
        advance({total} // 10)
"""
TABLE = 'from posthouse.cli.terminal import print_table; print_table(["HOST"], [["a\\x1b[31m.example"]])'
_COLOUR = re.compile(r"\x1b\[[0-9;]*3[0-9][0-9;]*m")


def on_terminal(script, stream, **environment):
    """Run a script with standard output or standard error on a terminal of 80 columns; return what it shows."""
    ours, theirs = pty.openpty()
    environment = {"PATH": os.environ["PATH"], "TERM": "xterm-256color", "COLUMNS": "80", **environment}
    try:
        done = subprocess.run(
            [sys.executable, "-c", script],
            timeout=LONG,
            check=True,
            env=environment,
            **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, stream: theirs},
        )
    finally:
        os.close(theirs)
    shown = b""
    try:
        while piece := os.read(ours, 65536):
            shown += piece
    except OSError:  # the last of them has closed the terminal
        pass
    finally:
        os.close(ours)
    return shown.decode(), done


def test_long_work_shows_a_bar_on_a_terminal():
    shown, done = on_terminal(BAR.format(total=5000, quiet=False), "stderr")

    assert "Hold" in shown
    assert "100%" in shown
    assert done.stdout == b""


@pytest.mark.parametrize(
    ("total", "quiet"),
    [pytest.param(1999, False, id="short work"), pytest.param(5000, True, id="--json")],
)
def test_other_work_shows_none(total, quiet):
    assert on_terminal(BAR.format(total=total, quiet=quiet), "stderr")[0] == ""


def test_nobody_watches_a_pipe():
    done = subprocess.run(
        [sys.executable, "-c", BAR.format(total=5000, quiet=False)], capture_output=True, timeout=LONG, check=True
    )

    assert (done.stdout, done.stderr) == (b"", b"")


def test_the_user_may_want_no_colours():
    assert not _COLOUR.search(on_terminal(BAR.format(total=5000, quiet=False), "stderr", NO_COLOR="1")[0])
    assert not _COLOUR.search(on_terminal(TABLE, "stdout", NO_COLOR="1")[0])


def test_a_name_cannot_colour_the_terminal():
    assert not _COLOUR.search(on_terminal(TABLE, "stdout")[0])


def test_a_table_in_a_pipe_is_plain():
    done = subprocess.run([sys.executable, "-c", TABLE], capture_output=True, timeout=LONG, check=True)

    assert b"\x1b" not in done.stdout
    assert done.stdout.startswith(b"HOST")
