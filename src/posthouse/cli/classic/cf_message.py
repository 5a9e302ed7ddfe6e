"""The message on standard input, as a sendmail site takes it: a header of fields, a body in a file of its own."""

import tempfile
from collections.abc import AsyncIterator
from typing import IO

from posthouse.cli.classic.message_input import MessageInput

_IN_MEMORY = 256 * 1024
_CHUNK = 64 * 1024


class BodyFile:
    """The body, port StoredText: in memory while it is small, else in a file without a name."""

    def __init__(self, message: MessageInput) -> None:
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - closed with the body
        self.octets = 0
        self.lines = 0
        self.is_ascii = True
        for chunk in message.body_chunks():
            self._file.write(chunk)
            self.octets += len(chunk)
            self.lines += chunk.count(b"\n")
            self.is_ascii = self.is_ascii and chunk.isascii()

    async def chunks(self) -> AsyncIterator[bytes]:
        """Stream it from its beginning."""
        self._file.seek(0)
        while chunk := self._file.read(_CHUNK):
            where = self._file.tell()
            yield chunk
            self._file.seek(where)

    async def header(self, _most: int) -> bytes:
        """The header stands apart."""
        return b""

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()
