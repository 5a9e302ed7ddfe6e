"""The map class program: a program is run with the key as its last argument, and the first line it says is the value.

No shell, nothing on its input, a clean environment, and an account without rights when this process has some.
Exit status 0: found (nothing said: not found); 75: it cannot answer now; any other: not found.
A program that takes too long, says too much, is killed or cannot be started has not answered.

Known limits: a key that begins with ``-`` is handed over as it is, as always; who writes such a program has to
expect it.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from posthouse.adapters.map_flagged import NOT_FOUND
from posthouse.mail.lookup import MapAnswer, MapStatus
from posthouse.mail.map_arguments import MapArguments
from posthouse.mail.wording import seconds_in_words
from posthouse.programs.start import ProgramStart, start_program

if TYPE_CHECKING:
    from posthouse.programs.identity import Identity
    from posthouse.programs.running import RunningProgram

MAX_LINE_OCTETS: Final = 2048  # longer than any address
TIME_LIMIT_SECONDS: Final = 30.0
_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_MOST_READ: Final = 1024 * 1024  # after the first line; a program that says more is stopped


class ProgramSource:
    """One program with its arguments."""

    kept_seconds = 0.0  # what it says may depend on anything

    def __init__(
        self,
        flags: MapArguments,
        identity: Identity | None,
        *,
        behind_key: Sequence[str] = (),
        time_limit_seconds: float = TIME_LIMIT_SECONDS,
    ) -> None:
        """``behind_key`` are further arguments, for programs that want the key before them."""
        self._words = (flags.file, *flags.rest.split())
        self._behind_key = tuple(behind_key)
        self._identity = identity if os.geteuid() == 0 else None
        self._time_limit = time_limit_seconds

    async def find(self, key: str, arguments: Sequence[str]) -> MapAnswer:  # noqa: ARG002 - the port's
        """Run the program."""
        try:
            words = [word.encode("latin-1") for word in (*self._words, key, *self._behind_key)]
        except UnicodeEncodeError:
            return NOT_FOUND  # metasymbols
        if any(b"\0" in word for word in words):
            return NOT_FOUND  # no argument can hold it
        start = ProgramStart(
            words[0],
            words,
            {"PATH": _PATH, "LANG": "C", "AGENT": "sendmail"},
            identity=self._identity,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            program = await start_program(start)
        except OSError as error:
            reason = f"cannot run {self._words[0]}: {error.strerror or error}"
            return MapAnswer(MapStatus.TEMPORARY, reason=reason)
        return await self._judge(program)

    async def _judge(self, program: RunningProgram) -> MapAnswer:
        reason = f"{self._words[0]} said more than {_MOST_READ} octets"
        try:
            async with asyncio.timeout(self._time_limit):
                said = await _read_all(program.stdout)
                status = None if said is None else await program.wait()
        except TimeoutError:
            said, status = None, None
            reason = f"{self._words[0]} ran longer than {seconds_in_words(self._time_limit)}"
        finally:
            await program.kill()
            program.close()
        if said is None or status is None:
            return MapAnswer(MapStatus.TEMPORARY, reason=reason)
        return self._answer(said, status)

    def _answer(self, said: bytes, status: int) -> MapAnswer:
        if status < 0:
            return MapAnswer(MapStatus.TEMPORARY, reason=f"{self._words[0]} was ended by signal {-status}")
        if status == os.EX_TEMPFAIL:
            return MapAnswer(MapStatus.TEMPORARY, reason=f"{self._words[0]} exited with {status}")
        if status != 0 or not said:
            return MapAnswer(MapStatus.NOT_FOUND, code=status)
        line = said.partition(b"\n")[0].partition(b"\0")[0]
        if len(line) > MAX_LINE_OCTETS:
            return MapAnswer(MapStatus.TEMPORARY, reason=f"{self._words[0]} said a line of {len(line)} octets")
        return MapAnswer(MapStatus.FOUND, line.decode("latin-1"))


async def _read_all(stream: asyncio.StreamReader) -> bytes | None:
    """Return the beginning of what a program says, once it has said all; None when that is too much."""
    kept, octets = b"", 0
    while chunk := await stream.read(16 * 1024):
        octets += len(chunk)
        if octets > _MOST_READ:
            return None
        kept += chunk[: 2 * MAX_LINE_OCTETS - len(kept)]
    return kept
