"""Batches and texts for tests of channels."""

from datetime import UTC, datetime, timedelta

from posthouse.mail.address import NULL_PATH, Address, Path
from posthouse.mail.envelope import Body, Recipient
from posthouse.mail.queued import Batch, Hop, Lane, LeasedRecipient, MessageInfo
from posthouse.mail.route import Route
from posthouse.site.model import ChannelDeclaration, ChannelKind

TEXT = b"Subject: a test\r\n\r\nHello.\r\n.dotted\r\n"
SENDER = Path(Address("sender", "example.org"))


class MemoryText:
    """Port StoredText over bytes; ``piece_octets`` cuts it into chunks."""

    def __init__(self, text: bytes = TEXT, piece_octets: int = 64 * 1024) -> None:
        self.octets = len(text)
        self._text = text
        self._piece_octets = piece_octets

    async def chunks(self):
        for start in range(0, self.octets, self._piece_octets):
            yield self._text[start : start + self._piece_octets]

    async def header(self, most: int) -> bytes:
        return self._text.partition(b"\r\n\r\n")[0][:most]


class BrokenText(MemoryText):
    """A text whose file breaks off in the middle."""

    async def chunks(self):
        yield self._text[: self.octets // 2]
        raise OSError("input/output error")


def batch(
    *addresses: str, host: str = "", sender: Path = SENDER, octets: int = len(TEXT), body=Body.SEVEN_BIT
) -> Batch:
    """Return a batch for these recipients (``user@domain``)."""
    recipients = []
    for number, text in enumerate(addresses or ("bob@example.net",)):
        local_part, _, domain = text.rpartition("@")
        address = Address(local_part, domain)
        recipients.append(
            LeasedRecipient(number, Recipient(address, Route("out", host, address), address), attempts=0, warned=False)
        )
    message = MessageInfo(
        queue_id="2ABCDEF000001",
        accepted=datetime(2026, 1, 1, tzinfo=UTC),
        reverse_path=sender,
        body=body,
        smtputf8=False,
        ret=None,
        envid="",
        octets=octets,
    )
    return Batch(message, Hop("out", host), Lane.SINGLE, token=1, recipients=tuple(recipients))


def declare(kind: ChannelKind = ChannelKind.SMTP, **parameters) -> ChannelDeclaration:
    """Return a channel's declaration."""
    parameters.setdefault("idle", timedelta(minutes=10))
    return ChannelDeclaration(name="out", kind=kind, **parameters)


NULL_SENDER = NULL_PATH
