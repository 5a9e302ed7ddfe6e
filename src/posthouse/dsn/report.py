"""What a report says, before it has a form.

Values only; compose.py gives them their form, parse.py reads them back.
"""

import enum
from datetime import datetime

from msgspec import Struct

from posthouse.mail.address import Address
from posthouse.mail.status import Status


class Action(enum.Enum):
    """What was done for a recipient.  RFC 3464 section 2.3.3."""

    FAILED = "failed"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    RELAYED = "relayed"
    EXPANDED = "expanded"


class RecipientReport(Struct, frozen=True):
    """One recipient's part of a report.

    ``final`` is the address that was tried last, ``given`` the one that the sender
    wrote, ``orcpt`` the ORCPT parameter undecoded.  A ``remote`` is the host that
    said the diagnostic, with its reply ``code``; "" and 0 when this host decided.
    """

    final: Address
    given: Address
    action: Action
    status: Status
    diagnostic: str
    remote: str = ""
    code: int = 0
    orcpt: str = ""
    last_attempt: datetime | None = None
    retry_until: datetime | None = None  # delayed only


class Report(Struct, frozen=True):
    """One DSN: about one message, to one address.

    ``returned`` is the message's header, or with ``is_full`` the whole message.
    ``token`` is the caller's random word, from which boundary and Message-ID are made.
    ``note`` is a paragraph of its own for an unusual reader (the postmaster).
    """

    reporting_mta: str
    recipient: str  # to whom it goes
    queue_id: str
    arrival: datetime
    date: datetime
    recipients: tuple[RecipientReport, ...]
    returned: bytes
    token: str
    is_full: bool = False
    envid: str = ""
    smtputf8: bool = False
    note: str = ""
    is_kept: bool = False  # goes to a file and never by SMTP: lines of any length may come back

    def __post_init__(self) -> None:
        if not self.recipients:
            raise ValueError("a report needs a recipient to report on")
        if not self.token.isalnum() or not self.token.isascii():
            raise ValueError(f"{self.token!r} can't be part of a boundary and a Message-ID")
