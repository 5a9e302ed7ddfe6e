"""What became of one address: routed, refused or deferred.

A resolution is a value that may be kept: it holds for as long as no table
that was asked changes its version.  The reply is for the peer and bland; the
reason is for the log and says everything.
"""

import enum

from msgspec import Struct

from posthouse.mail.address import Address
from posthouse.mail.envelope import MailerUser
from posthouse.mail.lookup import Trace
from posthouse.mail.reply import Reply
from posthouse.mail.route import Route


class Destination(enum.Enum):
    """What we are for the domain of the address that was asked about; relaying is decided on it."""

    LOCAL = "local"
    RELAY = "relay"
    EXTERNAL = "external"


class Routed(Struct, frozen=True):
    """One place where the message goes.  ``address`` is where it is delivered; ``route.address`` is the same.

    ``mailer`` is there where rules have resolved the address, for whom the triple is more than the route.
    """

    route: Route
    address: Address
    mailer: MailerUser | None = None

    @property
    def key(self) -> tuple[str, ...]:
        """What two names of one place have in common."""
        if self.mailer is None:
            return self.address.key
        return (self.route.channel, self.route.host.lower(), self.mailer.user)


class Resolved(Struct, frozen=True):
    """The address is good.

    ``recipients`` is free of duplicates and in the order of the alias tables.
    ``problems`` are members of an alias that lead nowhere while others do: the
    mail is accepted, the operator is told.
    """

    destination: Destination
    recipients: tuple[Routed, ...]
    problems: tuple[str, ...] = ()
    trace: Trace = ()
    via: str = ""  # the trace on one line, routing/trace.py

    def __post_init__(self) -> None:
        if not self.recipients:
            raise ValueError("an address that goes nowhere is refused, not resolved")


class Refused(Struct, frozen=True):
    """The address is bad for good: 5yz."""

    destination: Destination
    reply: Reply
    reason: str
    trace: Trace = ()
    via: str = ""


class Deferred(Struct, frozen=True):
    """Nobody can say now, because a table is unavailable: 4yz."""

    destination: Destination
    reply: Reply
    reason: str
    trace: Trace = ()
    via: str = ""


Resolution = Resolved | Refused | Deferred
