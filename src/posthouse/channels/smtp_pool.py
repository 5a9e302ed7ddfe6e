"""Idle connections, kept for the next message to the same next hop.

Bounded in number and in time; a connection that the peer closes or speaks on
while it is idle leaves at once, so that what is taken was alive a moment ago.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from datetime import timedelta

from posthouse.channels.next_hop import NextHop
from posthouse.channels.smtp_connection import Connection


class IdleConnections:
    """Connections by next hop, the one used last taken first."""

    def __init__(self, most: int, idle: timedelta, changed: Callable[[int], None] = lambda _count: None) -> None:
        """``changed`` is told how many are idle."""
        self._most = most
        self._idle = idle
        self._changed = changed
        self._kept: OrderedDict[Connection, tuple[NextHop, asyncio.TimerHandle]] = OrderedDict()  # oldest first
        self._by_hop: dict[NextHop, list[Connection]] = {}
        self._leaving: set[asyncio.Future[None]] = set()
        self._closed = False

    def take(self, hop: NextHop) -> Connection | None:
        """Return a usable connection, or None."""
        while connections := self._by_hop.get(hop):
            connection = connections[-1]
            self._forget(connection)
            if connection.is_usable:
                return connection
            self._dismiss(connection)
        return None

    def put(self, hop: NextHop, connection: Connection) -> None:
        """Keep a usable connection for a while; the oldest makes room."""
        if self._closed or self._most <= 0:
            self._dismiss(connection)
            return
        while len(self._kept) >= self._most:
            self._end(next(iter(self._kept)))
        timer = asyncio.get_running_loop().call_later(self._idle.total_seconds(), self._end, connection)
        self._kept[connection] = (hop, timer)
        self._by_hop.setdefault(hop, []).append(connection)
        connection.on_disturbed = lambda: self._end(connection)
        self._changed(len(self._kept))

    def dismiss(self, connection: Connection) -> None:
        """End a connection that is not kept."""
        self._dismiss(connection)

    async def close(self) -> None:
        """End all idle connections; those that come back later end at once."""
        self._closed = True
        for connection in tuple(self._kept):
            self._end(connection)
        if self._leaving:
            await asyncio.wait(self._leaving)  # each has the time of a QUIT

    def _end(self, connection: Connection) -> None:
        self._forget(connection)
        self._dismiss(connection)

    def _dismiss(self, connection: Connection) -> None:
        if not connection.ended.done():
            self._leaving.add(connection.ended)
            connection.ended.add_done_callback(self._leaving.discard)
        connection.dismiss()

    def _forget(self, connection: Connection) -> None:
        connection.on_disturbed = None
        kept = self._kept.pop(connection, None)
        if kept is None:
            return
        hop, timer = kept
        timer.cancel()
        self._changed(len(self._kept))
        connections = self._by_hop[hop]
        connections.remove(connection)
        if not connections:
            del self._by_hop[hop]
