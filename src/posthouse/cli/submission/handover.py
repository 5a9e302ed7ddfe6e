"""What a command hands in, and what became of it: the values between sendmail and its two ways in."""

import os
from collections.abc import Iterator
from typing import Protocol

from msgspec import Struct

from posthouse.cli.errors import CommandError
from posthouse.mail.address import Address, Path
from posthouse.mail.reply import Reply
from posthouse.smtp.parameters import NO_RCPT_PARAMETERS, MailParameters, RcptParameters


class Letter(Struct, frozen=True):
    """A message on its way in.  ``text`` is header, empty line and body with CRLF line ends; it is read once."""

    reverse_path: Path
    recipients: tuple[Address, ...]
    text: Iterator[bytes]
    mail: MailParameters
    rcpt: RcptParameters = NO_RCPT_PARAMETERS


class Refused(Struct, frozen=True):
    """One recipient that was not taken, and why."""

    recipient: Address
    reply: Reply


class Handover(Struct, frozen=True):
    """The message was taken: ``reply`` names it.  ``refused`` were left out."""

    reply: Reply
    refused: tuple[Refused, ...] = ()


class HandoverError(CommandError):
    """The message was not taken.  ``refused`` says so per recipient when that is the reason."""

    def __init__(self, message: str, code: int, refused: tuple[Refused, ...] = ()) -> None:
        super().__init__(message, code)
        self.refused = refused


class Dialogue(Protocol):
    """Shown the conversation, for ``-v``."""

    def sent(self, line: bytes) -> None: ...

    def received(self, line: bytes) -> None: ...


def refusal_code(refused: tuple[Refused, ...]) -> int:
    """Return the exit code for refused recipients: try again, if that may help any of them."""
    if any(one.reply.is_transient for one in refused):
        return os.EX_TEMPFAIL
    # RFC 3463 section 3.2: 5.1.x is about the address itself.
    if all(one.reply.status and one.reply.status.subject == 1 for one in refused):
        return os.EX_NOUSER
    return os.EX_UNAVAILABLE


def raise_unless_positive(reply: Reply) -> None:
    """Raise HandoverError for a reply that refuses the whole message."""
    if not reply.is_positive:
        raise HandoverError(
            f"{reply}: the message was NOT accepted", os.EX_TEMPFAIL if reply.is_transient else os.EX_UNAVAILABLE
        )


def raise_if_all_refused(letter: Letter, refused: tuple[Refused, ...]) -> None:
    """Raise HandoverError when there is nobody left to send to."""
    if len(refused) == len(letter.recipients):
        raise HandoverError("no recipient was accepted: the message was NOT sent", refusal_code(refused), refused)
