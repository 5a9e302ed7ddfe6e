"""The client's half of an SMTP or LMTP session.  RFC 5321, RFC 2033, RFC 2920.

One rule: a recipient is delivered only by the reply that says so; whatever is
unanswered when the connection ends stays undecided.

Known limits: 8-bit text is sent as it is to a peer that does not offer 8BITMIME,
as nearly every MTA does: a conversion would break signatures.
"""

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


class ClientSession:
    """One session with a peer: commands out, replies in, events for the driver.

    The driver's loop: send ``take_outgoing``, wait for input no longer than ``awaiting`` allows,
    ``receive`` it, ``next_event`` until None.  ``receive`` and ``next_event`` never raise for a
    refusal; ``next_event`` raises ProtocolError when the peer talks nonsense: then call
    ``connection_lost`` for what is undecided, and close.  Calling a verb out of turn is a bug: RuntimeError.
    """

    def __init__(self, name: str, dialect: Dialect = Dialect.SMTP) -> None:
        raise NotImplementedError

    def receive(self, wire: bytes) -> None:
        """Take what came from the peer."""

    def next_event(self) -> ClientEvent | None:
        """Return the next event, or None when more input is needed.  Raises ProtocolError."""
        raise NotImplementedError

    def take_outgoing(self) -> bytes:
        """Return what is to be sent, and forget it."""
        raise NotImplementedError

    def start_tls(self) -> None:
        """Ask for TLS (after Ready, when offers_starttls)."""

    def tls_started(self) -> None:
        """The handshake is done: forget what the peer said before, and say EHLO again.

        Raises ProtocolError when input came in before the handshake (RFC 3207 section 4.2).
        """

    def begin(self, transaction: Transaction) -> None:
        """Start a transaction (after Ready or TransactionEnded); its first event may be TransactionEnded."""

    def send_text(self, chunk: bytes) -> None:
        """Send a piece of the text (after TextWanted)."""

    def end_text(self) -> None:
        """Send the final dot."""

    def reset(self) -> None:
        """Send RSET (a probe of an idle connection); Ready follows."""

    def quit(self) -> None:
        """Send QUIT; Closed follows."""

    def connection_lost(self) -> None:
        """The connection is gone: ConnectionLost follows from next_event."""

    @property
    def awaiting(self) -> Awaiting | None:
        """The reply that comes next; None when none is owed."""
        raise NotImplementedError

    @property
    def wants_text(self) -> bool:
        """May send_text() be called?  Turns False when the peer breaks off in the middle of the text."""
        raise NotImplementedError

    @property
    def is_idle(self) -> bool:
        """May a transaction begin?"""
        raise NotImplementedError

    @property
    def offers_starttls(self) -> bool:
        """Does the peer offer STARTTLS (never after it)?"""
        raise NotImplementedError

    @property
    def supports_pipelining(self) -> bool:
        """Does the peer offer PIPELINING?"""
        raise NotImplementedError

    @property
    def supports_dsn(self) -> bool:
        """Does the peer offer DSN (RFC 3461)?"""
        raise NotImplementedError

    @property
    def size_limit(self) -> int | None:
        """The largest text the peer takes, in octets; None when it does not say."""
        raise NotImplementedError
