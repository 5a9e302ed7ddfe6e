"""The client's half of an SMTP or LMTP session.  RFC 5321, RFC 2033, RFC 2920.

One rule: a recipient is delivered only by the reply that says so; whatever is
unanswered when the connection ends stays undecided.

Known limits: 8-bit text is sent as it is to a peer that does not offer 8BITMIME,
as nearly every MTA does: a conversion would break signatures.
"""

from collections import deque
from collections.abc import Callable
from typing import NoReturn

from posthouse.mail.reply import Reply
from posthouse.smtp.client_states import CLIENT_TRANSITIONS, ClientState, ClientStep
from posthouse.smtp.exchange import Awaited, Exchange, read_extensions, size_limit
from posthouse.smtp.reply import ProtocolError, ReplyReader, with_status
from posthouse.smtp.transaction import (
    Awaiting,
    ClientEvent,
    Closed,
    ConnectionLost,
    Dialect,
    Ready,
    RecipientCommand,
    RecipientResult,
    SessionRefused,
    TextWanted,
    TlsReady,
    TlsRefused,
    Transaction,
    TransactionEnded,
)
from posthouse.smtp.transparency import TextEncoder

__all__ = [
    "Awaiting",
    "ClientEvent",
    "ClientSession",
    "Closed",
    "ConnectionLost",
    "Dialect",
    "Ready",
    "RecipientCommand",
    "RecipientResult",
    "SessionRefused",
    "TextWanted",
    "TlsReady",
    "TlsRefused",
    "Transaction",
    "TransactionEnded",
]

# A TEXT_END that belongs to no recipient.
_NOBODY = -1
# Replies after which a 421 is not the session's refusal, and not the answer to our own QUIT.
_IN_SERVICE = frozenset(Awaiting) - {Awaiting.GREETING, Awaiting.HELLO, Awaiting.QUIT}


class ClientSession:
    """One session with a peer: commands out, replies in, events for the driver.

    The driver's loop: send ``take_outgoing``, wait for input no longer than ``awaiting`` allows,
    ``receive`` it, ``next_event`` until None.  ``receive`` and ``next_event`` never raise for a
    refusal; ``next_event`` raises ProtocolError when the peer talks nonsense: then call
    ``connection_lost`` for what is undecided, and close.  Calling a verb out of turn is a bug: RuntimeError.
    """

    def __init__(self, name: str, dialect: Dialect = Dialect.SMTP) -> None:
        self.state = ClientState.CONNECTED
        self.extensions: dict[str, str] = {}  # what EHLO offered: upper-case keyword, parameter
        self._name = name
        self._dialect = dialect
        self._reader = ReplyReader()
        self._broken: ProtocolError | None = None
        self._awaited: deque[Awaited] = deque([Awaited(Awaiting.GREETING)])
        self._events: deque[ClientEvent] = deque()
        self._outgoing: list[bytes] = []
        self._tls = False
        self._exchange: Exchange | None = None
        self._needs_reset = False  # the peer may still hold the envelope of a transaction that failed
        self._encoder = TextEncoder()

    def receive(self, wire: bytes) -> None:
        """Take what came from the peer.  After the end it is dropped."""
        if self.state is ClientState.CLOSED or self._broken is not None:
            return
        try:
            self._reader.receive(wire)
        except ProtocolError as error:
            self._broken = error

    def next_event(self) -> ClientEvent | None:
        """Return the next event, or None when more input is needed.  Raises ProtocolError."""
        while not self._events:
            if self.state is ClientState.CLOSED:
                return None
            answer = self._reader.next_reply() if self._may_read() else None
            if answer is None:
                # Only now: the replies before the nonsense still count.
                if self._broken is not None:
                    raise self._broken
                return None
            self._take_reply(answer)
        return self._events.popleft()

    def take_outgoing(self) -> bytes:
        """Return what is to be sent, and forget it."""
        outgoing = b"".join(self._outgoing)
        self._outgoing.clear()
        return outgoing

    def start_tls(self) -> None:
        """Ask for TLS (after Ready, when offers_starttls)."""
        if not self.offers_starttls:
            raise RuntimeError("the peer does not offer STARTTLS")
        self._move(ClientStep.STARTTLS)
        self._command(b"STARTTLS\r\n", Awaiting.STARTTLS)

    def tls_started(self) -> None:
        """The handshake is done: forget what the peer said before, and say EHLO again.

        Raises ProtocolError when input came in before the handshake (RFC 3207 section 4.2).
        """
        self._move(ClientStep.SECURED)
        if self._broken is not None or not self._reader.is_empty:
            self._broken = ProtocolError("the peer sent input before the TLS handshake")
            raise self._broken
        self._tls = True
        self._say_hello()

    def begin(self, transaction: Transaction) -> None:
        """Start a transaction (after Ready or TransactionEnded); its first event may be TransactionEnded."""
        self._move(ClientStep.BEGIN)
        self._exchange = Exchange(transaction, self.extensions, self._dialect)
        if self._exchange.is_decided:
            self._end_transaction()
            return
        if self._needs_reset:
            self._needs_reset = False
            self._command(b"RSET\r\n", Awaiting.RSET)
        if self.supports_pipelining:
            while (command := self._exchange.next_command()) is not None:
                self._command(*command)
        elif not self._awaited:
            self._send_next_command(self._exchange)

    def send_text(self, chunk: bytes) -> None:
        """Send a piece of the text (after TextWanted)."""
        if self.state is not ClientState.TEXT:
            raise RuntimeError("the peer does not wait for text")
        self._outgoing.append(self._encoder.encode(chunk))

    def end_text(self) -> None:
        """Send the final dot."""
        self._move(ClientStep.TEXT_SENT)
        self._outgoing.append(self._encoder.end())
        replies = self._current.final_replies
        self._awaited.extend(Awaited(Awaiting.TEXT_END, number) for number in replies)

    def reset(self) -> None:
        """Send RSET (a probe of an idle connection); Ready follows."""
        self._move(ClientStep.RESET)
        self._needs_reset = False
        self._command(b"RSET\r\n", Awaiting.RSET)

    def quit(self) -> None:
        """Send QUIT; Closed follows."""
        self._move(ClientStep.QUIT)
        self._command(b"QUIT\r\n", Awaiting.QUIT)

    def connection_lost(self) -> None:
        """The connection is gone: ConnectionLost follows from next_event, unless the session was over."""
        if self.state is ClientState.CLOSED:
            return
        results = self._exchange.partial_results() if self._exchange is not None else ()
        text_ended = self.state is ClientState.TEXT_END
        self._events.append(ConnectionLost(results, self.awaiting, text_ended))
        self._move(ClientStep.CLOSED)

    @property
    def awaiting(self) -> Awaiting | None:
        """The reply that comes next; None when none is owed."""
        return self._awaited[0].command if self._awaited else None

    @property
    def wants_text(self) -> bool:
        """May send_text() be called?  Turns False when the peer breaks off in the middle of the text."""
        return self.state is ClientState.TEXT

    @property
    def is_idle(self) -> bool:
        """May a transaction begin?"""
        return self.state is ClientState.READY

    @property
    def offers_starttls(self) -> bool:
        """Does the peer offer STARTTLS (never after it)?"""
        return "STARTTLS" in self.extensions and not self._tls

    @property
    def supports_pipelining(self) -> bool:
        """Does the peer offer PIPELINING?"""
        return "PIPELINING" in self.extensions

    @property
    def supports_dsn(self) -> bool:
        """Does the peer offer DSN (RFC 3461)?"""
        return "DSN" in self.extensions

    @property
    def size_limit(self) -> int | None:
        """The largest text the peer takes, in octets; None when it does not say."""
        return size_limit(self.extensions)

    # -- inside ----------------------------------------------------------------------

    @property
    def _current(self) -> Exchange:
        if self._exchange is None:
            raise RuntimeError("no transaction is running")
        return self._exchange

    def _move(self, step: ClientStep) -> None:
        to = CLIENT_TRANSITIONS.get((self.state, step))
        if to is None:
            raise RuntimeError(f"{step.name} is out of turn in state {self.state.name}")
        self.state = to

    def _command(self, line: bytes, command: Awaiting, number: int = 0) -> None:
        self._outgoing.append(line)
        self._awaited.append(Awaited(command, number))

    def _say_hello(self) -> None:
        verb = "LHLO" if self._dialect is Dialect.LMTP else "EHLO"
        self.extensions = {}
        self._command(f"{verb} {self._name}\r\n".encode(), Awaiting.HELLO)

    def _may_read(self) -> bool:
        """Input that came between the 220 of STARTTLS and the handshake is never read as replies (RFC 3207)."""
        return self.state is not ClientState.HANDSHAKE

    def _take_reply(self, answer: Reply) -> None:
        if not self._awaited:
            self._take_unasked(answer)
            return
        awaited = self._awaited.popleft()
        if awaited.command is not Awaiting.HELLO:
            answer = with_status(answer)
        if answer.code == 421 and awaited.command in _IN_SERVICE:
            # RFC 5321 section 3.8: the peer closes now, whatever it was asked.
            self._take_farewell(answer, awaited.command)
        else:
            _TAKERS[awaited.command](self, answer, awaited.number)

    def _take_unasked(self, answer: Reply) -> None:
        """A reply that nothing was asked for: the peer breaks off, or is out of step."""
        answer = with_status(answer)
        if answer.is_positive:
            self._fail("the peer sent a reply to nothing")
        else:
            self._take_farewell(answer, Awaiting.TEXT_END)

    def _take_farewell(self, answer: Reply, command: Awaiting) -> None:
        if self._exchange is not None:
            self._exchange.decide_rest(answer, command)
            self._events.append(TransactionEnded(self._exchange.results()))
            self._exchange = None
        self._close(answer)

    def _close(self, answer: Reply | None) -> None:
        self._awaited.clear()
        self._move(ClientStep.CLOSED)
        self._events.append(Closed(answer))

    def _fail(self, reason: str) -> NoReturn:
        self._broken = ProtocolError(reason)
        raise self._broken

    def _refuse_session(self, answer: Reply, command: Awaiting) -> None:
        self._awaited.clear()
        self._move(ClientStep.CLOSED)
        self._events.append(SessionRefused(answer, command))

    def _take_greeting(self, answer: Reply, _number: int) -> None:
        if answer.code // 100 != 2:
            self._refuse_session(answer, Awaiting.GREETING)
            return
        self._move(ClientStep.GREETED)
        self._say_hello()

    def _take_ehlo(self, answer: Reply, tries: int) -> None:
        if answer.code // 100 == 2:
            self.extensions = read_extensions(answer) if tries == 0 else {}
            self._move(ClientStep.HELLO_DONE)
            self._events.append(Ready())
        elif answer.code >= 500 and tries == 0 and self._dialect is Dialect.SMTP:
            # RFC 5321 section 3.2: a server that does not know EHLO may know HELO.
            self._command(f"HELO {self._name}\r\n".encode(), Awaiting.HELLO, 1)
        else:
            self._refuse_session(with_status(answer), Awaiting.HELLO)

    def _take_starttls(self, answer: Reply, _number: int) -> None:
        if answer.code == 220:
            self._move(ClientStep.TLS_AGREED)
            self._events.append(TlsReady())
        else:
            self._move(ClientStep.TLS_REFUSED)
            self._events.append(TlsRefused(answer))

    def _take_envelope(self, answer: Reply, number: int, command: Awaiting) -> None:
        exchange = self._current
        if not exchange.take_reply(command, number, answer):
            self._fail(f"the peer answered {command.value} with {answer.code}")
        if command is Awaiting.DATA:
            self._take_data(answer, exchange)
        elif not self._awaited:
            self._send_next_command(exchange)

    def _send_next_command(self, exchange: Exchange) -> None:
        """In lock-step: one command, or the end when nobody is left to send it for."""
        command = exchange.next_command()
        if command is None or exchange.is_decided:
            self._end_transaction()
        else:
            self._command(*command)

    def _take_data(self, answer: Reply, exchange: Exchange) -> None:
        if answer.code != 354:
            self._end_transaction()
        elif not exchange.is_decided:
            self._encoder = TextEncoder()
            self._move(ClientStep.TEXT_BEGUN)
            self._events.append(TextWanted())
        elif self._dialect is Dialect.SMTP:
            # RFC 2920 section 3.1: every recipient was refused and the text is wanted all the same.
            self._outgoing.append(b".\r\n")
            self._awaited.append(Awaited(Awaiting.TEXT_END, _NOBODY))
        else:
            # RFC 2033 section 4.2 forbids this 354, so nobody knows how many replies would follow a dot.
            self._end_transaction()
            self._close(None)

    def _take_text_end(self, answer: Reply, number: int) -> None:
        exchange = self._current
        if number != _NOBODY and not exchange.take_reply(Awaiting.TEXT_END, number, answer):
            self._fail(f"the peer answered the text with {answer.code}")
        if not self._awaited:
            self._end_transaction()

    def _end_transaction(self) -> None:
        exchange = self._current
        self._needs_reset = self._needs_reset or exchange.left_open
        self._exchange = None
        self._move(ClientStep.TRANSACTION_ENDED)
        self._events.append(TransactionEnded(exchange.results()))

    def _take_rset(self, answer: Reply, _number: int) -> None:
        if answer.code // 100 != 2:
            self._fail(f"the peer answered RSET with {answer.code}")
        if self.state is ClientState.RESET:
            self._move(ClientStep.RESET_DONE)
            self._events.append(Ready())
        elif not self._awaited:
            self._send_next_command(self._current)

    def _take_quit(self, answer: Reply, _number: int) -> None:
        self._close(answer)

    def _take_mail(self, answer: Reply, number: int) -> None:
        self._take_envelope(answer, number, Awaiting.MAIL)

    def _take_rcpt(self, answer: Reply, number: int) -> None:
        self._take_envelope(answer, number, Awaiting.RCPT)

    def _take_data_reply(self, answer: Reply, number: int) -> None:
        self._take_envelope(answer, number, Awaiting.DATA)


_TAKERS: dict[Awaiting, Callable[[ClientSession, Reply, int], None]] = {
    Awaiting.GREETING: ClientSession._take_greeting,
    Awaiting.HELLO: ClientSession._take_ehlo,
    Awaiting.STARTTLS: ClientSession._take_starttls,
    Awaiting.MAIL: ClientSession._take_mail,
    Awaiting.RCPT: ClientSession._take_rcpt,
    Awaiting.DATA: ClientSession._take_data_reply,
    Awaiting.TEXT_END: ClientSession._take_text_end,
    Awaiting.RSET: ClientSession._take_rset,
    Awaiting.QUIT: ClientSession._take_quit,
}
