"""One smtpd process: accept until told otherwise, then leave in one of two ways.

``retire`` is for a reload: sessions end when their clients end them.  ``stop`` is for the end of
the service: idle sessions get 421 at once, running transactions have a while.  Neither drops what was promised.
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from posthouse.smtpd.listener import Listening, open_servers
from posthouse.smtpd.pickup import PickupRounds
from posthouse.smtpd.service import Service

_LAST_WORDS = timedelta(seconds=1)  # for the 421 of sessions that were cut short


class SmtpdWorker:
    """Serves the given sockets, and takes in what was dropped if it is the one to do that."""

    def __init__(self, service: Service, listening: Sequence[Listening], pickup: PickupRounds | None = None) -> None:
        self._service = service
        self._listening = listening
        self._pickup = pickup
        self._servers: list[asyncio.Server] = []
        self._left = asyncio.Event()

    async def start(self) -> None:
        """Begin to accept."""
        self._servers = await open_servers(self._service, self._listening)
        if self._pickup is not None:
            self._pickup.start()

    async def serve(self) -> None:
        """Return when this worker has retired or stopped."""
        await self._left.wait()

    async def retire(self) -> None:
        """Accept nothing more and return when the last session has ended by itself."""
        self._stop_accepting()
        if self._pickup is not None:
            await self._pickup.leave()
        await self._service.idle.wait()
        await self._settle()

    async def stop(self, within: timedelta) -> None:
        """End every session: idle ones now, transactions when they are over or ``within`` has passed."""
        self._stop_accepting()
        for connection in list(self._service.connections):
            connection.shut_down()
        if not await self._idle(within):
            for connection in list(self._service.connections):
                connection.cut_short()
            if not await self._idle(_LAST_WORDS):
                for connection in list(self._service.connections):
                    connection.abort()
        if self._pickup is not None:
            await self._pickup.leave(_LAST_WORDS)
        await self._settle()

    def _stop_accepting(self) -> None:
        if self._pickup is not None:
            self._pickup.finish()
        for server in self._servers:
            server.close()
        self._servers = []

    async def _idle(self, within: timedelta) -> bool:
        try:
            await asyncio.wait_for(self._service.idle.wait(), within.total_seconds())
        except TimeoutError:
            return False
        return True

    async def _settle(self) -> None:
        """Wait for what was still being written or abandoned."""
        if self._service.tasks:
            await asyncio.wait(set(self._service.tasks), timeout=_LAST_WORDS.total_seconds())
        self._left.set()
