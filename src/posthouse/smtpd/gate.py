"""What a busy machine does to network clients: it refuses them, or answers later.

The rule: only sites that limit by load have a gate; for any other a connection costs nothing more.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Final, cast

from posthouse.mail.reply import Reply, reply
from posthouse.ports import LoadAverage
from posthouse.scheduling.load import DELAY_SECONDS, LoadLimits, RateThrottle
from posthouse.smtp.sendmail_session import SendmailSession
from posthouse.smtp.server_states import State
from posthouse.smtpd.admission import TOO_MANY
from posthouse.smtpd.connection import Connection
from posthouse.smtpd.peer import identify

BUSY: Final = reply(421, "4.3.2", "The load of this host is too high, try again later")


class Gate:
    """The limits of one worker.  ``throttle`` is its part of the rate of connections."""

    def __init__(self, limits: LoadLimits, load: LoadAverage, throttle: RateThrottle | None) -> None:
        self._limits = limits
        self._load = load
        self._throttle = throttle

    def refusal(self) -> Reply | None:
        """Return the answer to a new connection that is not served."""
        return BUSY if self._limits.refuses(self._load.now()) else None

    def wait(self, now: float) -> float | None:
        """Return how many seconds a new connection waits for its greeting; None when too many wait already."""
        return 0.0 if self._throttle is None else self._throttle.wait(now)

    def delay(self, refused: int) -> float:
        """Return how many seconds a command waits for its answer, of a client with so many refused recipients."""
        is_guessing = 0 < self._limits.refused_recipients <= refused
        return DELAY_SECONDS if is_guessing or self._limits.delays(self._load.now()) else 0.0


class GatedConnection(Connection):
    """A connection that is let in, and heard, as the gate has it.

    While something waits nothing is read, so that the end of the input comes behind it.
    """

    _gate: Gate
    _waiting: asyncio.TimerHandle | None = None
    _is_let_in = False

    def pass_through(self, gate: Gate) -> "GatedConnection":
        """Put the connection behind a gate, and return it."""
        self._gate = gate
        return self

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Refuse, or greet at once or later."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass of it
        refusal = self._gate.refusal()
        seconds = self._gate.wait(self._loop.time()) if refusal is None else None
        if seconds is None:
            self._turn_away(refusal or TOO_MANY)
        else:
            self._after(seconds, partial(self._let_in, transport))

    def data_received(self, data: bytes) -> None:
        """Take commands, at once or later, and text at once."""
        if self._is_let_in:
            session = self._session
            refused = session.refused_recipients if isinstance(session, SendmailSession) else 0
            seconds = 0.0 if session.state is State.DATA else self._gate.delay(refused)
            self._after(seconds, partial(super().data_received, data))

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget what waits."""
        if self._waiting is not None:
            self._waiting.cancel()
        if self._is_let_in:
            super().connection_lost(exc)

    def _turn_away(self, refusal: Reply) -> None:
        self._service.log_turned_away(str(identify(self._transport)), refusal)
        self._transport.write(f"{refusal}\r\n".encode("ascii"))
        self._transport.close()

    def _let_in(self, transport: asyncio.BaseTransport) -> None:
        self._is_let_in = True
        super().connection_made(transport)

    def _after(self, seconds: float, do: Callable[[], None]) -> None:
        if not seconds:
            do()
            return

        def go_on() -> None:
            self._waiting = None
            if not self._lost and not self._transport.is_closing():
                if self._reading:  # else it is the connection that has paused
                    self._transport.resume_reading()
                do()

        self._transport.pause_reading()
        self._waiting = self._loop.call_later(seconds, go_on)
