"""What every connection of one worker shares."""

import asyncio
import traceback
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from posthouse.mail import events
from posthouse.mail.limits import Limits, Timeouts
from posthouse.mail.reply import Reply
from posthouse.ports import EventLog, Meter
from posthouse.smtpd.admission import Admission
from posthouse.submit.intake import Intake

if TYPE_CHECKING:
    from collections.abc import Callable

    from posthouse.smtp.server import ServerSession
    from posthouse.smtpd.connection import Connection
    from posthouse.smtpd.gate import Gate
    from posthouse.submit.client import Client, Welcome
    from posthouse.submit.sendmail.queue_start import QueueStarts


class Reception(Protocol):
    """One client of a site that wants to know who connects, until it is greeted."""

    @property
    def session(self) -> "ServerSession":
        """How it is spoken to."""

    async def welcome(self) -> "Welcome":
        """Find out who it is, and tell the session."""


@dataclass(slots=True)
class Service:
    """One worker's view of the world, and the connections that it has."""

    name: str  # the site's name, for greetings
    limits: Limits
    timeouts: Timeouts
    intake: Intake
    log: EventLog
    meter: Meter
    admission: Admission
    receive: "Callable[[Client], Reception] | None" = None  # clients from the network; None: greeted at once
    queue_starts: "QueueStarts | None" = None  # who answers ETRN
    gate: "Gate | None" = None  # of sites that limit by load or rate
    connections: "set[Connection]" = field(default_factory=set)
    tasks: "set[asyncio.Task[None]]" = field(default_factory=set)  # asyncio itself keeps no task alive
    idle: asyncio.Event = field(default_factory=asyncio.Event)  # set while there are no connections

    command_seconds: float = field(init=False)
    text_seconds: float = field(init=False)
    session_seconds: float = field(init=False)

    def __post_init__(self) -> None:
        self.idle.set()
        self.command_seconds = self.timeouts.command.total_seconds()
        self.text_seconds = self.timeouts.text.total_seconds()
        self.session_seconds = self.timeouts.session.total_seconds()

    def log_trouble(self, client: str, error: BaseException) -> None:
        """Log what nobody expected, with its traceback."""
        self.log.event(
            events.TROUBLE,
            client=client,
            error=f"{type(error).__name__}: {error}",
            traceback="".join(traceback.format_exception(error)),
        )

    def log_connected(self, client: str, port: int) -> None:
        """Log that a client was admitted; 0 for one without a port."""
        self.log.event(events.CONNECTED, client=client, port=port or None)
        self.meter.count("smtpd_sessions_total")

    def log_turned_away(self, client: str, reply: Reply) -> None:
        """Log a connection that was refused as such."""
        self.log_refusal(client, "(connect)", reply)
        self.meter.count("smtpd_refused_connections_total")

    def log_refusal(self, client: str, command: str, reply: Reply, **known: object) -> None:
        """Log what submit never heard of.  ``command`` comes from a small set: it is counted by name."""
        self.log.event(events.REFUSED, client=client, command=command, reply=str(reply), **known)
        self.meter.count("refused_total", command=command, code=str(reply.code))

    def add(self, connection: "Connection") -> None:
        """Take a connection in."""
        self.connections.add(connection)
        self.idle.clear()

    def remove(self, connection: "Connection") -> None:
        """Forget a connection whose transport is gone and whose transaction is over."""
        self.connections.discard(connection)
        if not self.connections:
            self.idle.set()
