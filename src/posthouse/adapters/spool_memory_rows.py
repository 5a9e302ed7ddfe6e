"""The rows of the spool in memory, and the values made from them."""

from dataclasses import dataclass
from datetime import UTC, datetime

from posthouse.mail.envelope import Envelope, Notify, Recipient
from posthouse.mail.outcome import Outcome
from posthouse.mail.queued import (
    REPORT_CHANNEL,
    Hop,
    Lane,
    LeasedRecipient,
    MessageInfo,
    QueueId,
    QueueRow,
    RecipientState,
)
from posthouse.queueing.formats import hop_of
from posthouse.queueing.lanes import lane_of

REPORTS = Hop(REPORT_CHANNEL, "")
NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True)
class Row:
    """One recipient."""

    number: int
    recipient: Recipient
    due: datetime
    state: RecipientState = RecipientState.QUEUED  # without regard to the lease
    attempts: int = 0
    warned: bool = False
    outcome: Outcome | None = None
    attempted: datetime | None = None
    token: int = 0
    owner: str = ""

    @property
    def visible_state(self) -> RecipientState:
        """The state as people see it: a queued recipient with a lease is leased."""
        leased = self.token and self.state is RecipientState.QUEUED
        return RecipientState.LEASED if leased else self.state

    @property
    def hop(self) -> Hop:
        """Where it waits."""
        if self.state is RecipientState.REPORTING:
            return REPORTS
        return hop_of(self.recipient.route)

    def is_leased(self, now: datetime) -> bool:
        """Does a lease hold now?"""
        return self.token != 0 and self.due > now

    def unlease(self) -> None:
        """End the lease."""
        self.token, self.owner = 0, ""


@dataclass(slots=True)
class Message:
    """One message with its recipients."""

    info: MessageInfo
    text: bytes
    rows: dict[int, Row]

    @property
    def lane(self) -> Lane:
        """Where its recipients queue."""
        return lane_of(self.info.recipients)

    def shown(self, row: Row, place: "Place | None", now: datetime) -> QueueRow:
        """Return a recipient as a listing has it."""
        note = place.note if place is not None and place.blocked_until > now else ""
        state, due = row.visible_state, row.due
        if place is not None and state is RecipientState.QUEUED:
            due = max(due, place.blocked_until)
        return QueueRow(
            self.info, row.number, row.recipient, state, due, row.attempts, row.outcome, note, row.attempted
        )


@dataclass(slots=True)
class Place:
    """What is known of one hop's lane."""

    blocked_until: datetime = NEVER
    note: str = ""
    served: datetime = NEVER


def message_info(queue_id: QueueId, envelope: Envelope, accepted: datetime, octets: int) -> MessageInfo:
    """Describe a message that is being accepted."""
    return MessageInfo(
        queue_id,
        accepted,
        envelope.reverse_path,
        envelope.body,
        envelope.smtputf8,
        envelope.ret,
        envelope.envid,
        octets,
        len(envelope.recipients) + len(envelope.failed),
    )


def new_message(queue_id: QueueId, envelope: Envelope, accepted: datetime, text: bytes) -> Message:
    """Return a message as it begins."""
    state = RecipientState.HELD if envelope.is_held else RecipientState.QUEUED
    rows = {n: Row(n, recipient, accepted, state) for n, recipient in enumerate(envelope.recipients)}
    for n, wrong in enumerate(envelope.failed, len(rows)):
        rows[n] = Row(n, wrong.recipient, accepted, RecipientState.REPORTING, outcome=wrong.outcome)
    return Message(message_info(queue_id, envelope, accepted, len(text)), text, rows)


def leased_recipient(row: Row) -> LeasedRecipient:
    """Describe a recipient for whoever delivers to it."""
    return LeasedRecipient(row.number, row.recipient, row.attempts, row.warned, row.outcome, row.attempted)


def wants_warning(row: Row) -> bool:
    """Is its sender to be told of a delay?"""
    wants = Notify.DELAY in row.recipient.wants
    return wants and not row.warned and row.visible_state is RecipientState.QUEUED
