"""Turn declared listeners with their inherited sockets into servers."""

import asyncio
import socket
from collections.abc import Callable, Sequence

from posthouse.site.model import Listener
from posthouse.smtpd.admission import Relaying
from posthouse.smtpd.connection import Connection
from posthouse.smtpd.gate import Gate, GatedConnection
from posthouse.smtpd.service import Service

Listening = tuple[Listener, socket.socket]
_BACKLOG = 1024


async def open_servers(service: Service, listening: Sequence[Listening]) -> list[asyncio.Server]:
    """Start accepting on every socket."""
    loop = asyncio.get_running_loop()
    return [await _open(loop, service, listener, bound) for listener, bound in listening]


async def _open(
    loop: asyncio.AbstractEventLoop, service: Service, listener: Listener, bound: socket.socket
) -> asyncio.Server:
    relaying = Relaying(listener.relay_from, listener.address)

    def factory() -> Connection:
        return Connection(service, relaying, loop)

    if bound.family == socket.AF_UNIX:
        return await loop.create_unix_server(factory, sock=bound, backlog=_BACKLOG)
    made = factory if service.gate is None else _behind(service.gate, service, relaying, loop)
    return await loop.create_server(made, sock=bound, backlog=_BACKLOG)


def _behind(
    gate: Gate, service: Service, relaying: Relaying, loop: asyncio.AbstractEventLoop
) -> Callable[[], Connection]:
    return lambda: GatedConnection(service, relaying, loop).pass_through(gate)
