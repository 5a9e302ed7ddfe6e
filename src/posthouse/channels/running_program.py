"""A program that a channel has started: feed it, and end it with all that it started itself."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import suppress

_TERMINATION_SECONDS = 2.0  # between "please end" and the kill


async def feed_program(process: asyncio.subprocess.Process, chunks: AsyncIterator[bytes]) -> None:
    """Write the text, no faster than it is read.  A program may end without reading everything: its exit decides."""
    stdin = process.stdin
    if stdin is None:
        return
    with suppress(BrokenPipeError, ConnectionResetError):
        async for chunk in chunks:
            await write_to_program(stdin, chunk)
    stdin.close()
    with suppress(BrokenPipeError, ConnectionResetError):
        await stdin.wait_closed()


async def write_to_program(stdin: asyncio.StreamWriter, octets: bytes) -> None:
    """Write a piece.  Raises BrokenPipeError, ConnectionResetError."""
    if stdin.is_closing():  # uvloop refuses to write to a pipe whose reader is gone, as a mistake of the caller's
        raise BrokenPipeError
    stdin.write(octets)
    await stdin.drain()


async def end_program(process: asyncio.subprocess.Process) -> None:
    """Stop the program's whole group if it still runs: first politely, then for good."""
    if process.returncode is not None:
        return
    _signal_group(process.pid, signal.SIGTERM)
    with suppress(TimeoutError):
        async with asyncio.timeout(_TERMINATION_SECONDS):
            await process.wait()
    _signal_group(process.pid, signal.SIGKILL)
    await process.wait()


def _signal_group(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
