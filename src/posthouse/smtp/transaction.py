"""What the client session is asked to send, and what it tells its driver.

One rule: every recipient of a transaction ends with its own result, in the
order in which the recipients were given.
"""

import enum

from msgspec import Struct

from posthouse.mail.address import Address, Path
from posthouse.mail.envelope import Body, Notify, Return
from posthouse.mail.reply import Reply


class Dialect(enum.Enum):
    """Which protocol the peer speaks.  LMTP (RFC 2033) says LHLO and answers the text once per recipient."""

    SMTP = "smtp"
    LMTP = "lmtp"


class Awaiting(enum.Enum):
    """The reply that comes next, by which the driver picks its timeout (RFC 5321 section 4.5.3.2)."""

    __hash__ = object.__hash__  # enum's own is a Python call, several for each reply

    GREETING = "greeting"
    HELLO = "EHLO"
    STARTTLS = "STARTTLS"
    MAIL = "MAIL FROM"
    RCPT = "RCPT TO"
    DATA = "DATA"
    TEXT_END = "end of text"
    RSET = "RSET"
    QUIT = "QUIT"


class RecipientCommand(Struct, frozen=True):
    """One recipient of a transaction.

    ``path`` is what stands between the angle brackets where a site's rules wrote more than the address, such as a
    source route; "" is the address.
    """

    address: Address
    notify: Notify | None = None
    orcpt: str = ""
    path: str = ""


class Transaction(Struct, frozen=True):
    """One message to send.  ``octets`` is the size of its text (CRLF line ends, not dot-stuffed).

    ``sends_route``: the source route of the reverse-path goes out with it; it does not by itself (RFC 5321 appendix C).
    """

    reverse_path: Path
    recipients: tuple[RecipientCommand, ...]
    octets: int
    body: Body = Body.SEVEN_BIT
    smtputf8: bool = False
    ret: Return | None = None
    envid: str = ""
    sends_route: bool = False

    def __post_init__(self) -> None:
        if not self.recipients:
            raise ValueError("a transaction needs a recipient")


class RecipientResult(Struct, frozen=True):
    """The reply that decided one recipient's fate.

    ``command`` is what the peer was answering; None when nothing was sent,
    because the peer lacks what the message needs: then the reply is our own.
    """

    reply: Reply
    command: Awaiting | None


class Ready(Struct, frozen=True):
    """Greeting and EHLO are done (again, after STARTTLS or RSET): a transaction may begin."""


class SessionRefused(Struct, frozen=True):
    """The peer does not serve us: its greeting or its answer to EHLO and HELO was 4yz or 5yz.  Close."""

    reply: Reply
    command: Awaiting


class TlsReady(Struct, frozen=True):
    """The peer agreed to STARTTLS: do the handshake, then call tls_started()."""


class TlsRefused(Struct, frozen=True):
    """The peer refused STARTTLS.  The session is ready without it."""

    reply: Reply


class TextWanted(Struct, frozen=True):
    """354, and at least one recipient accepted: call send_text() any number of times, then end_text()."""


class TransactionEnded(Struct, frozen=True):
    """One result per recipient, in the transaction's order."""

    results: tuple[RecipientResult, ...]


class Closed(Struct, frozen=True):
    """The session is over (QUIT answered, or the peer said 421): close the connection."""

    reply: Reply | None = None


class ConnectionLost(Struct, frozen=True):
    """The connection went away.  Comes once, after connection_lost().

    ``results`` has None for each recipient whose fate is unknown; it is empty when no
    transaction was running.  ``text_ended``: the final dot had been sent, so that those
    recipients may have been delivered all the same (RFC 1047): they are deferred.
    """

    results: tuple[RecipientResult | None, ...]
    awaiting: Awaiting | None
    text_ended: bool = False


ClientEvent = Ready | SessionRefused | TlsReady | TlsRefused | TextWanted | TransactionEnded | Closed | ConnectionLost
