"""An smtpd worker inside the test's event loop, on a real socket, with the spool in memory.

async def story():
    async with reception(limits=Limits(...)) as door:
        client = await door.connect()
        assert (await client.reply()).startswith(b"220")
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from posthouse.adapters.clock_system import SystemClock
from posthouse.adapters.event_log_memory import MemoryEventLog
from posthouse.adapters.meter_none import NoMeter
from posthouse.adapters.spool_memory import MemorySpool
from posthouse.mail.limits import Limits, Timeouts
from posthouse.mail.lookup import BUILTIN
from posthouse.site.model import (
    ChannelDeclaration,
    ChannelKind,
    Domain,
    DomainKind,
    Listener,
    RouteRule,
    Site,
    TableKind,
    TableSource,
)
from posthouse.smtpd.admission import Admission
from posthouse.smtpd.board import Board
from posthouse.smtpd.gate import Gate
from posthouse.smtpd.service import Service
from posthouse.smtpd.worker import SmtpdWorker
from posthouse.wiring.accepting import build_intake
from support.waiting import LONG


class Silent:
    """A wake-up hint that nobody hears."""

    def notify(self) -> None:
        """Do nothing."""


def small_site(home: Path, **changes: Any) -> Site:
    """A site with one local domain and one user."""
    people = TableSource("people", TableKind.INLINE, entries=(("joe", ("a person",), BUILTIN),))
    values: dict[str, Any] = {
        "name": "mx.example.org",
        "home": home,
        "file": home / "site.toml",
        "spool": home / "spool",
        "run": home / "run",
        "domains": {"example.org": Domain("example.org", DomainKind.LOCAL, users=("people",))},
        "channels": {
            "local": ChannelDeclaration("local", ChannelKind.LOCAL, mailbox=f"{home}/mail/{{user}}/"),
            "smtp": ChannelDeclaration("smtp", ChannelKind.SMTP),
        },
        "routes": (RouteRule("*", "smtp"),),
        "tables": {"people": people},
    }
    return Site(**{**values, **changes})


@dataclass
class Client:
    """One raw SMTP client."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def send(self, wire: bytes) -> None:
        self.writer.write(wire)

    async def reply(self) -> bytes:
        """Read one reply, multiline ones whole; b"" when the server has closed."""
        lines = b""
        while True:
            line = await asyncio.wait_for(self.reader.readline(), LONG)
            lines += line
            if line[3:4] != b"-":
                return lines

    async def ask(self, command: bytes) -> bytes:
        self.send(command + b"\r\n")
        return await self.reply()

    async def rest(self) -> bytes:
        """Read to the end of the connection."""
        return await asyncio.wait_for(self.reader.read(), LONG)

    async def leave(self) -> None:
        self.writer.close()
        try:
            await self.writer.wait_closed()
        except ConnectionError:
            return


@dataclass
class Door:
    """A worker and what it writes to."""

    worker: SmtpdWorker
    service: Service
    spool: MemorySpool
    log: MemoryEventLog
    address: Any
    clients: list[Client] = field(default_factory=list)

    async def connect(self) -> Client:
        opening = (
            asyncio.open_unix_connection(self.address)
            if isinstance(self.address, str)
            else asyncio.open_connection(*self.address)
        )
        client = Client(*await opening)
        self.clients.append(client)
        return client

    async def greeted(self, name: bytes = b"client.example") -> Client:
        """Connect and say EHLO."""
        client = await self.connect()
        assert (await client.reply()).startswith(b"220 mx.example.org")
        assert (await client.ask(b"EHLO " + name)).startswith(b"250")
        return client

    async def gone(self) -> None:
        """Wait until the worker has forgotten every connection."""
        await asyncio.wait_for(self.service.idle.wait(), LONG)


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop run until the condition holds."""
    async with asyncio.timeout(LONG):
        while not condition():  # noqa: ASYNC110 - what is awaited has no event of its own
            await asyncio.sleep(0.001)


@asynccontextmanager
async def reception(
    home: Path,
    *,
    limits: Limits | None = None,
    timeouts: Timeouts | None = None,
    relay_from: tuple[str, ...] = (),
    unix: bool = False,
    spool: Any = None,
    gate: Gate | None = None,
    **site_changes: Any,
) -> AsyncIterator[Door]:
    """Serve until the block ends."""
    site = small_site(home, limits=limits or Limits(), timeouts=timeouts or Timeouts(), **site_changes)
    log, spool, bound = MemoryEventLog(), spool or MemorySpool(), _bind(home, unix=unix)
    intake = build_intake(site, spool, clock=SystemClock(), log=log, meter=NoMeter(), wakeup=Silent())
    service = Service(
        site.name, site.limits, site.timeouts, intake, log, NoMeter(), Admission(site.limits, Board(1).seat(0))
    )
    service.gate = gate
    listener = Listener("test", tuple(ip_network(network) for network in relay_from))
    worker = SmtpdWorker(service, [(listener, bound)])
    await worker.start()
    door = Door(worker, service, spool, log, bound.getsockname())
    try:
        yield door
    finally:
        for client in door.clients:
            await client.leave()
        await worker.stop(timedelta(seconds=0))


def _bind(home: Path, *, unix: bool) -> socket.socket:
    bound = socket.socket(socket.AF_UNIX if unix else socket.AF_INET, socket.SOCK_STREAM)
    bound.bind(str(home / "door.sock") if unix else ("127.0.0.1", 0))
    bound.listen(16)
    bound.setblocking(False)
    return bound
