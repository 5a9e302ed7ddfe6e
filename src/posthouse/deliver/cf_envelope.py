"""A message of a sendmail site on its way out, with what became of each recipient so far."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import Enum, auto
from typing import Protocol

from msgspec import Struct, field

from posthouse.deliver.mailer_text import Opened
from posthouse.mail.envelope import MailerUser, Notify, Return
from posthouse.mailers.batches import Addressee, Load
from posthouse.mailers.exits import Ending


class Message(Struct, frozen=True):
    """What a mailer must know of a message besides its text.  ``parameters``: see mailer_dialogue.Talk."""

    opened: Opened
    octets: int  # as it came: header, empty line and body with LF; for M= and SIZE=
    parameters: tuple[tuple[str, str], ...] = ()
    recipient_parameters: Mapping[int, str] = {}


class Delivered(Struct, frozen=True):
    """How it went: one ending for each addressee of the load, and what the mailer said meanwhile."""

    endings: tuple[Ending, ...]
    transcript: tuple[str, ...] = ()
    remote: str = ""  # the host of the dialogue
    passes_reports: bool = False  # the other side takes NOTIFY= over (RFC 3461)
    trouble: str = ""  # what went wrong on this machine, for whoever reads its log
    dialogue: tuple[str, ...] = ()  # all that was said up to the endings, for whoever watches
    farewell: tuple[str, ...] = ()  # and behind them
    thanks: str = ""  # what the whole text was taken with


class Standing(Enum):
    """Where a recipient stands."""

    WAITING = auto()  # to be delivered to
    SENT = auto()
    QUEUED = auto()  # to be tried again
    BAD = auto()  # its sender is told


class Way(Struct):
    """One recipient, and how it went."""

    addressee: Addressee
    standing: Standing = Standing.WAITING
    ending: Ending | None = None
    original: str = ""  # ORCPT
    final: str = ""  # with its type: who the sender gave
    notify: Notify | None = None
    remote: str = ""
    attempted: datetime | None = None
    is_passed_on: bool = False  # with what its sender wants to be told: the next host tells

    @property
    def who(self) -> MailerUser:
        """What its mailer is told."""
        return self.addressee.who


class CfEnvelope(Struct):
    """One message.  ``transcript`` is what happened, in the words that a bounce shows."""

    name: str  # the id in its Received field
    sender: str  # as given
    sender_is_local: bool
    sender_type: str  # T= of its mailer, for Final-Recipient
    opened: Opened
    octets: int
    accepted: datetime
    came_from: str
    ways: list[Way]
    transcript: list[str] = field(default_factory=list)
    is_report: bool = False
    ret: Return | None = None
    envid: str = ""
    parameters: tuple[tuple[str, str], ...] = ()
    precedence: int = 0
    hops: int = 0  # that whoever handed it in has counted
    body_is_withheld: bool = False  # it was too large for a mailer
    sender_typed: str = ""  # as a client wrote it, in angle brackets: so a report is addressed
    errors_to: Sequence[str] = ()
    exit_status: int = 0
    author: str = ""  # who handed it in, with the host
    attempts: int = 0
    message: str = ""  # what went wrong last, for the queue's listing
    is_split: bool = False  # it has been sent on its way, or is ready for it
    is_held: bool = False  # a person is to look at it before it goes on
    queue_id: str = ""  # of a message that lies in the spool

    def standing(self, *standings: Standing) -> list[Way]:
        """Return the recipients that stand so."""
        return [way for way in self.ways if way.standing in standings]


class MailerPort(Protocol):
    """Who runs mailers: channels/mailer_runs.py."""

    async def deliver(self, load: Load, message: Message) -> Delivered:
        """Deliver once; never fails but with endings."""


class ReportPort(Protocol):
    """The way in, as reports need it."""

    async def ways_to(self, addresses: Sequence[str]) -> list[Way]:
        """Resolve whom a report goes to.  What cannot be resolved stands as BAD."""

    async def keep(self, envelope: "CfEnvelope") -> None:
        """Put a message with what is left of it into the spool."""
