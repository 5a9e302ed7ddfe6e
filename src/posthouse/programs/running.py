"""A program that has been started: feed it, wait for it, and end it with all that it started itself."""

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final

_TERMINATION_SECONDS: Final = 2.0  # between "please end" and the kill


class RunningProgram:
    """One program.  The rule: it stays a zombie until it is ended here, so that its number is nobody else's.

    ``stdout`` gives its output; ``stdin`` takes its input, and is None when it has none from us.
    """

    stdout: asyncio.StreamReader
    stdin: asyncio.StreamWriter | None = None

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._exit: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._exit_descriptor: int | None = None
        self._reading: asyncio.BaseTransport | None = None

    async def connect(self) -> None:
        """Join its pipes and its exit to the event loop.  Raises OSError."""
        loop = asyncio.get_running_loop()
        self._exit_descriptor = os.pidfd_open(self._process.pid)
        loop.add_reader(self._exit_descriptor, self._exited)
        self.stdout = asyncio.StreamReader()
        self._reading, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(self.stdout), self._process.stdout
        )
        if self._process.stdin is not None:
            writing, protocol = await loop.connect_write_pipe(
                lambda: asyncio.StreamReaderProtocol(asyncio.StreamReader()), self._process.stdin
            )
            self.stdin = asyncio.StreamWriter(writing, protocol, None, loop)

    async def wait(self) -> int:
        """Return its exit status, or the number of the signal that ended it, negative."""
        return await asyncio.shield(self._exit)

    async def feed(self, chunks: AsyncIterator[bytes]) -> None:
        """Write the text, no faster than it is read.  A program may end without reading all of it: its exit decides."""
        if self.stdin is None:
            raise RuntimeError("a program without input is fed")
        with suppress(BrokenPipeError, ConnectionResetError):
            async for chunk in chunks:
                await self.write(chunk)
        self.stdin.close()
        with suppress(BrokenPipeError, ConnectionResetError):
            await self.stdin.wait_closed()

    async def write(self, octets: bytes) -> None:
        """Write a piece.  Raises BrokenPipeError, ConnectionResetError."""
        if self.stdin is None or self.stdin.is_closing():  # uvloop takes a write now for a mistake of the caller's
            raise BrokenPipeError
        self.stdin.write(octets)
        await self.stdin.drain()

    def no_more(self) -> None:
        """End its input."""
        if self.stdin is not None:
            self.stdin.close()

    async def end(self) -> None:
        """Stop its whole group if it still runs: first politely, then for good.  What it left behind stays."""
        if not self._exit.done():
            self._signal_group(signal.SIGTERM)
            with suppress(TimeoutError):
                async with asyncio.timeout(_TERMINATION_SECONDS):
                    await self.wait()
            self._signal_group(signal.SIGKILL)
            await self.wait()
        self._process.wait()

    async def kill(self) -> None:
        """Stop whoever of its group still runs, at once."""
        self._signal_group(signal.SIGKILL)
        await self.wait()
        self._process.wait()

    def close(self) -> None:
        """Let go of its pipes, whoever else holds them."""
        self.no_more()
        if self._reading is not None:
            self._reading.close()

    def abandon(self) -> None:
        """Stop what could not be joined to the event loop."""
        self._signal_group(signal.SIGKILL)
        self._process.wait()
        self._forget_exit()
        self.close()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def _exited(self) -> None:
        self._forget_exit()
        ended = os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
        if ended is None:
            raise RuntimeError("a program has ended and has no status")
        self._exit.set_result(ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status)

    def _forget_exit(self) -> None:
        if self._exit_descriptor is not None:
            asyncio.get_running_loop().remove_reader(self._exit_descriptor)
            os.close(self._exit_descriptor)
            self._exit_descriptor = None

    def _signal_group(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)
