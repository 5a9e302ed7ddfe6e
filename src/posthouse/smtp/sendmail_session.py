"""A server's session that speaks as sendmail does: its order of checks, its texts, addresses as they are typed.

The states, the text and its end are those of every session (server.py); only what is read from commands and
what is said differ.  Programs that read sendmail's replies, people among them, find what they know.

Known limits: a client that errs often is cut off, as in every session, where sendmail answers more and more slowly.
"""

from collections.abc import Callable
from typing import Final

from msgspec import Struct

from posthouse.mail.limits import Limits
from posthouse.mail.reply import Reply, reply
from posthouse.smtp import sendmail_commands as commands
from posthouse.smtp.commands import RefusedCommandError
from posthouse.smtp.input import LineFlaw
from posthouse.smtp.server import ServerSession
from posthouse.smtp.server_events import (
    DataAsked,
    EndReason,
    ExpandAsked,
    HelloGiven,
    MailGiven,
    QueueAsked,
    RcptGiven,
    TextRefused,
    VerifyAsked,
)
from posthouse.smtp.server_states import Event, Question, State
from posthouse.smtp.transparency import TextDecoder

DEFAULT_EXTENSIONS: Final = ("ENHANCEDSTATUSCODES", "PIPELINING", "EXPN", "VERB", "8BITMIME", "SIZE", "DSN", "ETRN")
# What a client may say that is refused everything else, and the extension that it is offered.
_POLITE: Final = frozenset({b"EHLO", b"HELO", b"NOOP", b"RSET", b"QUIT"})
_NOT_IMPLEMENTED: Final = frozenset({b"SEND", b"SAML", b"SOML", b"TURN"})
_OF_THE_REFUSED: Final = "ENHANCEDSTATUSCODES"


class Personality(Struct, frozen=True):
    """How a session presents itself.

    ``greeting`` is the text of the 220, its date filled in; ``peer`` is what the client is called back.
    ``version`` is shown by HELP.  ``privacy`` are words of the option PrivacyOptions, in lower case.
    A ``greeting`` of several lines has them as lines of its reply.
    """

    greeting: str
    peer: str
    version: str
    extensions: tuple[str, ...] = DEFAULT_EXTENSIONS
    privacy: frozenset[str] = frozenset()
    allows_any_name: bool = False  # the option AllowBogusHELO
    recipients: int = 0  # the option MaxRecipientsPerMessage, which may be less than a host should take; 0: the limits'
    text_octets: int = 0  # the option MaxMessageSize, likewise
    is_soft: bool = False  # the option SoftBounce: what is refused for good is refused for now


class SendmailSession(ServerSession):
    """One client's session, in sendmail's words."""

    def __init__(self, hostname: str, limits: Limits, personality: Personality) -> None:
        super().__init__(hostname, limits)
        self._personality = personality
        self._refusal: Reply | None = None  # of everything
        self.refused_recipients = 0
        self._written = ""  # the address of the command that waits for its answer, as typed

    def introduce(self, personality: Personality, refusal: Reply | None) -> None:
        """Take in who the client is, before it is greeted; ``refusal`` is what it gets for all that it asks."""
        self._personality = personality
        self._refusal = refusal

    def greet(self) -> None:
        """Queue the 220: ``ESMTP`` stands behind the first word.  A client that is refused with 421 is not greeted."""
        if self._refusal is not None and self._refusal.code == 421:
            self.end(self._refusal, EndReason.REFUSED)
            return
        first, *more = self._personality.greeting.split("\n")
        name, _, rest = first.partition(" ")
        self._send(Reply(220, (f"{name} ESMTP {rest}".rstrip(), *more)))

    def answer(self, answer: Reply) -> None:
        """Answer the event that waits, in sendmail's words."""
        if self._question is Question.RCPT and not answer.is_positive:
            self.refused_recipients += 1
            if answer.code == 421:  # of rules: it is this recipient that is refused
                self._question = None
                self._refuse(answer)
                return
        super().answer(self._worded(answer) if answer.is_positive else answer)

    def _send(self, answer: Reply) -> None:
        super()._send(commands.softened(answer) if self._personality.is_soft else answer)

    def _worded(self, answer: Reply) -> Reply:
        written = commands.in_seven_bits(self._written.encode())
        match self._question:
            case Question.MAIL:
                return reply(250, "2.1.0", f"{written}... Sender ok")
            case Question.RCPT:
                return reply(250, "2.1.5", f"{written}... Recipient ok")
            case Question.DATA:
                return commands.SEND_TEXT
            case Question.TEXT:
                return reply(250, "2.0.0", f"{answer.text.partition(' ')[0]} Message accepted for delivery")
        return answer

    def _read_command(self) -> bool:
        line = self._input.next_line()
        if line is None:
            return False
        if isinstance(line, LineFlaw):
            self._refuse_line(reply(500, "5.5.0", "Line too long"), line)
            return True
        verb, _, argument = line.strip(b" \t").partition(b" ")
        obey = _VERBS.get(verb.upper())
        try:
            if verb.upper() in _NOT_IMPLEMENTED:
                raise RefusedCommandError(commands.not_implemented(line))
            if obey is None:
                raise RefusedCommandError(commands.unrecognized(line))
            if self._refusal is not None and verb.upper() not in _POLITE:
                raise RefusedCommandError(self._refusal)
            obey(self, argument.strip(b" \t"))
        except RefusedCommandError as error:
            self._refuse_line(error.reply, line)
        return True

    def _greeted(self, verb: str, argument: bytes) -> bool:
        name = commands.read_client_name(verb, argument, any_name=self._personality.allows_any_name)
        if not self._note_idle():
            return False
        self._reset_transaction()
        self._move(Event.HELLO)
        self.client_name = name
        self._events.append(HelloGiven(name, verb == "EHLO"))
        return True

    def _helo(self, argument: bytes) -> None:
        if self._greeted("HELO", argument):
            self._send(Reply(250, (self._hello_text,)))

    def _ehlo(self, argument: bytes) -> None:
        if self._greeted("EHLO", argument):
            extensions = (*self._personality.extensions, "HELP") if self._refusal is None else (_OF_THE_REFUSED,)
            self._send(Reply(250, (self._hello_text, *extensions)))

    @property
    def _hello_text(self) -> str:
        return f"{self._hostname} Hello {self._personality.peer}, pleased to meet you"

    def _mail(self, argument: bytes) -> None:
        if self.state is State.CONNECTED:
            if not self._personality.privacy.isdisjoint({"needmailhelo", "goaway"}):
                raise RefusedCommandError(commands.POLITE_PEOPLE)
            self._move(Event.HELLO)
        if not self._may(Event.MAIL_ACCEPTED):
            raise RefusedCommandError(commands.SENDER_TWICE)
        self._written, path, parameters = commands.read_mail(argument, has_dsn=self._has_dsn)
        most = self._personality.text_octets or self._limits.text_octets
        if parameters.size is not None and parameters.size > most:
            raise RefusedCommandError(reply(552, "5.2.3", f"Message size exceeds fixed maximum message size ({most})"))
        self._ask(Question.MAIL, MailGiven(path, parameters))

    def _rcpt(self, argument: bytes) -> None:
        if not self._may(Event.RCPT_ACCEPTED):
            raise RefusedCommandError(commands.NEED_MAIL)
        self._recipients_given += 1
        if self._recipients >= (self._personality.recipients or self._limits.recipients):
            raise RefusedCommandError(commands.TOO_MANY_RECIPIENTS)
        self._written, path, parameters = commands.read_rcpt(argument, has_dsn=self._has_dsn)
        self._ask(Question.RCPT, RcptGiven(path, parameters))

    @property
    def _has_dsn(self) -> bool:
        return "noreceipts" not in self._personality.privacy

    def _data(self, argument: bytes) -> None:
        if self.state in (State.CONNECTED, State.READY):
            raise RefusedCommandError(commands.NEED_MAIL_FOR_TEXT)
        if not self._may(Event.DATA_STARTED):
            raise RefusedCommandError(commands.NEED_RECIPIENT)
        if argument:
            raise RefusedCommandError(reply(501, "5.5.2", "Syntax error in parameters"))
        self._ask(Question.DATA, DataAsked())

    def _end_text(self, decoder: TextDecoder, last: bytes) -> None:
        most = self._personality.text_octets
        if decoder.flaw is not None or not most or decoder.octets <= most:
            super()._end_text(decoder, last)
            return
        refusal = reply(552, "5.2.3", f"Message exceeds maximum fixed size ({most})")
        self._move(Event.TEXT_REFUSED)
        self._events.append(TextRefused(refusal))
        self._refuse(refusal)

    def _rset(self, _argument: bytes) -> None:
        if self._note_idle():
            self._reset_transaction()
            self._move(Event.RESET)
            self._send(commands.RESET)

    def _noop(self, _argument: bytes) -> None:
        if self._note_idle():
            self._send(commands.OK)

    def _verb(self, _argument: bytes) -> None:
        if not self._personality.privacy.isdisjoint({"noverb", "noexpn", "goaway"}):
            raise RefusedCommandError(reply(502, "5.7.0", "Verbose unavailable"))
        if self._note_idle():
            self._send(reply(250, "2.0.0", "Verbose mode"))

    def _help(self, _argument: bytes) -> None:
        if self._note_idle():
            self._send(reply(502, "5.3.0", f"Sendmail {self._personality.version} -- HELP not implemented"))

    def _vrfy(self, argument: bytes) -> None:
        self._inquire("vrfy", argument, VerifyAsked)

    def _expn(self, argument: bytes) -> None:
        self._inquire("expn", argument, ExpandAsked)

    def _inquire(self, command: str, argument: bytes, event: "type[VerifyAsked] | type[ExpandAsked]") -> None:
        privacy = self._personality.privacy
        is_forbidden = not privacy.isdisjoint({f"no{command}", "goaway"})  # which is said to everybody
        if not self.client_name and f"need{command}helo" in privacy and not is_forbidden:
            raise RefusedCommandError(commands.INTRODUCE_YOURSELF)
        if not argument:
            raise RefusedCommandError(commands.ARGUMENT_REQUIRED)
        if self._note_idle():
            self._ask(Question.OTHER, event(commands.shown(argument)))

    def _etrn(self, argument: bytes) -> None:
        if "noetrn" in self._personality.privacy:
            raise RefusedCommandError(commands.NOT_ALLOWED)
        if not argument:
            raise RefusedCommandError(reply(500, "5.5.2", "Parameter required"))
        if self._note_idle():
            self._ask(Question.OTHER, QueueAsked(commands.shown(argument)))

    def _auth(self, argument: bytes) -> None:
        if not any(one.startswith("AUTH ") for one in self._personality.extensions):
            raise RefusedCommandError(reply(503, "5.3.3", "AUTH not available"))
        mechanism = commands.shown(argument).partition(" ")[0]
        if not mechanism:
            raise RefusedCommandError(reply(501, "5.5.2", "AUTH mechanism must be specified"))
        raise RefusedCommandError(reply(504, "5.3.3", f"AUTH mechanism {mechanism} not available"))

    def _starttls(self, _argument: bytes) -> None:
        raise RefusedCommandError(reply(454, "4.3.3", "TLS not available after start"))

    def _quit(self, _argument: bytes) -> None:
        self.end(reply(221, "2.0.0", f"{self._hostname} closing connection"), EndReason.QUIT)


_VERBS: dict[bytes, Callable[[SendmailSession, bytes], None]] = {
    b"EHLO": SendmailSession._ehlo,
    b"HELO": SendmailSession._helo,
    b"MAIL": SendmailSession._mail,
    b"RCPT": SendmailSession._rcpt,
    b"DATA": SendmailSession._data,
    b"RSET": SendmailSession._rset,
    b"NOOP": SendmailSession._noop,
    b"VERB": SendmailSession._verb,
    b"QUIT": SendmailSession._quit,
    b"VRFY": SendmailSession._vrfy,
    b"EXPN": SendmailSession._expn,
    b"HELP": SendmailSession._help,
    b"ETRN": SendmailSession._etrn,
    b"AUTH": SendmailSession._auth,
    b"STARTTLS": SendmailSession._starttls,
}
