"""What the server session tells its driver.

One rule: an event marked *waits* stops the session until the driver calls
``answer``; commands that the client has pipelined behind it stay unread, so
that replies can never change places.
"""

import enum

from msgspec import Struct

from posthouse.mail.address import Path
from posthouse.mail.reply import Reply
from posthouse.smtp.parameters import MailParameters, RcptParameters


class EndReason(enum.Enum):
    """Why a session ended."""

    QUIT = "quit"
    SHUTDOWN = "shutdown"  # 421 4.3.2 was sent
    TIMED_OUT = "timed-out"  # 421 4.4.2 was sent
    ERRORS = "errors"  # too many bad commands: 421 4.7.0 was sent
    MESSAGES = "messages"  # limits.messages_per_session reached: 421 4.7.0 was sent
    NOT_SMTP = "not-smtp"  # the client speaks HTTP
    REFUSED = "refused"  # the driver answered 421
    LOST = "lost"  # the connection went away

    @property
    def is_abrupt(self) -> bool:
        """Does the client still talk?  To close with input unread would cost it the reply that says why."""
        return self in _ABRUPT


_ABRUPT = frozenset({EndReason.ERRORS, EndReason.MESSAGES, EndReason.NOT_SMTP, EndReason.REFUSED})


class HelloGiven(Struct, frozen=True):
    """EHLO or HELO was given and has been answered."""

    name: str
    esmtp: bool


class MailGiven(Struct, frozen=True):
    """MAIL FROM.  Waits: 250 opens a transaction, 4yz or 5yz refuses it."""

    path: Path
    parameters: MailParameters


class RcptGiven(Struct, frozen=True):
    """RCPT TO.  Waits: 250 or 251 takes the recipient, 4yz or 5yz refuses it.

    ``path.address.domain`` is "" for ``<Postmaster>``.
    """

    path: Path
    parameters: RcptParameters


class DataAsked(Struct, frozen=True):
    """DATA, with at least one recipient accepted.  Waits: 354 lets the text come, 4yz or 5yz ends the transaction."""


class TextChunk(Struct, frozen=True):
    """A piece of the message text, dots unstuffed, CRLF line ends; may end anywhere, never empty, not the last."""

    text: bytes


class TextEnded(Struct, frozen=True):
    """The text is complete and clean.  Waits: the answer is the fate of the message, and ends the transaction.

    ``last`` is what came of the text with its end: for most messages all of it, and b"" for some.
    """

    octets: int
    last: bytes = b""


class TextRefused(Struct, frozen=True):
    """The text was read to its end and refused with this reply, which is already sent; abandon the draft."""

    reply: Reply


class TransactionReset(Struct, frozen=True):
    """RSET, or another EHLO: the transaction is gone; abandon what was kept of it."""


class CommandRefused(Struct, frozen=True):
    """The session refused a line without asking anybody; the reply is queued.  At most limits.errors + 1 in a session.

    ``command`` is one of the commands that exist, or says why it is none: what else a client
    sends is not quoted, since it may be a password.
    """

    command: str
    argument: str  # as sent, cut to a bound
    reply: Reply


class VerifyAsked(Struct, frozen=True):
    """VRFY.  Waits."""

    argument: str


class ExpandAsked(Struct, frozen=True):
    """EXPN.  Waits."""

    argument: str


class QueueAsked(Struct, frozen=True):
    """ETRN, of sessions that have it.  Waits."""

    node: str


class SessionEnded(Struct, frozen=True):
    """The last event.  Send what take_outgoing() still has, close, and abandon any transaction."""

    reason: EndReason


ServerEvent = (
    HelloGiven
    | MailGiven
    | RcptGiven
    | DataAsked
    | TextChunk
    | TextEnded
    | TextRefused
    | TransactionReset
    | CommandRefused
    | VerifyAsked
    | ExpandAsked
    | QueueAsked
    | SessionEnded
)
