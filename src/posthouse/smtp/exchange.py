"""One transaction of the client: the commands it needs, and each recipient's result.

One rule: a recipient's fate is written once, by the first reply that decides it.
"""

import re
from collections.abc import Iterator, Mapping

from msgspec import Struct

from posthouse.mail.address import Address
from posthouse.mail.envelope import Body
from posthouse.mail.reply import Reply, reply
from posthouse.smtp.parameters import MailParameters, RcptParameters, format_mail, format_rcpt
from posthouse.smtp.transaction import Awaiting, Dialect, RecipientResult, Transaction

_KEYWORD = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*)(?:[ =](.*))?")
_SIZE = re.compile(r"[0-9]{1,20}")

_TOO_LARGE = reply(552, "5.3.4", "the message is larger than the next host takes")
_NEEDS_UTF8 = reply(550, "5.6.7", "the message needs SMTPUTF8, which the next host does not offer")
_UTF8_RECIPIENT = reply(553, "5.6.7", "the address needs SMTPUTF8, which the next host does not offer")


class Awaited(Struct, frozen=True):
    """A reply that is owed: to which command, and for which recipient."""

    command: Awaiting
    number: int = 0


def read_extensions(answer: Reply) -> dict[str, str]:
    """Return what the answer to EHLO offers: keywords in upper case with their parameters."""
    extensions = {}
    for line in answer.lines[1:]:
        match = _KEYWORD.fullmatch(line.strip())
        if match is not None:  # a line that is no keyword offers nothing
            extensions[match[1].upper()] = match[2] or ""
    return extensions


def size_limit(extensions: Mapping[str, str]) -> int | None:
    """Return the peer's SIZE in octets; None when it does not say.  RFC 1870 section 4: 0 is no limit."""
    size = extensions.get("SIZE", "").strip()
    return (int(size) or None) if _SIZE.fullmatch(size) else None


class Exchange:
    """The envelope on its way: which command is next, and what became of each recipient."""

    def __init__(self, transaction: Transaction, extensions: Mapping[str, str], dialect: Dialect) -> None:
        self._transaction = transaction
        self._extensions = extensions
        self._dialect = dialect
        self._results: list[RecipientResult | None] = [None] * len(transaction.recipients)
        self._mail_accepted = False
        self._over = False  # the peer has answered the text
        self._decide_locally()
        self._undecided = self._results.count(None)
        self._commands = self._write_commands()

    @property
    def is_decided(self) -> bool:
        """Has every recipient its result?"""
        return self._undecided == 0

    @property
    def left_open(self) -> bool:
        """Does the peer still hold an envelope that an RSET must clear?"""
        return self._mail_accepted and not self._over

    @property
    def final_replies(self) -> tuple[int, ...]:
        """For which recipients the peer answers the text: for LMTP each that it accepted, for SMTP all at once."""
        accepted = tuple(number for number, result in enumerate(self._results) if result is None)
        return accepted if self._dialect is Dialect.LMTP else accepted[:1]

    def next_command(self) -> tuple[bytes, Awaiting, int] | None:
        """Return the next command with the reply that it asks for; None after DATA."""
        return next(self._commands, None)

    def take_reply(self, command: Awaiting, number: int, answer: Reply) -> bool:
        """Write down what the reply decides.  False when it makes no sense here."""
        if command is Awaiting.DATA:
            return self._take_data(answer)
        if 300 <= answer.code < 400:
            return False
        if command is Awaiting.TEXT_END:
            self._take_final(number, answer)
        elif command is Awaiting.MAIL:
            self._mail_accepted = answer.is_positive
            if not answer.is_positive:
                self.decide_rest(answer, Awaiting.MAIL)
        elif not answer.is_positive:
            self._decide(number, RecipientResult(answer, Awaiting.RCPT))
        return True

    def decide_rest(self, answer: Reply, command: Awaiting) -> None:
        """Give this reply to everyone who has none yet."""
        result = RecipientResult(answer, command)
        for number in range(len(self._results)):
            self._decide(number, result)

    def results(self) -> tuple[RecipientResult, ...]:
        """Return everyone's result, when all are decided."""
        return tuple(result for result in self._results if result is not None)

    def partial_results(self) -> tuple[RecipientResult | None, ...]:
        """Return what is decided so far."""
        return tuple(self._results)

    def _decide(self, number: int, result: RecipientResult) -> None:
        if self._results[number] is None:
            self._results[number] = result
            self._undecided -= 1

    def _take_data(self, answer: Reply) -> bool:
        if answer.code == 354:
            return True
        if answer.is_positive:
            return False
        self.decide_rest(answer, Awaiting.DATA)
        return True

    def _take_final(self, number: int, answer: Reply) -> None:
        self._over = True
        if self._dialect is Dialect.LMTP:
            self._decide(number, RecipientResult(answer, Awaiting.TEXT_END))
        else:
            self.decide_rest(answer, Awaiting.TEXT_END)

    def _decide_locally(self) -> None:
        """Fail, before anything is sent, what the peer has told us that it cannot take."""
        transaction = self._transaction
        limit = size_limit(self._extensions)
        for number, recipient in enumerate(transaction.recipients):
            refusal = None
            if limit is not None and transaction.octets > limit:
                refusal = _TOO_LARGE
            elif "SMTPUTF8" not in self._extensions:
                refusal = self._refuse_utf8(recipient.address)
            if refusal is not None:
                self._results[number] = RecipientResult(refusal, None)

    def _refuse_utf8(self, recipient: Address) -> Reply | None:
        sender = self._transaction.reverse_path.address
        if self._transaction.smtputf8 or (sender is not None and not sender.is_ascii):
            return _NEEDS_UTF8
        return None if recipient.is_ascii else _UTF8_RECIPIENT

    def _write_commands(self) -> Iterator[tuple[bytes, Awaiting, int]]:
        transaction = self._transaction
        mail = format_mail(transaction.reverse_path, self._mail_parameters(), sends_route=transaction.sends_route)
        yield mail, Awaiting.MAIL, 0
        dsn = "DSN" in self._extensions
        for number, recipient in enumerate(transaction.recipients):
            if self._results[number] is None:
                parameters = RcptParameters(recipient.notify, recipient.orcpt) if dsn else RcptParameters()
                yield format_rcpt(recipient.path or recipient.address, parameters), Awaiting.RCPT, number
        yield b"DATA\r\n", Awaiting.DATA, 0

    def _mail_parameters(self) -> MailParameters:
        transaction = self._transaction
        offered = self._extensions
        dsn = "DSN" in offered
        sender = transaction.reverse_path.address
        addresses = [recipient.address for recipient in transaction.recipients]
        if sender is not None:
            addresses.append(sender)
        needs_utf8 = transaction.smtputf8 or not all(address.is_ascii for address in addresses)
        return MailParameters(
            size=transaction.octets if "SIZE" in offered else None,
            body=transaction.body if "8BITMIME" in offered else Body.SEVEN_BIT,
            smtputf8=needs_utf8 and "SMTPUTF8" in offered,
            ret=transaction.ret if dsn else None,
            envid=transaction.envid if dsn else "",
        )
