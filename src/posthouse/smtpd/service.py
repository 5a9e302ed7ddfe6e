"""What every connection of one worker shares."""

import asyncio
import traceback
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from posthouse.mail import events
from posthouse.mail.limits import Limits, Timeouts
from posthouse.ports import EventLog, Meter
from posthouse.smtpd.admission import Admission
from posthouse.submit.intake import Intake

if TYPE_CHECKING:
    from posthouse.smtpd.connection import Connection


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

    def add(self, connection: "Connection") -> None:
        """Take a connection in."""
        self.connections.add(connection)
        self.idle.clear()

    def remove(self, connection: "Connection") -> None:
        """Forget a connection whose transport is gone and whose transaction is over."""
        self.connections.discard(connection)
        if not self.connections:
            self.idle.set()
