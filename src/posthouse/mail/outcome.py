"""What happened to one recipient in one delivery attempt.

An Outcome is data, not an exception: a refused recipient is everyday work
for a mail router.  Exceptions are kept for what nobody decided (a full disk,
a bug); deliver/attempt.py turns those into a deferral, never into a failure.
"""

import enum

from msgspec import Struct

from posthouse.mail.status import Status


class Disposition(enum.Enum):
    """The field's three words.  The value is the first digit of the status."""

    DELIVERED = 2
    DEFERRED = 4
    FAILED = 5


class Outcome(Struct, frozen=True):
    """One recipient's fate in one attempt.

    ``relayed`` says that the message went on to a host that does not do DSN
    (RFC 3461 section 5.2.2), so that a NOTIFY=SUCCESS is answered "relayed".
    """

    disposition: Disposition
    status: Status
    diagnostic: str  # what the remote side or the channel said; never empty
    remote: str = ""  # host that said it; "" when this host decided
    code: int = 0  # the remote's three-digit reply; 0 when there was none
    relayed: bool = False
    tried: bool = True  # False: expired or cancelled without an attempt of its own

    def __post_init__(self) -> None:
        if self.status.class_ != self.disposition.value:
            raise ValueError(f"status {self.status} contradicts {self.disposition.name}")
        if not self.diagnostic:
            raise ValueError("an outcome without a diagnostic cannot be bounced")


def delivered(diagnostic: str, *, status: str = "2.0.0", remote: str = "", code: int = 0) -> Outcome:
    """Return the outcome of a delivery that succeeded."""
    return Outcome(Disposition.DELIVERED, Status.parse(status), diagnostic, remote, code)


def deferred(diagnostic: str, *, status: str = "4.0.0", remote: str = "", code: int = 0) -> Outcome:
    """Return the outcome of an attempt to be made again."""
    return Outcome(Disposition.DEFERRED, Status.parse(status), diagnostic, remote, code)


def failed(diagnostic: str, *, status: str = "5.0.0", remote: str = "", code: int = 0) -> Outcome:
    """Return the outcome of an attempt that will not be made again."""
    return Outcome(Disposition.FAILED, Status.parse(status), diagnostic, remote, code)
