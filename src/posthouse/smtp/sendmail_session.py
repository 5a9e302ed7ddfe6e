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
    RcptGiven,
    VerifyAsked,
)
from posthouse.smtp.server_states import Event, Question, State

DEFAULT_EXTENSIONS: Final = ("ENHANCEDSTATUSCODES", "PIPELINING", "EXPN", "VERB", "8BITMIME", "SIZE", "DSN", "ETRN")


class Personality(Struct, frozen=True):
    """How a session presents itself.

    ``greeting`` is the text of the 220, its date filled in; ``peer`` is what the client is called back.
    ``version`` is shown by HELP.  ``privacy`` are words of the option PrivacyOptions, in lower case.
    """

    greeting: str
    peer: str
    version: str
    extensions: tuple[str, ...] = DEFAULT_EXTENSIONS
    privacy: frozenset[str] = frozenset()
    allows_any_name: bool = False  # the option AllowBogusHELO
    recipients: int = 0  # the option MaxRecipientsPerMessage, which may be less than a host should take; 0: the limits'


class SendmailSession(ServerSession):
    """One client's session, in sendmail's words."""

    def __init__(self, hostname: str, limits: Limits, personality: Personality) -> None:
        super().__init__(hostname, limits)
        self._personality = personality
        self._written = ""  # the address of the command that waits for its answer, as typed

    def greet(self) -> None:
        """Queue the 220: ``ESMTP`` stands behind the first word."""
        name, _, rest = self._personality.greeting.partition(" ")
        self._send(Reply(220, (f"{name} ESMTP {rest}".rstrip(),)))

    def answer(self, answer: Reply) -> None:
        """Answer the event that waits, in sendmail's words."""
        super().answer(self._worded(answer) if answer.is_positive else answer)

    def _worded(self, answer: Reply) -> Reply:
        match self._question:
            case Question.MAIL:
                return reply(250, "2.1.0", f"{self._written}... Sender ok")
            case Question.RCPT:
                return reply(250, "2.1.5", f"{self._written}... Recipient ok")
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
            if obey is None:
                raise RefusedCommandError(commands.unrecognized(line))
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
            self._send(Reply(250, (self._hello_text, *self._personality.extensions, "HELP")))

    @property
    def _hello_text(self) -> str:
        return f"{self._hostname} Hello {self._personality.peer}, pleased to meet you"

    def _mail(self, argument: bytes) -> None:
        if self.state is State.CONNECTED:
            if self._wants_hello("needmailhelo"):
                raise RefusedCommandError(commands.POLITE_PEOPLE)
            self._move(Event.HELLO)
        if not self._may(Event.MAIL_ACCEPTED):
            raise RefusedCommandError(commands.SENDER_TWICE)
        self._written, path, parameters = commands.read_mail(argument)
        most = self._limits.text_octets
        if parameters.size is not None and parameters.size > most:
            raise RefusedCommandError(reply(552, "5.2.3", f"Message size exceeds fixed maximum message size ({most})"))
        self._ask(Question.MAIL, MailGiven(path, parameters))

    def _rcpt(self, argument: bytes) -> None:
        if not self._may(Event.RCPT_ACCEPTED):
            raise RefusedCommandError(commands.NEED_MAIL)
        self._recipients_given += 1
        if self._recipients >= (self._personality.recipients or self._limits.recipients):
            raise RefusedCommandError(commands.TOO_MANY_RECIPIENTS)
        self._written, path, parameters = commands.read_rcpt(argument)
        self._ask(Question.RCPT, RcptGiven(path, parameters))

    def _data(self, argument: bytes) -> None:
        if self.state in (State.CONNECTED, State.READY):
            raise RefusedCommandError(commands.NEED_MAIL_FOR_TEXT)
        if not self._may(Event.DATA_STARTED):
            raise RefusedCommandError(commands.NEED_RECIPIENT)
        if argument:
            raise RefusedCommandError(reply(501, "5.5.2", "Syntax error in parameters"))
        self._ask(Question.DATA, DataAsked())

    def _rset(self, _argument: bytes) -> None:
        if self._note_idle():
            self._reset_transaction()
            self._move(Event.RESET)
            self._send(commands.RESET)

    def _noop(self, _argument: bytes) -> None:
        if self._note_idle():
            self._send(commands.OK)

    def _verb(self, _argument: bytes) -> None:
        if "noverb" in self._personality.privacy:
            raise RefusedCommandError(reply(502, "5.7.0", "Verbose unavailable"))
        if self._note_idle():
            self._send(reply(250, "2.0.0", "Verbose mode"))

    def _help(self, _argument: bytes) -> None:
        if self._note_idle():
            self._send(reply(502, "5.3.0", f"Sendmail {self._personality.version} -- HELP not implemented"))

    def _vrfy(self, argument: bytes) -> None:
        self._inquire("needvrfyhelo", argument, VerifyAsked)

    def _expn(self, argument: bytes) -> None:
        self._inquire("needexpnhelo", argument, ExpandAsked)

    def _inquire(self, privacy: str, argument: bytes, event: "type[VerifyAsked] | type[ExpandAsked]") -> None:
        if self.state is State.CONNECTED and self._wants_hello(privacy):
            raise RefusedCommandError(commands.INTRODUCE_YOURSELF)
        if not argument:
            raise RefusedCommandError(commands.ARGUMENT_REQUIRED)
        if self._note_idle():
            self._ask(Question.OTHER, event(commands.shown(argument)))

    def _wants_hello(self, word: str) -> bool:
        return not self._personality.privacy.isdisjoint({word, "goaway"})

    def _etrn(self, argument: bytes) -> None:
        if not argument:
            raise RefusedCommandError(reply(500, "5.5.2", "Parameter required"))
        raise RefusedCommandError(reply(458, "4.5.0", f"Unable to queue messages for node {commands.shown(argument)}"))

    def _auth(self, _argument: bytes) -> None:
        raise RefusedCommandError(reply(503, "5.3.3", "AUTH not available"))

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
}
