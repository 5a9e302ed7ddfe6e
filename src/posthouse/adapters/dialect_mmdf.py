"""Port Dialect by an mmdftailor: each channel's ``ap=``, ``known=`` and names, on the envelope and the header.

The rule: nothing but the reverse-path and the listed fields of the header changes; what does not need to change is
passed on as the very same text.
"""

import asyncio
from collections.abc import Mapping
from typing import Final

from msgspec.structs import replace

from posthouse.mail.address import Address, Path
from posthouse.mail.errors import DialectUnavailableError
from posthouse.mail.lookup import Answer, Lookup
from posthouse.mail.octet_text import characters, octets
from posthouse.mail.queued import Batch
from posthouse.ports import StoredText, Table
from posthouse.queueing.texts import EditedText
from posthouse.rewriting.mmdf.address import parse_address
from posthouse.routing.mmdf.compiled import MmdfRouting, Steps, TableUnavailableError
from posthouse.routing.mmdf.headers import HeaderDialect
from posthouse.submit.mmdf import ask

_EMPTY_LINE: Final = (b"\r\n\r\n", b"\n\n")
_QUESTIONS_IN_A_TURN: Final = 500  # some five milliseconds
MOST_HEADER_OCTETS: Final = 2 * 1024 * 1024  # twice what is let in; a longer one is passed as it is


class MmdfDialect:
    """Port Dialect."""

    def __init__(self, routing: MmdfRouting, tables: Mapping[str, Table]) -> None:
        self._routing = routing
        self._tables = tables

    async def render(self, batch: Batch, text: StoredText) -> tuple[Batch, StoredText]:
        """Write the reverse-path and the header as the channel of the batch does.  Raises DialectUnavailableError."""
        channel = self._routing.channel(batch.hop.channel)
        if channel is None:
            return batch, text
        dialect = HeaderDialect(self._routing, channel)
        try:
            batch = await self._with_sender(batch, dialect)
            if channel.ap.leaves_alone:
                return batch, text
            header = await text.header(MOST_HEADER_OCTETS)
            if len(header) < text.octets and not header.endswith(_EMPTY_LINE):
                return batch, text  # too long: only its first lines came
            edited = await self._answered(dialect.header(header.decode("latin-1")))
        except TableUnavailableError as error:
            raise DialectUnavailableError(str(error)) from error
        written = edited.encode("latin-1")
        return batch, text if written == header else EditedText(text, len(header), written)

    async def _answered(self, steps: Steps[str]) -> str:
        """Drive steps to their end.  A header may ask many thousands of questions: others have their turn between."""
        answer: Answer | None = None
        asked = 0
        while True:
            try:
                step = steps.send(answer)
            except StopIteration as end:
                text: str = end.value
                return text
            answer = None
            if isinstance(step, Lookup):
                asked += 1
                if asked % _QUESTIONS_IN_A_TURN == 0:
                    await asyncio.sleep(0)
                answer = await ask(step, self._tables)

    async def _with_sender(self, batch: Batch, dialect: HeaderDialect) -> Batch:
        """Write the reverse-path anew; one that could not be read again is left as it was."""
        path = batch.message.reverse_path
        if path.address is None:
            return batch
        local, domain = octets(path.address.local_part), octets(path.address.domain)
        written = await self._answered(dialect.sender(local, domain, path.route))
        try:
            read = parse_address(written)
            address = Address(characters(read.local), characters(read.domain))
        except ValueError:  # MalformedError is one
            return batch
        return replace(batch, message=replace(batch.message, reverse_path=Path(address, read.route)))
