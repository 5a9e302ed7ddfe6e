"""Port Dialect by a sendmail.cf: the header as H lines and the mailer's flags have it, the sender in its words.

For mailers that connect ([IPC]); those that are programs or files edit what they are given themselves
(channels/mailer.py), since their text has a form of its own.
"""

from __future__ import annotations  # so that the ports are imported by the type checker alone

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from msgspec.structs import replace

from posthouse.deliver.mailer_text import OutgoingText, Renderer
from posthouse.mail.address import Address, Path
from posthouse.mailers.text import TextWriter
from posthouse.rewriting.tokens import fold

if TYPE_CHECKING:
    from posthouse.mail.queued import Batch
    from posthouse.ports import StoredText


class CfDialect:
    """Port Dialect."""

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer

    async def render(self, batch: Batch, text: StoredText) -> tuple[Batch, StoredText]:
        """Edit the sender and the header for the mailer of a batch.  Raises DialectUnavailableError."""
        mailer = self._renderer.configuration.mailers.get(fold(batch.hop.channel))
        if mailer is None or mailer.path != "[IPC]":
            return batch, text
        opened = await self._renderer.open(batch.message, text, batch.recipients)
        sender = await self._renderer.sender_for(opened, mailer)
        who = batch.recipients[0].recipient.mailer
        macros = {
            "g": sender,
            "h": batch.hop.host,
            "u": who.user if who else str(batch.recipients[0].recipient.address),
        }
        outgoing = await self._renderer.write(opened, mailer, macros, is_smtp=True)
        return _with_sender(batch, sender), RenderedText(outgoing)


class RenderedText:
    """Port StoredText: a text whose header was edited."""

    def __init__(self, outgoing: OutgoingText) -> None:
        self._outgoing = outgoing
        self._head = TextWriter(outgoing.form).header(outgoing.lines)
        opened = outgoing.opened
        self.octets = len(self._head) + max(opened.text.octets - opened.body_at, 0)

    def chunks(self) -> AsyncIterator[bytes]:
        """Stream it."""
        return self._outgoing.chunks()

    async def header(self, most: int) -> bytes:
        """Return the header as it was edited."""
        return self._head[:most]


def _with_sender(batch: Batch, sender: str) -> Batch:
    """Put the sender as rules have written it into the envelope; one that is no address stays as it was."""
    if batch.message.reverse_path.is_null:
        return batch
    local_part, at, domain = sender.encode("latin-1", "replace").decode("utf-8", "replace").rpartition("@")
    try:
        path = Path(Address(local_part, domain) if at else Address(domain))
    except ValueError:
        return batch
    return replace(batch, message=replace(batch.message, reverse_path=path))
