"""One connection to a peer: the sockets' side of a client session.

The session decides what is said; this protocol sends it in as few writes as
possible, waits for each reply no longer than RFC 5321 section 4.5.3.2 allows,
and holds text back while the peer does not read.  A wait that is too long ends the
connection; a peer that drips octets without ever ending a line does not prolong it.
"""

import asyncio
import socket
import ssl
from collections import deque
from collections.abc import Callable
from datetime import timedelta
from typing import cast

from posthouse.channels.mail_exchangers import Target
from posthouse.mail.limits import Timeouts
from posthouse.mail.wording import seconds_in_words
from posthouse.ports import StoredText
from posthouse.smtp.client import Awaiting, ClientEvent, ClientSession
from posthouse.smtp.reply import ProtocolError


def reply_timeout(timeouts: Timeouts, awaiting: Awaiting | None) -> timedelta:
    """Return how long to wait for this reply.  RFC 5321 names no time for EHLO, STARTTLS and RSET."""
    match awaiting:
        case Awaiting.GREETING | Awaiting.HELLO | Awaiting.STARTTLS:
            return timeouts.greeting
        case Awaiting.RCPT:
            return timeouts.rcpt
        case Awaiting.DATA:
            return timeouts.data_command
        case Awaiting.TEXT_END:
            return timeouts.data_end
        case Awaiting.QUIT:
            return timeouts.quit
        case _:
            return timeouts.mail


class Connection(asyncio.Protocol):
    """A session on its transport.  ``trouble`` says why the connection ended, when we know."""

    def __init__(self, session: ClientSession, target: Target, timeouts: Timeouts) -> None:
        self.session = session
        self.target = target
        self.transactions = 0
        self.trouble = ""
        self.on_disturbed: Callable[[], None] | None = None  # called when something happens while idle
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._timeouts = timeouts
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._events: deque[ClientEvent] = deque()  # read from the session ahead of the channel
        self._lines_came = False
        self._paused = False
        self._lost = False

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport; replies and commands are small and must not wait for each other (Nagle)."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass of it
        connected = transport.get_extra_info("socket")
        if connected is not None and connected.family in {socket.AF_INET, socket.AF_INET6}:
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data: bytes) -> None:
        """Pass the peer's words on."""
        self.session.receive(data)
        self._lines_came = self._lines_came or b"\n" in data
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the session and whoever waits."""
        if exc is not None and not self.trouble:
            self.trouble = str(exc)
        self._lose()
        if not self.ended.done():
            self.ended.set_result(None)

    def pause_writing(self) -> None:
        """Note that the peer does not keep up."""
        self._paused = True

    def resume_writing(self) -> None:
        """Go on sending."""
        self._paused = False
        self._wake()

    # What the channel calls.

    @property
    def is_usable(self) -> bool:
        """May another transaction begin?"""
        return not self._lost and self._next_event() is None and self.session.is_idle

    async def event(self) -> ClientEvent:
        """Send what is to be sent and return what comes of it; never fails, but gives ConnectionLost."""
        while True:
            event = self._next_event()
            if event is not None:
                return event
            self._flush()
            await self._wait_for_reply()

    async def send_text(self, text: StoredText) -> None:
        """Send the whole text and the final dot, in one write when it is small.

        Stops when the peer breaks off; what it said is the next event.
        """
        async for chunk in text.chunks():
            # Flushed one chunk late, so that the last one travels together with the final dot.
            await self._flush_text()
            if not self.session.wants_text:
                return
            self.session.send_text(chunk)
        self._read_event()
        if self.session.wants_text:
            self.session.end_text()

    async def start_tls(self, context: ssl.SSLContext, server_name: str | None) -> None:
        """Do the handshake.  Raises OSError (ssl.SSLError is one) when it fails; the connection is then of no use."""
        if self._transport is None:
            raise ConnectionResetError("no connection")
        upgraded = await asyncio.get_running_loop().start_tls(
            self._transport,
            self,
            context,
            server_hostname=server_name,
            ssl_handshake_timeout=self._timeouts.connect.total_seconds(),
        )
        if upgraded is None:
            raise ConnectionResetError("connection lost during the TLS handshake")
        self._transport = upgraded
        self.session.tls_started()

    def dismiss(self) -> None:
        """Say QUIT if that is possible, and do not wait for it here."""
        if self._lost or self._transport is None:
            return
        transport = self._transport
        timer = asyncio.get_running_loop().call_later(self._timeouts.quit.total_seconds(), transport.abort)
        self.ended.add_done_callback(lambda _: timer.cancel())
        if not self.is_usable:
            transport.close()
            return
        self.session.quit()
        self._flush()
        self.on_disturbed = transport.close  # the answer to QUIT, whatever it is

    def abort(self) -> None:
        """End the connection at once; an unfinished text must not look finished."""
        if self._transport is not None:
            self._transport.abort()
        self._lose()

    # The waits.

    def _next_event(self) -> ClientEvent | None:
        if not self._events:
            self._read_event()
        return self._events.popleft() if self._events else None

    def _read_event(self) -> bool:
        try:
            event = self.session.next_event()
        except ProtocolError as error:
            self.trouble = f"the peer does not speak SMTP: {error}"
            self.abort()
            return False
        if event is not None:
            self._events.append(event)
        return event is not None

    async def _wait_for_reply(self) -> None:
        awaiting = self.session.awaiting
        patience = reply_timeout(self._timeouts, awaiting)
        what = awaiting.value if awaiting is not None else "reply"
        self._lines_came = False
        deadline = asyncio.get_running_loop().time() + patience.total_seconds()
        while not (self._lines_came or self._lost):
            await self._wait(deadline, f"no reply to {what} within {seconds_in_words(patience.total_seconds())}")

    async def _flush_text(self) -> None:
        self._flush()
        patience = self._timeouts.data_block.total_seconds()
        deadline = asyncio.get_running_loop().time() + patience
        self._read_event()
        while self._paused and self.session.wants_text:
            await self._wait(deadline, f"the peer took no text for {seconds_in_words(patience)}")
            self._read_event()  # it may break off with a reply

    async def _wait(self, deadline: float, trouble: str) -> None:
        loop = asyncio.get_running_loop()
        self._waiter = loop.create_future()
        timer = loop.call_at(deadline, self._give_up, trouble)
        try:
            await self._waiter
        finally:
            timer.cancel()
            self._waiter = None

    def _give_up(self, trouble: str) -> None:
        self.trouble = trouble
        self.abort()

    def _flush(self) -> None:
        outgoing = self.session.take_outgoing()
        if outgoing and self._transport is not None and not self._lost:
            self._transport.write(outgoing)

    def _lose(self) -> None:
        if not self._lost:
            self._lost = True
            # A reply that came together with the end of the connection still counts.
            while self._read_event():
                pass
            self.session.connection_lost()
            self._read_event()
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
        if self.on_disturbed is not None:
            self.on_disturbed()
