"""One client's connection: bytes between the socket and the session, questions between the session and submit.

The rules: the session decides, this module only carries; one question is under way at a time, and
while it is, nothing more is asked of the session; whatever ends the connection, its transaction is
finished or abandoned, exactly once.

Longer than 400 lines because it is one class, a method for every event, and its state is nobody else's.
"""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, cast

from posthouse.mail import events
from posthouse.mail.reply import Reply, reply
from posthouse.smtp.server import (
    CommandRefused,
    DataAsked,
    EndReason,
    ExpandAsked,
    HelloGiven,
    MailGiven,
    RcptGiven,
    ServerEvent,
    ServerSession,
    SessionEnded,
    State,
    TextChunk,
    TextEnded,
    TextRefused,
    TransactionReset,
    VerifyAsked,
)
from posthouse.smtp.server_events import QueueAsked
from posthouse.smtpd.admission import Peer, Relaying
from posthouse.smtpd.deadline import Deadline
from posthouse.smtpd.peer import arrival_of, client_of, identify
from posthouse.smtpd.service import Service
from posthouse.submit.client import Client, Welcome
from posthouse.submit.eager import start
from posthouse.submit.replies import queue_not_started
from posthouse.submit.transaction import Transaction

# Unread input beyond this stops reading while an answer is owed.  What one read may add
# (256 KiB in the event loops we use) bounds a connection's input at less than half a megabyte.
_MOST_BUFFERED_OCTETS = 128 * 1024
_LINGER_SECONDS = 5.0  # for the last reply to reach a peer that does not read
_SLICE_SECONDS = 0.02  # of one connection's work, before the others have their turn

_TROUBLE = reply(421, "4.3.0", "Local trouble, try again later")  # 421: the session ends with it
_STOPPING = reply(421, "4.3.2", "Service is going down, try again later")


class Connection(asyncio.Protocol):
    """Drives one ServerSession."""

    def __init__(self, service: Service, relaying: Relaying, loop: asyncio.AbstractEventLoop) -> None:
        self._service = service
        self._relaying = relaying
        self._loop = loop
        self._session = ServerSession(service.name, service.limits)
        self._deadline = Deadline(loop, service.session_seconds, self._timed_out)
        self._transport: asyncio.Transport
        self._peer = Peer()
        self._name = ""  # the peer's, for counts and the log
        self._client = Client()
        self._welcome: Welcome | None = None
        self._transaction: Transaction | None = None
        self._asking = False  # a coroutine of submit is under way
        self._done: Callable[[Any], None] = self._text_taken  # who hears its answer
        self._answer: Callable[[], None] | None = None  # an answer that came late, until the session is told
        self._pumping = False
        self._resting = False  # there is more to do after the others' turn
        self._choked = False  # the peer does not read our replies
        self._half_closed = False  # the peer sends nothing more but may read
        self._reading = True
        self._admitted = False
        self._ended = False  # the session is over
        self._lingers = False  # ... and the client is to read so before it is cut off
        self._parting = False  # it has been told; nothing more is said
        self._lost = False  # the transport is gone

    # What the event loop tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet, or refuse a connection too many."""
        self._transport = cast("asyncio.Transport", transport)
        self._peer = identify(transport)
        self._name = str(self._peer)
        self._service.add(self)
        refusal = self._service.admission.enter(self._name)
        if refusal is not None:
            self._refuse(refusal)
            return
        self._admitted = True
        self._service.log_connected(self._name, self._peer.port)
        self._renew()
        if self._service.receive is not None and self._peer.address:
            reception = self._service.receive(arrival_of(self._peer, transport, self._relaying.listener))
            self._session = reception.session
            self._ask(reception.welcome(), self._welcomed)
        else:
            self._session.greet()
        self._pump()

    def data_received(self, data: bytes) -> None:
        """Take input."""
        if self._ended:
            return
        self._session.receive(data)
        if self._session.state is State.DATA:
            # Also for a text that is already known to be refused: its client is told at the end.
            self._renew()
        self._pump()

    def eof_received(self) -> bool:
        """Answer what has been asked before the client closed its half, then end."""
        self._half_closed = True
        self._pump()
        return True  # we close the transport ourselves

    def pause_writing(self) -> None:
        """Stop taking commands from a peer that does not read the replies."""
        self._choked = True
        self._regulate()

    def resume_writing(self) -> None:
        """Go on."""
        self._choked = False
        self._pump()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - why does not matter to mail
        """Finish or abandon; RFC 5321 section 4.1.1.10: a lost connection is no QUIT, the transaction is void."""
        self._lost = True
        self._deadline.cancel()
        if self._admitted:
            self._service.admission.leave(self._name)
            self._admitted = False
        if not self._ended:
            self._session.connection_lost()
            self._over(EndReason.LOST)
        self._leave_service()

    # What the worker tells.

    def shut_down(self) -> None:
        """Answer 421 4.3.2 as soon as no transaction runs."""
        if not self._ended:
            self._session.shutdown()
            self._pump()

    def cut_short(self) -> None:
        """Answer 421 4.3.2 now, whatever runs."""
        if not self._ended:
            self._session.end(_STOPPING, EndReason.SHUTDOWN)
            self._over(EndReason.SHUTDOWN)
            self._flush()

    def abort(self) -> None:
        """Drop the connection without a word."""
        if not self._lost:
            self._transport.abort()

    # The pump.

    def _pump(self) -> None:
        """Carry events until the session needs input or an answer, then send what is due."""
        if self._pumping:
            return
        self._pumping = True
        try:
            self._work()
        except Exception as error:  # noqa: BLE001 - the one wide catch around a session
            self._trouble(error)
        finally:
            self._pumping = False
        if self._half_closed and not (self._ended or self._asking or self._choked or self._resting):
            self._say()  # what was asked before is answered all the same, the 250 to a final dot above all
            self._session.connection_lost()
            self._over(EndReason.LOST)
        self._flush()
        if self._asking or self._choked or self._resting or not self._reading:
            self._regulate()

    def _work(self) -> None:
        """Carry what there is, but no longer than a slice: a thousand costly recipients come in one packet."""
        end = self._loop.time() + _SLICE_SECONDS
        carried = False
        while not self._resting and self._step():
            carried = True
            if self._loop.time() > end:
                self._resting = True
                self._loop.call_soon(self._rested)
        if carried and not self._ended:
            self._renew()

    def _rested(self) -> None:
        self._resting = False
        self._pump()

    def _step(self) -> bool:
        """Carry one answer or one event; return whether there may be more."""
        if self._ended:
            self._answer = None
            return False
        if self._answer is not None:
            answer, self._answer = self._answer, None
            answer()
            return True
        if self._asking or self._choked:
            return False
        event = self._session.next_event()
        if event is None:
            return False
        _CARRY[type(event)](self, event)
        return True

    def _say(self) -> None:
        outgoing = self._session.take_outgoing()
        if outgoing and not self._lost:
            self._transport.write(outgoing)

    def _flush(self) -> None:
        self._say()
        if self._ended and not self._lost:
            self._close()

    def _regulate(self) -> None:
        """Read only what can be used: back-pressure towards the client."""
        if self._lost or self._ended:
            return
        is_busy = self._asking or self._resting
        wanted = not self._choked and not (is_busy and self._session.buffered_octets > _MOST_BUFFERED_OCTETS)
        if wanted and not self._reading:
            self._transport.resume_reading()
        elif self._reading and not wanted:
            self._transport.pause_reading()
        self._reading = wanted

    def _ask(self, coroutine: Coroutine[Any, Any, Any], done: Callable[[Any], None]) -> None:
        """Put a question to submit; ``done`` hears the answer before anything else is asked."""
        self._asking = True
        self._done = done
        start(coroutine, self._answered, self._spawn)

    def _answered(self, result: object, error: BaseException | None) -> None:
        self._asking = False
        if self._pumping and error is None and not self._ended:  # nobody had to wait: the pump goes on by itself
            self._done(result)
            return
        if error is None:
            self._answer = partial(self._done, result)
        else:
            self._trouble(error)
        if self._ended:
            self._abandon()
            self._leave_service()
        self._pump()

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(coroutine)
        self._service.tasks.add(task)
        task.add_done_callback(self._service.tasks.discard)

    # One method per event.

    def _welcomed(self, welcome: Welcome) -> None:
        self._welcome = welcome
        if self._session.state is not State.CLOSED:
            self._session.greet()

    def _hello(self, event: HelloGiven) -> None:
        may_relay = self._relaying.allows(self._peer)
        self._client = client_of(self._peer, event.name, esmtp=event.esmtp, may_relay=may_relay, welcome=self._welcome)

    def _mail(self, event: MailGiven) -> None:
        transaction = self._transaction = self._service.intake.begin(self._client)
        answer = transaction.sender_now(event.path, event.parameters)
        if answer is None:
            self._ask(transaction.sender(event.path, event.parameters), self._begun)
        else:
            self._begun(answer)

    def _begun(self, answer: Reply) -> None:
        self._session.answer(answer)
        if not answer.is_positive:
            self._abandon()

    def _rcpt(self, event: RcptGiven) -> None:
        transaction = self._running()
        answer = transaction.recipient_now(event.path, event.parameters)
        if answer is not None:
            self._session.answer(answer)
        else:
            self._ask(transaction.recipient(event.path, event.parameters), self._session.answer)

    def _data(self, _event: DataAsked) -> None:
        transaction = self._running()
        answer = transaction.start_text_now()
        if answer is None:
            self._ask(transaction.start_text(), self._begun)
        else:
            self._begun(answer)

    def _text(self, event: TextChunk) -> None:
        self._ask(self._running().write(event.text), self._text_taken)

    def _text_taken(self, _nothing: None) -> None:
        """Nothing is answered to a piece of text."""

    def _text_ended(self, event: TextEnded) -> None:
        self._ask(self._running().finish(event.last), self._finished)

    def _finished(self, answer: Reply) -> None:
        self._session.answer(answer)
        if answer.is_positive:
            self._transaction = None  # it is the spool's now
        else:
            self._abandon()

    def _text_refused(self, event: TextRefused) -> None:
        self._running().text_refused(event.reply)
        self._abandon()

    def _void(self, _event: TransactionReset) -> None:
        self._abandon()

    def _command_refused(self, event: CommandRefused) -> None:
        known = {"helo": self._client.name or None, "argument": event.argument or None}
        self._service.log_refusal(self._name, event.command, event.reply, **known)

    def _verify(self, event: VerifyAsked) -> None:
        self._ask(self._service.intake.verify(event.argument, self._client), self._session.answer)

    def _expand(self, event: ExpandAsked) -> None:
        self._ask(self._service.intake.expand(event.argument, self._client), self._session.answer)

    def _queue_asked(self, event: QueueAsked) -> None:
        starts = self._service.queue_starts
        if starts is None:
            self._session.answer(queue_not_started(event.node))
        else:
            self._ask(starts.start(event.node, self._client), self._session.answer)

    def _session_ended(self, event: SessionEnded) -> None:
        self._over(event.reason)

    # Endings.

    def _running(self) -> Transaction:
        if self._transaction is None:
            raise RuntimeError("the session went on with a transaction that is over")
        return self._transaction

    def _renew(self) -> None:
        service = self._service
        self._deadline.renew(service.text_seconds if self._session.state is State.DATA else service.command_seconds)

    def _timed_out(self) -> None:
        if self._ended:
            self.abort()
        elif not self._asking:  # else it is we who keep the client waiting; the answer renews
            self._session.time_out()
            self._over(EndReason.TIMED_OUT)
            self._flush()

    def _over(self, reason: EndReason) -> None:
        """The session ended; a question that is still under way abandons its transaction when it comes back."""
        self._ended = True
        self._lingers = reason.is_abrupt
        if not self._asking:
            self._abandon()
        self._service.log.event(events.DISCONNECTED, client=self._name, reason=reason.value)

    def _abandon(self) -> None:
        transaction, self._transaction = self._transaction, None
        if transaction is not None:
            start(transaction.abandon(), self._abandoned, self._spawn)

    def _abandoned(self, _nothing: None, error: BaseException | None) -> None:
        if error is not None:
            self._service.log_trouble(self._name, error)

    def _refuse(self, refusal: Reply) -> None:
        self._ended = True
        self._service.log_turned_away(self._name, refusal)
        self._transport.write(f"{refusal}\r\n".encode("ascii"))
        self._close()

    def _close(self) -> None:
        if self._transport.is_closing():
            return
        if not self._lingers or self._half_closed:
            self._transport.close()
        elif not self._parting:
            self._parting = True
            self._transport.write_eof()
            self._transport.resume_reading()  # what comes is dropped, until the client or its time is gone
        else:
            return
        self._deadline.renew(_LINGER_SECONDS)

    def _leave_service(self) -> None:
        if self._lost and not self._asking:
            self._service.remove(self)

    def _trouble(self, error: BaseException) -> None:
        """Answer for what nobody expected: 421, the end of this session alone."""
        self._service.log_trouble(self._name, error)
        if not self._ended:
            self._session.end(_TROUBLE, EndReason.REFUSED)
            self._over(EndReason.REFUSED)


_CARRY: dict[type[ServerEvent], Callable[[Connection, Any], None]] = {
    HelloGiven: Connection._hello,
    MailGiven: Connection._mail,
    RcptGiven: Connection._rcpt,
    DataAsked: Connection._data,
    TextChunk: Connection._text,
    TextEnded: Connection._text_ended,
    TextRefused: Connection._text_refused,
    TransactionReset: Connection._void,
    CommandRefused: Connection._command_refused,
    VerifyAsked: Connection._verify,
    ExpandAsked: Connection._expand,
    QueueAsked: Connection._queue_asked,
    SessionEnded: Connection._session_ended,
}
