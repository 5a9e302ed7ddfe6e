"""The text of one message on its way in: what comes from the client, and what of it goes into the draft.

The rule: only the header is ever held back, and no more of it than
``limits.header_octets``.  Once it is whole it is judged (hops) and goes into the draft
behind our Received field; all that follows goes straight through.
"""

from collections.abc import Callable

from posthouse.mail.errors import MalformedError
from posthouse.mail.header import header_end
from posthouse.mail.limits import Limits
from posthouse.mail.received import count_hops
from posthouse.mail.reply import Reply
from posthouse.submit import replies
from posthouse.submit.local import has_whole_header


class IncomingText:
    """Text as it streams.  ``refusal`` is set as soon as the text is known to be bad; the rest is then swallowed."""

    __slots__ = ("_complete", "_header", "_held", "_is_through", "_limits", "_received", "octets", "refusal")

    def __init__(self, limits: Limits, received: bytes, complete: Callable[[bytes], bytes] | None = None) -> None:
        """``complete`` is done to the beginning of a local submission (submit/local.py); its MalformedError refuses."""
        self._limits = limits
        self._received = received
        self._complete = complete
        self._held: bytes | bytearray = b""  # one piece as it came, several in an array that grows
        self._header: bytes | None = None  # until it is taken
        self._is_through = False  # the header is in the draft
        self.octets = 0
        self.refusal: Reply | None = None

    def feed(self, chunk: bytes) -> bytes:
        """Take a chunk and return what is to be written now: b"" while the header is held back, and after a refusal."""
        self.octets += len(chunk)
        if self.refusal is not None:
            return b""
        if self.octets > self._limits.text_octets:
            return self.refuse(replies.TOO_LARGE)
        return chunk if self._is_through else self._take_header(chunk)

    def finish(self) -> bytes:
        """Return what is still to be written at the end; without an empty line all of the text was header."""
        if self._is_through or self.refusal is not None:
            return b""
        return self._release(len(self._held))

    def take_header(self) -> bytes | None:
        """Return the header as it came, once: None before it went through, and after it was taken."""
        header, self._header = self._header, None
        return header

    def _take_header(self, chunk: bytes) -> bytes:
        searched = len(self._held)
        if not searched:
            self._held = chunk
        elif isinstance(self._held, bytearray):
            self._held += chunk
        else:
            self._held = bytearray(self._held) + chunk
        end = header_end(self._held, searched)
        if end >= 0:
            return self._release(end)
        if self._complete is not None and has_whole_header(self._held, searched):
            return self._release(0)  # a body without an empty line before it
        if len(self._held) > self._limits.header_octets:
            return self.refuse(replies.HEADER_TOO_LARGE)
        return b""

    def _release(self, end: int) -> bytes:
        """Judge the header and let go of what is held: all of a small message."""
        if end > self._limits.header_octets:
            return self.refuse(replies.HEADER_TOO_LARGE)
        header = bytes(self._held[:end])
        if count_hops(header) >= self._limits.hops:
            return self.refuse(replies.TOO_MANY_HOPS)
        held, self._held = bytes(self._held), b""
        if self._complete is not None:
            try:
                held = self._complete(held)
            except MalformedError:
                return self.refuse(replies.TOO_MANY_FIELDS)
        self._is_through = True
        self._header = header
        return self._received + held

    def refuse(self, refusal: Reply) -> bytes:
        """Let nothing more through."""
        self.refusal = refusal
        self._held = b""
        return b""
