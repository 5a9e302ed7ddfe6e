"""The values that cross the spool: names, batches, settlements, listings.

docs/spool.md tells their story.  A recipient row is in one of the states of
RecipientState; its lease (owner, token, until) lives in the same row, so that
several deliver processes can share one spool.
"""

import enum
from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct, field

from posthouse.mail.address import Path
from posthouse.mail.envelope import Body, Recipient, Return
from posthouse.mail.outcome import Outcome

QueueId = str  # 13 characters, queueing/queue_id.py; sorts by the time of acceptance

# The channel under which a recipient is filed whose final outcome is recorded
# and whose report (bounce, or success DSN) is still owed to the sender.
REPORT_CHANNEL = "report"


class RecipientState(enum.Enum):
    """Where one recipient stands.  What is finished is gone."""

    QUEUED = "queued"  # waits for its time
    LEASED = "leased"  # a deliver process has it until the lease ends
    HELD = "held"  # an operator stopped it
    REPORTING = "reporting"  # final outcome recorded, report owed


class Lane(enum.IntEnum):
    """Small messages and big ones wait in different lanes, served in turn."""

    SINGLE = 0
    BULK = 1


class Hop(Struct, frozen=True):
    """Work is grouped by channel and host."""

    channel: str
    host: str


class MessageInfo(Struct, frozen=True):
    """A queued message without its recipients and text."""

    queue_id: QueueId
    accepted: datetime
    reverse_path: Path
    body: Body
    smtputf8: bool
    ret: Return | None
    envid: str
    octets: int  # size of the text
    recipients: int = 1  # how many it was accepted for


class LeasedRecipient(Struct, frozen=True):
    """One recipient in a batch.  ``number`` names it within its message."""

    number: int
    recipient: Recipient
    attempts: int  # made before this one
    warned: bool  # a delay warning has been sent
    outcome: Outcome | None = None  # last recorded; the final one while REPORTING
    attempted: datetime | None = None  # when the last attempt ended


class Batch(Struct, frozen=True):
    """Recipients of one message for one hop, leased together under one token."""

    message: MessageInfo
    hop: Hop
    lane: Lane
    token: int
    recipients: tuple[LeasedRecipient, ...]


class LeaseRequest(Struct, frozen=True):
    """How much work the scheduler wants, and from where.

    ``spare`` says how many more batches a hop may take now (0: none); a hop that
    is not in it may take ``default_spare``.  Bulk lanes get at least one batch in
    ``bulk_turn`` when both lanes have work.
    """

    owner: str
    now: datetime
    until: datetime
    batches: int
    default_spare: int
    spare: Mapping[Hop, int] = field(default_factory=dict)
    recipients_per_batch: int = 50
    bulk_turn: int = 4
    bulk_batches: int = 1000  # at most so many of the bulk lane
    bulk_recipients: int = 50  # in each of them, and never more than in any other


class Ending(enum.Enum):
    """What becomes of a leased recipient when its attempt is settled."""

    GONE = "gone"  # finished: nothing is owed
    RETRY = "retry"  # back to the queue until ``due``
    REPORT = "report"  # to REPORTING, due at once


class Settlement(Struct, frozen=True):
    """The recorded result of one recipient of a batch.

    Applied only while the row still carries ``token``; otherwise another
    process has taken the work over, and the settlement is refused.
    """

    queue_id: QueueId
    number: int
    token: int
    ending: Ending
    outcome: Outcome | None = None
    due: datetime | None = None  # for RETRY
    attempted: datetime | None = None  # when the attempt ended; None without one: the last one's time is kept

    def __post_init__(self) -> None:
        if (self.ending is Ending.RETRY) != (self.due is not None):
            raise ValueError("a retry, and only a retry, has a time")


class WarningMark(Struct, frozen=True):
    """Recipients whose sender has now been warned of the delay; written together with the warning itself."""

    queue_id: QueueId
    numbers: tuple[int, ...]


class QueueFilter(Struct, frozen=True):
    """Which recipients a listing or an operator's verb is about; every given field must match.

    ``sender``, ``recipient``, ``host`` are shell patterns (fnmatch) without case, a
    pattern without ``@`` also matches the domain alone.
    """

    queue_ids: tuple[QueueId, ...] = ()
    sender: str = ""
    recipient: str = ""
    host: str = ""
    channel: str = ""
    states: frozenset[RecipientState] = frozenset()
    accepted_before: datetime | None = None
    accepted_after: datetime | None = None


class QueueRow(Struct, frozen=True):
    """One recipient in a listing."""

    message: MessageInfo
    number: int
    recipient: Recipient
    state: RecipientState
    due: datetime  # of a queued one: when it is next tried, also where its whole hop waits
    attempts: int
    outcome: Outcome | None
    hop_note: str = ""  # why the whole hop waits, if it does
    attempted: datetime | None = None  # when the last attempt ended


class Verb(enum.Enum):
    """What an operator may do to queued recipients."""

    HOLD = "hold"
    RELEASE = "release"
    RETRY = "retry"  # now, whatever the schedule; also clears the hop's dead mark
    REMOVE = "remove"  # without a report: the operator takes it upon himself
    BOUNCE = "bounce"  # fail now, with a report


class QueueCount(Struct, frozen=True):
    """Totals for metrics and group-by."""

    key: str
    recipients: int
    messages: int
    octets: int = 0
    oldest: datetime | None = None


class QueueTotals(Struct, frozen=True):
    """How much there is: what can be told without reading every row.  A message counts once, whatever its states."""

    recipients: Mapping[RecipientState, int]  # every state has an entry
    messages: int
    oldest: datetime | None = None  # when the oldest message was accepted
