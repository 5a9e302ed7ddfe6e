"""How a program is started: whom it runs as, where, with what in its environment.

Rights are dropped in the child by the interpreter's own C code, between fork and exec: no Python runs there, which
would be unsafe in a process with threads.  Event loops offer no such thing (uvloop knows no ``user=``), so programs
are started without them, and joined to the loop by their pipes and a descriptor that tells of their exit.
"""

import errno
import os
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from msgspec import Struct

from posthouse.programs.identity import Identity
from posthouse.programs.running import RunningProgram


class ProgramStart(Struct, frozen=True):
    """Everything that a program finds when it begins.

    ``identity`` None is ours, ``umask`` -1 too.  ``niceness`` is added to ours, as far as we may.
    ``stdin`` and ``stderr`` are what subprocess.Popen takes; the output is always ours to read.
    """

    path: str | bytes  # looked for in PATH of the environment when it has no slash
    words: Sequence[bytes]  # argv, the first being the program's name
    environment: Mapping[str, str | bytes] = {}
    directory: str = "/"  # never where the daemon happened to be started
    identity: Identity | None = None
    niceness: int = 0
    umask: int = -1
    stdin: int = subprocess.PIPE
    stderr: int = subprocess.STDOUT


async def start_program(start: ProgramStart) -> RunningProgram:
    """Start a program; whoever is given it ends it.

    Raises OSError when it cannot begin; its errno is EAGAIN when the identity could not be taken on.
    """
    try:
        program = RunningProgram(_spawn(start) if not start.niceness else _spawn_nicely(start))
    except OSError as error:
        never_began = error.filename == start.directory  # subprocess names the program, once it came to that
        if start.identity is not None and never_began and error.errno in {errno.EPERM, errno.EINVAL}:
            raise OSError(errno.EAGAIN, f"cannot become user {start.identity.uid}: {error.strerror}") from error
        raise
    try:
        await program.connect()
    except BaseException:  # a cancellation, too: nobody else knows of the program
        program.abandon()
        raise
    return program


def _spawn(start: ProgramStart) -> subprocess.Popen[bytes]:
    who = start.identity
    return subprocess.Popen(
        start.words,
        bufsize=0,
        executable=start.path,
        stdin=start.stdin,
        stdout=subprocess.PIPE,
        stderr=start.stderr,
        env=start.environment,
        cwd=start.directory,
        start_new_session=True,
        umask=start.umask,
        user=None if who is None else who.uid,
        group=None if who is None else who.gid,
        extra_groups=None if who is None else (),
    )


def _spawn_nicely(start: ProgramStart) -> subprocess.Popen[bytes]:
    """Start it from a thread that is already as nice as it shall be: under Linux niceness is a thread's own."""
    with ThreadPoolExecutor(max_workers=1) as thread:
        thread.submit(_be_nice, start.niceness).result()
        return thread.submit(_spawn, start).result()


def _be_nice(niceness: int) -> None:
    with suppress(OSError):  # less than none is for root
        os.nice(niceness)
