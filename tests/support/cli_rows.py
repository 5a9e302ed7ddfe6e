"""Queue rows for tests of listings."""

from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime, timedelta

from posthouse.mail.address import NULL_PATH, Address, Path
from posthouse.mail.envelope import Body, Recipient
from posthouse.mail.outcome import Outcome
from posthouse.mail.queued import MessageInfo, QueueRow, RecipientState
from posthouse.mail.route import Route

ACCEPTED = datetime(2026, 11, 22, 7, 42, tzinfo=UTC)
NOW = ACCEPTED + timedelta(hours=3, minutes=12)


def message(queue_id: str = "1QjK2m0aBcDeF", sender: str = "sender@example.org", octets: int = 512) -> MessageInfo:
    path = Path(Address(*sender.split("@"))) if sender else NULL_PATH
    return MessageInfo(
        queue_id=queue_id,
        accepted=ACCEPTED,
        reverse_path=path,
        body=Body.SEVEN_BIT,
        smtputf8=False,
        ret=None,
        envid="",
        octets=octets,
    )


def row(
    recipient: str = "someone@example.net",
    *,
    of: MessageInfo | None = None,
    state: RecipientState = RecipientState.QUEUED,
    outcome: Outcome | None = None,
    attempts: int = 0,
    hop_note: str = "",
    host: str = "example.net",
) -> QueueRow:
    address = Address(*recipient.split("@"))
    return QueueRow(
        message=of or message(),
        number=1,
        recipient=Recipient(address, Route("smtp", host, address), address),
        state=state,
        due=NOW + timedelta(minutes=12),
        attempts=attempts,
        outcome=outcome,
        hop_note=hop_note,
    )


async def streamed(rows: Iterable[QueueRow]) -> AsyncIterator[QueueRow]:
    for one in rows:
        yield one
