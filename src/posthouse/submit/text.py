"""The text of one message on its way into a draft.

The rule: only the header is ever held back, and no more of it than
``limits.header_octets``.  Once it is whole it is judged (hops) and goes into the draft
behind our Received field; all that follows goes straight through.
"""

from __future__ import annotations  # so that the ports are imported by the type checker alone

from collections.abc import Callable
from typing import TYPE_CHECKING

from posthouse.mail.errors import MalformedError
from posthouse.mail.header import header_end
from posthouse.mail.limits import Limits
from posthouse.mail.received import count_hops
from posthouse.mail.reply import Reply
from posthouse.submit import replies
from posthouse.submit.local import has_whole_header

if TYPE_CHECKING:
    from posthouse.ports import Draft


class IncomingText:
    """Text as it streams.  ``refusal`` is set as soon as the text is known to be bad; the rest is then swallowed."""

    __slots__ = ("_complete", "_draft", "_held", "_is_through", "_limits", "_received", "octets", "refusal")

    def __init__(
        self, draft: Draft, limits: Limits, received: bytes, complete: Callable[[bytes], bytes] | None = None
    ) -> None:
        """``complete`` is done to the beginning of a local submission (submit/local.py); its MalformedError refuses."""
        self._draft = draft
        self._limits = limits
        self._received = received
        self._complete = complete
        self._held: bytes | bytearray = b""  # one piece as it came, several in an array that grows
        self._is_through = False  # the header is in the draft
        self.octets = 0
        self.refusal: Reply | None = None

    async def write(self, chunk: bytes) -> None:
        """Take a chunk.  Raises SpoolError."""
        self.octets += len(chunk)
        if self.refusal is not None:
            return
        if self.octets > self._limits.text_octets:
            self._refuse(replies.TOO_LARGE)
        elif self._is_through:
            await self._draft.write(chunk)
        else:
            await self._take_header(chunk)

    async def finish(self) -> None:
        """The text has ended; without an empty line all of it was header.  Raises SpoolError."""
        if not self._is_through and self.refusal is None:
            await self._release(len(self._held))

    async def _take_header(self, chunk: bytes) -> None:
        searched = len(self._held)
        if not searched:
            self._held = chunk
        elif isinstance(self._held, bytearray):
            self._held += chunk
        else:
            self._held = bytearray(self._held) + chunk
        end = header_end(self._held, searched)
        if end >= 0:
            await self._release(end)
        elif self._complete is not None and has_whole_header(self._held, searched):
            await self._release(0)  # a body without an empty line before it
        elif len(self._held) > self._limits.header_octets:
            self._refuse(replies.HEADER_TOO_LARGE)

    async def _release(self, end: int) -> None:
        """Judge the header and write what is held: one write for a small message."""
        if end > self._limits.header_octets:
            self._refuse(replies.HEADER_TOO_LARGE)
            return
        if count_hops(bytes(self._held[:end])) >= self._limits.hops:
            self._refuse(replies.TOO_MANY_HOPS)
            return
        held, self._held = bytes(self._held), b""
        if self._complete is not None:
            try:
                held = self._complete(held)
            except MalformedError:
                self._refuse(replies.TOO_MANY_FIELDS)
                return
        self._is_through = True
        await self._draft.write(self._received + held)

    def _refuse(self, refusal: Reply) -> None:
        self.refusal = refusal
        self._held = b""
