"""The server's half of an SMTP session.  RFC 5321.

One rule: only the driver's answer to TextEnded leads from text to 250, so that
no reply can promise what the spool has not written.
"""

import enum

from posthouse.mail.limits import Limits
from posthouse.mail.reply import Reply
from posthouse.smtp.server_events import (
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

__all__ = [
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


class State(enum.Enum):
    """Where one SMTP session stands.  RFC 5321 section 4.1.4."""

    CONNECTED = enum.auto()  # no EHLO yet
    READY = enum.auto()  # EHLO done, no mail transaction
    MAIL = enum.auto()  # reverse-path accepted
    RCPT = enum.auto()  # at least one recipient accepted
    DATA = enum.auto()  # receiving message text
    COMMIT = enum.auto()  # text complete; waiting for the spool's word
    CLOSED = enum.auto()


class ServerSession:
    """One client's session: bytes in, events and replies out.

    The driver's loop: ``receive``, then ``next_event`` until it returns None, answering
    those that wait, then ``take_outgoing``.  While an answer is owed the input is kept: stop
    reading from the socket when ``buffered_octets`` grows.
    """

    client_name: str  # what EHLO or HELO gave; "" before
    state: State

    def __init__(self, hostname: str, limits: Limits) -> None:
        raise NotImplementedError

    def greet(self) -> None:
        """Queue the 220."""

    def receive(self, wire: bytes) -> None:
        """Take what came from the client."""

    def next_event(self) -> ServerEvent | None:
        """Return the next event; None when the session needs more input or an answer.  Never raises for input."""
        raise NotImplementedError

    def answer(self, reply: Reply) -> None:
        """Answer the event that waits.  A 421 ends the session."""

    def take_outgoing(self) -> bytes:
        """Return the replies that are due, and forget them."""
        raise NotImplementedError

    def shutdown(self) -> None:
        """End the session with 421 4.3.2: at once between transactions, else when the running one is over.

        Call next_event() afterwards: it gives SessionEnded when that was at once.
        """

    def time_out(self) -> None:
        """End the session with 421 4.4.2 at once."""

    def end(self, reply: Reply, reason: EndReason) -> None:
        """End the session with this reply at once (time_out, or a drain that took too long)."""

    def connection_lost(self) -> None:
        """End the session without a word: the client is gone."""

    @property
    def is_waiting(self) -> bool:
        """Is an answer owed?"""
        raise NotImplementedError

    @property
    def buffered_octets(self) -> int:
        """How much input is kept unread."""
        raise NotImplementedError
