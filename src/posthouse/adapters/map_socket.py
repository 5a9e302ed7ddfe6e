"""The map class socket: a server that speaks the socketmap protocol, asked over one connection at a time.

``local:/path`` (or ``unix:``) and ``inet:port@host`` (or ``inet6:``) say where it is; ``-d`` how long it may take, 30
seconds unless it says otherwise.  The connection is kept.  A server that had closed it while nobody asked is
connected to once more; any other trouble defers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from msgspec import Struct

from posthouse.adapters.map_flagged import NOT_FOUND
from posthouse.mail.errors import MalformedError
from posthouse.mail.lookup import MapAnswer, MapStatus
from posthouse.mail.map_arguments import MapArguments, fold_octets
from posthouse.mail.wording import seconds_in_words
from posthouse.tables.socketmap import MAX_LENGTH_DIGITS, question, read_answer, read_length

PATIENCE_SECONDS: Final = 30.0


class Place(Struct, frozen=True):
    """Where a server listens: a path, or a host and a port."""

    path: str = ""
    host: str = ""
    port: int = 0

    def __str__(self) -> str:
        return self.path or f"{self.host}:{self.port}"


def read_place(text: str) -> Place:
    """Read ``local:/path`` or ``inet:port@host``.  Raises MalformedError."""
    protocol, colon, rest = text.partition(":")
    if not colon:
        protocol, rest = "local", text
    match protocol.lower():
        case "local" | "unix" | "":
            if len(rest) < 108 and rest.startswith("/"):  # sun_path of unix(7)
                return Place(path=rest)
            raise MalformedError(f"{rest!r} is no path of a socket")
        case "inet" | "inet6":
            port, at, host = rest.partition("@")
            if at and host and port.isascii() and port.isdigit() and len(port) < 6 and 0 < int(port) < 65536:
                return Place(host=host.strip("[]"), port=int(port))
            raise MalformedError(f"{rest!r} is not port@host")
    raise MalformedError(f"{protocol!r} is neither local nor inet")


class _Connection(Struct):
    """An open connection, and the loop that it belongs to."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    loop: asyncio.AbstractEventLoop


class SocketSource:
    """One server.  Questions wait for each other."""

    kept_seconds = 0.0  # the server may count its questions

    def __init__(self, name: str, place: Place, flags: MapArguments, patience_seconds: float) -> None:
        self._name = name
        self._place = place
        self._keeps_case = flags.keeps_case
        self._patience = patience_seconds
        self._connection: _Connection | None = None
        self._turn: tuple[asyncio.AbstractEventLoop, asyncio.Lock] | None = None

    async def find(self, key: str, arguments: Sequence[str]) -> MapAnswer:  # noqa: ARG002 - the port's
        """Ask the server."""
        try:
            wire = question(self._name, (key if self._keeps_case else fold_octets(key)).encode("latin-1"))
        except UnicodeEncodeError:
            return NOT_FOUND  # metasymbols
        reason = ""
        try:
            async with asyncio.timeout(self._patience), self._lock():
                return await self._ask(wire)
        except TimeoutError:
            reason = f"no answer from {self._place} within {seconds_in_words(self._patience)}"
        except EOFError:
            reason = f"{self._place} closed the connection instead of answering"
        except MalformedError as error:
            reason = f"{self._place} sent {error}"
        except OSError as error:
            reason = f"cannot ask {self._place}: {error.strerror or error}"
        self.close()
        return MapAnswer(MapStatus.TEMPORARY, reason=reason)

    async def _ask(self, wire: bytes) -> MapAnswer:
        kept = self._kept()
        if kept is not None:
            # The server may have closed it since: then nothing has been answered, and asking again is harmless.
            with suppress(EOFError, ConnectionError):
                return await _exchange(kept, wire)
            self.close()
        return await _exchange(await self._connect(), wire)

    async def _connect(self) -> _Connection:
        opened = (
            asyncio.open_unix_connection(self._place.path)
            if self._place.path
            else asyncio.open_connection(self._place.host, self._place.port)
        )
        reader, writer = await opened
        self._connection = _Connection(reader, writer, asyncio.get_running_loop())
        return self._connection

    def _kept(self) -> _Connection | None:
        kept = self._connection
        if kept is None or kept.loop is not asyncio.get_running_loop() or kept.reader.at_eof():
            self.close()
            return None
        return kept

    def close(self) -> None:
        """Let go of the connection."""
        kept, self._connection = self._connection, None
        if kept is not None and not kept.loop.is_closed():
            kept.writer.transport.abort()

    def _lock(self) -> asyncio.Lock:
        """The lock of the running loop: locks cannot be shared between loops."""
        loop = asyncio.get_running_loop()
        if self._turn is None or self._turn[0] is not loop:
            self._turn = (loop, asyncio.Lock())
        return self._turn[1]


async def _exchange(connection: _Connection, wire: bytes) -> MapAnswer:
    """Send a question and read its answer.  Raises OSError, EOFError, MalformedError."""
    connection.writer.write(wire)
    await connection.writer.drain()
    digits = b""
    while (octet := await connection.reader.readexactly(1)) != b":":
        digits += octet
        if not octet.isdigit() or len(digits) > MAX_LENGTH_DIGITS:
            break
    content = await connection.reader.readexactly(read_length(digits) + 1)
    if content[-1:] != b",":
        raise MalformedError("an answer without its comma")
    return read_answer(content[:-1])
