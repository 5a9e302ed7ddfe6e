"""Programs as they are started: whom they run as, what they find, how they end; under both event loops."""

import asyncio
import errno
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
import uvloop

from posthouse.programs.identity import Identity
from posthouse.programs.start import ProgramStart, start_program
from support.processes import has_ended
from support.waiting import LONG, until

SOURCE = Path(__file__).parent.parent.parent / "src"
NOBODY = 65534
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes somebody else")

Run = Callable[[Coroutine[Any, Any, Any]], Any]


@pytest.fixture(params=[asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def run(request) -> Run:
    return request.param


def shell(script: str, *words: str, **more: Any) -> ProgramStart:
    return ProgramStart("/bin/sh", [b"sh", b"-c", script.encode(), *(word.encode() for word in words)],
                        more.pop("environment", {"PATH": PATH}), **more)  # fmt: skip


async def output_of(start: ProgramStart, text: bytes = b"") -> tuple[str, int]:
    program = await start_program(start)
    try:
        if program.stdin is not None:
            await program.feed(once(text))
        return (await program.stdout.read()).decode("latin-1"), await program.wait()
    finally:
        await program.end()
        program.close()


async def once(text: bytes) -> AsyncIterator[bytes]:
    yield text


def descriptors() -> set[str]:
    return {path.name for path in Path("/proc/self/fd").iterdir()}


@as_root
def test_program_runs_as_somebody_else_and_cannot_come_back(run):
    start = shell("grep -E '^(Uid|Gid|Groups):' /proc/self/status", identity=Identity(NOBODY, 12))

    said, status = run(output_of(start))

    rows = {name: numbers.split() for name, numbers in (line.split(":") for line in said.splitlines())}
    # Real, effective, saved and of the file system; and no group of root's.
    assert rows == {"Uid": ["65534"] * 4, "Gid": ["12"] * 4, "Groups": []}
    assert status == 0


@as_root
def test_identity_that_cannot_be_taken_on_is_tried_again(tmp_path):
    """In a user namespace of one user there is nobody else to become."""
    alone = ["unshare", "--user", "--map-root-user"]
    if subprocess.run([*alone, "true"], check=False, capture_output=True).returncode != 0:
        pytest.skip("no user namespaces here")
    script = tmp_path / "start.py"
    script.write_text(
        "import asyncio\n"
        "from posthouse.programs.start import Identity, ProgramStart, start_program\n"
        "asyncio.run(start_program(ProgramStart('/bin/true', [b'true'], identity=Identity(4711, 4711))))\n"
    )

    tried = subprocess.run([*alone, sys.executable, script], capture_output=True, check=False)

    assert f"[Errno {errno.EAGAIN}] cannot become user 4711".encode() in tried.stderr


def test_program_leads_a_session_of_its_own_where_it_was_sent(run, tmp_path):
    script = 'pwd; umask; read -r _ _ _ _ group session _ < /proc/$$/stat; echo "$group $session $$"'

    said, _ = run(output_of(shell(script, directory=str(tmp_path), umask=0o027)))

    place, mask, numbers = said.splitlines()
    assert (place, mask) == (str(tmp_path), "0027")
    assert len(set(numbers.split())) == 1


def test_program_finds_nothing_of_ours_in_its_environment(run, monkeypatch):
    monkeypatch.setenv("SECRET", "x")

    said, _ = run(output_of(ProgramStart("env", [b"env"], {"PATH": PATH, "SENDER": b"\xff"})))

    assert set(said.splitlines()) == {f"PATH={PATH}", "SENDER=\xff"}


def test_program_holds_none_of_our_descriptors(run):
    ours, theirs = os.pipe()
    inherited = os.dup2(theirs, 200)
    try:
        said, _ = run(output_of(shell(f"test -e /proc/$$/fd/0 && test ! -e /proc/$$/fd/{inherited} && echo none")))
    finally:
        for descriptor in (ours, theirs, inherited):
            os.close(descriptor)

    assert said == "none\n"


def test_niceness_is_the_programs_alone(run):
    ours = os.getpriority(os.PRIO_PROCESS, 0)

    said, _ = run(output_of(shell("nice", niceness=5)))

    assert int(said) == min(19, ours + 5)
    assert os.getpriority(os.PRIO_PROCESS, 0) == ours


def test_signal_that_ended_a_program_is_told_as_a_negative_status(run):
    assert run(output_of(shell("kill -USR1 $$"))) == ("", -signal.SIGUSR1)
    assert run(output_of(shell("exit 75"))) == ("", 75)


def test_program_may_end_without_reading_its_input(run):
    assert run(output_of(shell("exec <&-; echo enough"), b"x" * 1_000_000)) == ("enough\n", 0)


def test_both_ways_of_a_program_carry_more_than_a_pipe_holds(run):
    text = b"0123456789abcdef" * 65536

    async def echo() -> bytes:
        program = await start_program(ProgramStart("cat", [b"cat"], {"PATH": PATH}))
        try:
            feeding = asyncio.create_task(program.feed(once(text)))
            said = await program.stdout.read()
            await feeding
            return said
        finally:
            await program.end()
            program.close()

    assert run(echo()) == text


def test_program_that_is_not_there_is_an_error_and_nothing_stays_open(run):
    async def start() -> None:
        before = descriptors()
        for path, number in (("/nowhere/program", errno.ENOENT), ("/etc/passwd", errno.EACCES)):
            with pytest.raises(OSError, match=os.strerror(number)):
                await start_program(ProgramStart(path, [b"program"]))
        assert descriptors() == before

    run(start())


def test_ended_program_leaves_no_descriptor_and_no_zombie(run):
    async def repeated() -> None:
        await output_of(shell("true"))
        before = descriptors()
        for _ in range(5):
            await output_of(shell("true"))
        async with asyncio.timeout(LONG):
            while descriptors() - before:  # noqa: ASYNC110 - transports close their files in a later round of the loop
                await asyncio.sleep(0)

    run(repeated())

    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_end_is_polite_first(run):
    async def stopped() -> tuple[bytes, int]:
        program = await start_program(shell("trap 'echo goodbye; exit 3' TERM; echo ready; read -r x"))
        await program.stdout.readline()
        await program.end()
        said = await program.stdout.read()
        program.close()
        return said, await program.wait()

    assert run(stopped()) == (b"goodbye\n", 3)


def test_what_a_program_left_behind_on_purpose_outlives_it_unless_all_are_killed(run, tmp_path):
    left = shell("sleep 600 >/dev/null 2>&1 </dev/null & echo $!", stdin=subprocess.DEVNULL)

    async def pid_of_child(*, kills: bool) -> int:
        program = await start_program(left)
        pid = int(await program.stdout.readline())
        await program.wait()
        await (program.kill() if kills else program.end())
        program.close()
        return pid

    kept = run(pid_of_child(kills=False))
    killed = run(pid_of_child(kills=True))

    os.kill(kept, signal.SIGKILL)
    until(lambda: has_ended(killed), "the end of the other")


def test_program_is_stopped_when_nobody_waits_for_its_start_any_more(run, monkeypatch):
    """The descriptor that tells of its exit is refused: what has begun is stopped, and the error is told."""
    started: list[int] = []

    def refuse(pid: int, flags: int = 0) -> int:
        started.append(pid)
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(os, "pidfd_open", refuse)

    with pytest.raises(OSError, match=os.strerror(errno.EMFILE)):
        run(start_program(shell("sleep 600")))

    assert len(started) == 1
    with pytest.raises(ProcessLookupError):
        os.kill(started[0], 0)


def test_no_source_runs_python_between_fork_and_exec():
    word = "preexec" + "_fn"

    assert [path for path in SOURCE.rglob("*.py") if word in path.read_text()] == []
