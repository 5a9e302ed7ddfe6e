"""The server's half of an SMTP session.  RFC 5321.

One rule: only the driver's answer to TextEnded leads from text to 250, so that
no reply can promise what the spool has not written.
"""

from collections import deque
from collections.abc import Callable

from posthouse.mail.limits import Limits
from posthouse.mail.reply import Reply, reply
from posthouse.smtp import server_replies as replies
from posthouse.smtp.commands import RefusedCommandError, read_client_name, read_mail, read_name, read_rcpt
from posthouse.smtp.input import Input, LineFlaw
from posthouse.smtp.patience import Patience
from posthouse.smtp.quoting import command_refused
from posthouse.smtp.reply import format_reply
from posthouse.smtp.server_events import (
    CommandRefused,
    DataAsked,
    EndReason,
    ExpandAsked,
    HelloGiven,
    MailGiven,
    RcptGiven,
    ServerEvent,
    SessionEnded,
    TextChunk,
    TextEnded,
    TextRefused,
    TransactionReset,
    VerifyAsked,
)
from posthouse.smtp.server_states import TRANSITIONS, Event, Question, State
from posthouse.smtp.transparency import TextDecoder

__all__ = [
    "CommandRefused",
    "DataAsked",
    "EndReason",
    "ExpandAsked",
    "HelloGiven",
    "MailGiven",
    "RcptGiven",
    "ServerEvent",
    "ServerSession",
    "SessionEnded",
    "State",
    "TextChunk",
    "TextEnded",
    "TextRefused",
    "TransactionReset",
    "VerifyAsked",
]

_MOST_GIVEN = 2  # times the recipients of one message may be given in it; beyond, "try later" is an error, too


class ServerSession:
    """One client's session: bytes in, events and replies out.

    The driver's loop: ``receive``, then ``next_event`` until it returns None, answering
    those that wait, then ``take_outgoing``.  While an answer is owed the input is kept: stop
    reading from the socket when ``buffered_octets`` grows.
    """

    def __init__(self, hostname: str, limits: Limits) -> None:
        self.client_name = ""  # what EHLO or HELO gave
        self.state = State.CONNECTED
        self._hostname = hostname
        self._limits = limits
        self._input = Input(limits.command_octets)
        self._outgoing: list[bytes] = []
        self._events: deque[ServerEvent] = deque()
        self._question: Question | None = None
        self._decoder: TextDecoder | None = None
        self._smtputf8 = False
        self._recipients = 0  # accepted
        self._recipients_given = 0  # accepted or not
        self._patience = Patience(limits.errors)
        self._messages = 0
        self._shutting_down = False

    def greet(self) -> None:
        """Queue the 220."""
        self._outgoing.append(replies.greeting(self._hostname))

    def receive(self, wire: bytes) -> None:
        """Take what came from the client.  After the end it is dropped."""
        if wire and self.state is not State.CLOSED:
            self._input.receive(wire)

    def next_event(self) -> ServerEvent | None:
        """Return the next event; None when the session needs more input or an answer.  Never raises for input."""
        while not self._events:
            if self._question is not None or self.state is State.CLOSED:
                return None
            if self._shutting_down and self.state in (State.CONNECTED, State.READY):
                self.end(replies.SHUTTING_DOWN, EndReason.SHUTDOWN)
            elif not (self._input.octets and self._read()):
                return None
        return self._events.popleft()

    def answer(self, answer: Reply) -> None:
        """Answer the event that waits.  A 421 ends the session.  After the end an answer is dropped."""
        if self.state is State.CLOSED:
            return
        if self._question is None or self._events:
            raise RuntimeError("no event waits for an answer")
        question, self._question = self._question, None
        if answer.code == 421:
            self.end(answer, EndReason.REFUSED)
        else:
            _ANSWERED[question](self, answer)

    def take_outgoing(self) -> bytes:
        """Return the replies that are due, and forget them."""
        outgoing = self._outgoing
        if not outgoing:
            return b""
        self._outgoing = []
        return outgoing[0] if len(outgoing) == 1 else b"".join(outgoing)

    def shutdown(self) -> None:
        """End the session with 421 4.3.2: at once between transactions, else when the running one is over.

        Call next_event() afterwards: it gives SessionEnded when that was at once.
        """
        self._shutting_down = True

    def time_out(self) -> None:
        """End the session with 421 4.4.2 at once."""
        self.end(replies.TIMED_OUT, EndReason.TIMED_OUT)

    def end(self, last: Reply, reason: EndReason) -> None:
        """End the session with this reply at once (for a drain that took too long, say)."""
        if self.state is not State.CLOSED:
            self._send(last)
            self._close(reason)

    def connection_lost(self) -> None:
        """End the session without a word: the client is gone."""
        if self.state is not State.CLOSED:
            self._outgoing.clear()
            self._close(EndReason.LOST)

    @property
    def is_waiting(self) -> bool:
        """Does the event that next_event() gave last wait for an answer?"""
        return self._question is not None and not self._events

    @property
    def buffered_octets(self) -> int:
        """How much input is kept unread."""
        return self._input.octets

    # -- inside ----------------------------------------------------------------------

    def _move(self, event: Event) -> None:
        self.state = TRANSITIONS[self.state, event]

    def _may(self, event: Event) -> bool:
        return (self.state, event) in TRANSITIONS

    def _send(self, answer: Reply) -> None:
        self._outgoing.append(format_reply(answer))

    def _ask(self, question: Question, event: ServerEvent) -> None:
        self._question = question
        self._events.append(event)

    def _close(self, reason: EndReason) -> None:
        self._move(Event.ENDED)
        self._question = None
        self._decoder = None
        self._input.clear()
        self._events.append(SessionEnded(reason))

    def _refuse(self, answer: Reply) -> None:
        """Send a refusal; a permanent one counts as an error, and one too many ends the session."""
        is_error = answer.code >= 500 or self._recipients_given > _MOST_GIVEN * self._limits.recipients
        if is_error and not self._patience.note_error():
            self.end(replies.TOO_MANY_ERRORS, EndReason.ERRORS)
        else:
            self._send(answer)

    def _refuse_line(self, answer: Reply, line: bytes | LineFlaw) -> None:
        """Refuse what the driver has not been asked about, and tell it."""
        if self._patience.may_tell():
            self._events.append(command_refused(line, answer))
        self._refuse(answer)

    def _note_idle(self) -> bool:
        """Count a command that brings no mail; False when it was the one too many and the session is over."""
        if self._patience.note_idle():
            return True
        self.end(replies.TOO_MANY_ERRORS, EndReason.ERRORS)
        return False

    def _reset_transaction(self) -> None:
        if self.state in (State.MAIL, State.RCPT):
            self._events.append(TransactionReset())

    # -- commands --------------------------------------------------------------------

    def _read(self) -> bool:
        return self._read_text() if self.state is State.DATA else self._read_command()

    def _read_command(self) -> bool:
        line = self._input.next_line()
        if line is None:
            return False
        if isinstance(line, LineFlaw):
            self._refuse_line(replies.LINE_REPLIES[line], line)
            return True
        verb, _, argument = line.partition(b" ")
        obey = _VERBS.get(verb) or _VERBS.get(verb.upper()) or ServerSession._unknown
        try:
            obey(self, argument.strip(b" \t"))
        except RefusedCommandError as error:
            self._refuse_line(error.reply, line)
        return True

    def _ehlo(self, argument: bytes) -> None:
        if self._hello(argument, esmtp=True):
            self._outgoing.append(replies.ehlo(self._hostname, self._limits.text_octets))

    def _helo(self, argument: bytes) -> None:
        if self._hello(argument, esmtp=False):
            self._send(Reply(250, (self._hostname,)))

    def _hello(self, argument: bytes, *, esmtp: bool) -> bool:
        name = read_client_name(argument)
        if not self._note_idle():
            return False
        self._reset_transaction()
        self._move(Event.HELLO)
        self.client_name = name
        self._events.append(HelloGiven(self.client_name, esmtp))
        return True

    def _mail(self, argument: bytes) -> None:
        if not self._may(Event.MAIL_ACCEPTED):
            raise RefusedCommandError(replies.HELLO_FIRST if self.state is State.CONNECTED else replies.BAD_SEQUENCE)
        if self._messages >= self._limits.messages_per_session:
            self.end(replies.TOO_MANY_MESSAGES, EndReason.MESSAGES)
            return
        path, parameters = read_mail(argument)
        if parameters.size is not None and parameters.size > self._limits.text_octets:
            raise RefusedCommandError(replies.TOO_LARGE)
        self._smtputf8 = parameters.smtputf8
        self._ask(Question.MAIL, MailGiven(path, parameters))

    def _mail_answered(self, answer: Reply) -> None:
        if answer.is_positive:
            self._recipients = self._recipients_given = 0
            self._move(Event.MAIL_ACCEPTED)
            self._send(answer)
        else:
            self._refuse(answer)

    def _rcpt(self, argument: bytes) -> None:
        if not self._may(Event.RCPT_ACCEPTED):
            raise RefusedCommandError(replies.BAD_SEQUENCE)
        self._recipients_given += 1
        if self._recipients >= self._limits.recipients:
            raise RefusedCommandError(replies.TOO_MANY_RECIPIENTS)
        path, parameters = read_rcpt(argument, smtputf8=self._smtputf8)
        self._ask(Question.RCPT, RcptGiven(path, parameters))

    def _rcpt_answered(self, answer: Reply) -> None:
        if answer.is_positive:
            self._recipients += 1
            self._move(Event.RCPT_ACCEPTED)
            self._send(answer)
        else:
            self._refuse(answer)

    def _data(self, argument: bytes) -> None:
        if argument:
            raise RefusedCommandError(replies.NO_PARAMETERS)
        if self._may(Event.DATA_STARTED):
            self._ask(Question.DATA, DataAsked())
        elif self.state is State.MAIL and self._recipients_given:
            # RFC 2920 section 3.1: a pipelining client could not know; this is no error of its own.
            self._send(replies.NO_RECIPIENTS)
        else:
            raise RefusedCommandError(replies.BAD_SEQUENCE)

    def _data_answered(self, answer: Reply) -> None:
        if answer.code == 354:
            self._decoder = TextDecoder(self._limits.text_octets, self._limits.text_line_octets)
            self._move(Event.DATA_STARTED)
            self._send(answer)
        else:
            self._move(Event.DATA_REFUSED)
            self._refuse(answer)

    def _rset(self, argument: bytes) -> None:
        if argument:
            raise RefusedCommandError(replies.NO_PARAMETERS)
        if self._note_idle():
            self._reset_transaction()
            self._move(Event.RESET)
            self._outgoing.append(replies.OK)

    def _noop(self, _argument: bytes) -> None:
        if self._note_idle():
            self._outgoing.append(replies.OK)

    def _help(self, _argument: bytes) -> None:
        if self._note_idle():
            self._outgoing.append(replies.HELP)

    def _quit(self, _argument: bytes) -> None:
        self.end(reply(221, "2.0.0", f"{self._hostname} closing"), EndReason.QUIT)

    def _vrfy(self, argument: bytes) -> None:
        if self._note_idle():
            self._ask(Question.OTHER, VerifyAsked(read_name(argument)))

    def _expn(self, argument: bytes) -> None:
        if self._note_idle():
            self._ask(Question.OTHER, ExpandAsked(read_name(argument)))

    def _unimplemented(self, _argument: bytes) -> None:
        raise RefusedCommandError(replies.UNIMPLEMENTED)

    def _unknown(self, _argument: bytes) -> None:
        raise RefusedCommandError(replies.UNKNOWN)

    def _http(self, _argument: bytes) -> None:
        # A web browser made to talk to us: what follows is chosen by a stranger.
        self.end(replies.NOT_SMTP, EndReason.NOT_SMTP)

    # -- text ------------------------------------------------------------------------

    def _read_text(self) -> bool:
        decoder = self._decoder
        if decoder is None:
            return False
        text, rest = decoder.decode(self._input.take_all())
        if rest is not None:
            self._input.put_back(rest)
            self._decoder = None
            self._end_text(decoder, text)
        elif text:
            self._events.append(TextChunk(text))
        return True

    def _end_text(self, decoder: TextDecoder, last: bytes) -> None:
        if decoder.flaw is None:
            self._move(Event.TEXT_ENDED)
            self._ask(Question.TEXT, TextEnded(decoder.octets, last))
            return
        refusal = replies.TEXT_REPLIES[decoder.flaw]
        self._move(Event.TEXT_REFUSED)
        self._events.append(TextRefused(refusal))
        self._refuse(refusal)

    def _text_answered(self, answer: Reply) -> None:
        if answer.is_positive:
            self._messages += 1
            self._patience.note_message()
            self._move(Event.COMMITTED)
            self._send(answer)
        else:
            self._move(Event.REFUSED)
            self._refuse(answer)


_VERBS: dict[bytes, Callable[[ServerSession, bytes], None]] = {
    b"EHLO": ServerSession._ehlo,
    b"HELO": ServerSession._helo,
    b"MAIL": ServerSession._mail,
    b"RCPT": ServerSession._rcpt,
    b"DATA": ServerSession._data,
    b"RSET": ServerSession._rset,
    b"NOOP": ServerSession._noop,
    b"QUIT": ServerSession._quit,
    b"VRFY": ServerSession._vrfy,
    b"EXPN": ServerSession._expn,
    b"HELP": ServerSession._help,
    **dict.fromkeys(
        (b"TURN", b"ATRN", b"ETRN", b"SEND", b"SOML", b"SAML", b"STARTTLS", b"AUTH", b"BDAT", b"BURL"),
        ServerSession._unimplemented,
    ),
    **dict.fromkeys(
        (b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"OPTIONS", b"PATCH", b"TRACE", b"CONNECT", b"PRI"),
        ServerSession._http,
    ),
}
_ANSWERED: dict[Question, Callable[[ServerSession, Reply], None]] = {
    Question.MAIL: ServerSession._mail_answered,
    Question.RCPT: ServerSession._rcpt_answered,
    Question.DATA: ServerSession._data_answered,
    Question.TEXT: ServerSession._text_answered,
    Question.OTHER: ServerSession._send,
}
