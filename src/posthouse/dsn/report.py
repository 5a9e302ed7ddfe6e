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


class Whole(Struct, frozen=True):
    """What has to be known of a message that is to come back whole; dsn/survey.py finds it out."""

    is_ascii: bool = True
    has_long_line: bool = False  # longer than may travel in a message
    boundaries: int = 0  # of our making that may not be used, since they stand in it


class Report(Struct, frozen=True):
    """One DSN: about one message, to one address.

    ``header`` is the message's, with its empty line.  With ``whole`` all of the message is to come back.
    ``token`` is the caller's random word, from which boundary and Message-ID are made.
    ``note`` is a paragraph of its own for an unusual reader (the postmaster).
    """

    reporting_mta: str
    recipient: str  # to whom it goes
    queue_id: str
    arrival: datetime
    date: datetime
    recipients: tuple[RecipientReport, ...]
    header: bytes
    token: str
    whole: Whole | None = None
    envid: str = ""
    smtputf8: bool = False
    note: str = ""
    is_kept: bool = False  # goes to a file and never by SMTP: lines of any length may come back

    def __post_init__(self) -> None:
        if not self.recipients:
            raise ValueError("a report needs a recipient to report on")
        if not self.token.isalnum() or not self.token.isascii():
            raise ValueError(f"{self.token!r} can't be part of a boundary and a Message-ID")
