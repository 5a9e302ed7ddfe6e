"""A program that is given a text and says by its exit how it went."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from msgspec import Struct

from posthouse.programs.running import RunningProgram

_LAST_WORDS_SECONDS: Final = 1.0  # output of a child that outlives its parent is not waited for
_CHUNK: Final = 16 * 1024


class Finished(Struct, frozen=True):
    """How a program ended.  ``status`` is negative for a signal, None for one that took too long and was stopped."""

    status: int | None
    said: bytes  # the beginning of its output


async def run_to_end(program: RunningProgram, text: AsyncIterator[bytes], seconds: float, most_octets: int) -> Finished:
    """Feed a program, wait for its exit, and end it in any case; ``most_octets`` of its output are kept."""
    output = _Output(program.stdout, most_octets)
    reading = asyncio.create_task(output.read())
    status: int | None
    try:
        async with asyncio.timeout(seconds):
            await program.feed(text)
            status = await program.wait()
    except TimeoutError:
        status = None
    finally:
        await program.end()
        await asyncio.wait([reading], timeout=_LAST_WORDS_SECONDS)
        reading.cancel()
        program.close()
    return Finished(status, output.kept)


class _Output:
    """Keeps the beginning of what a program says, and reads the rest so that it never waits for us."""

    def __init__(self, stream: asyncio.StreamReader, most_octets: int) -> None:
        self.kept = b""
        self._stream = stream
        self._most = most_octets

    async def read(self) -> None:
        while chunk := await self._stream.read(_CHUNK):
            self.kept += chunk[: self._most - len(self.kept)]
