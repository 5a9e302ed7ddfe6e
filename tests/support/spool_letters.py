"""Letters for the spool's tests: envelopes, times, requests, in as few words as possible."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta

from posthouse.mail.address import NULL_PATH, Address, Path
from posthouse.mail.envelope import Envelope, Notify, Recipient
from posthouse.mail.outcome import Outcome
from posthouse.mail.queued import (
    Batch,
    Ending,
    Hop,
    LeaseRequest,
    QueueFilter,
    QueueRow,
    Settlement,
)
from posthouse.mail.route import Route
from posthouse.ports import SpoolIntake, SpoolQueue

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
TEXT = b"Subject: tea\r\n\r\nAt four.\r\n"
SENDER = Path(Address("alice", "home.example"))


def minutes(count: float) -> timedelta:
    """Return so many minutes."""
    return timedelta(minutes=count)


def recipient(address: str, *, channel: str = "smtp", host: str = "", notify: Notify | None = None) -> Recipient:
    """Make a recipient; its host is the domain unless given."""
    local_part, _, domain = address.rpartition("@")
    mailbox = Address(local_part, domain)
    return Recipient(mailbox, Route(channel, host or domain, mailbox), mailbox, notify=notify)


def envelope(*addresses: str | Recipient, sender: Path = SENDER) -> Envelope:
    """Make an envelope."""
    return Envelope(sender, tuple(recipient(a) if isinstance(a, str) else a for a in addresses))


def bounce_envelope(address: str) -> Envelope:
    """Make the envelope of a bounce."""
    return envelope(address, sender=NULL_PATH)


def crowd(count: int, domain: str = "big.example") -> Envelope:
    """Make an envelope with many recipients at one host."""
    return envelope(*(f"user{n}@{domain}" for n in range(count)))


async def post(spool: SpoolIntake, what: Envelope, *, at: datetime = NOON, text: bytes = TEXT) -> str:
    """Put a message into the spool."""
    draft = spool.begin()
    await draft.write(text)
    return await draft.commit(what, at)


def request(
    *, now: datetime = NOON, batches: int = 10, spare: dict[Hop, int] | None = None, owner: str = "one", **rest: int
) -> LeaseRequest:
    """Ask for work, for five minutes."""
    default_spare = rest.pop("default_spare", 100)
    return LeaseRequest(owner, now, now + minutes(5), batches, default_spare, spare or {}, **rest)


def settlements(
    batch: Batch, ending: Ending, outcome: Outcome | None = None, due: datetime | None = None
) -> list[Settlement]:
    """Settle every recipient of a batch alike."""
    queue_id = batch.message.queue_id
    return [Settlement(queue_id, r.number, batch.token, ending, outcome, due) for r in batch.recipients]


async def rows(spool: SpoolQueue, query: QueueFilter | None = None) -> list[QueueRow]:
    """List what matches."""
    return [row async for row in await spool.find(query or QueueFilter())]


async def text_of(spool: SpoolQueue, queue_id: str) -> bytes:
    """Read a whole text."""
    return b"".join(await pieces_of((await spool.read_text(queue_id)).chunks()))


async def pieces_of(chunks: AsyncIterator[bytes]) -> list[bytes]:
    """Read every piece."""
    return [piece async for piece in chunks]


def queue_ids(batches: Sequence[Batch]) -> list[str]:
    """Name the messages of some batches."""
    return [batch.message.queue_id for batch in batches]
