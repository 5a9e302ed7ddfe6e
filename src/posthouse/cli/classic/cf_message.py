"""The message on standard input, as a sendmail site takes it: a header of fields, a body in a file of its own."""

import tempfile
from collections.abc import AsyncIterator
from typing import IO, BinaryIO

from posthouse.cli.classic.message_input import MessageInput

_IN_MEMORY = 256 * 1024
_CHUNK = 64 * 1024
_SEVEN_BITS = bytes(octet & 0x7F for octet in range(256))


class CountedInput:
    """Standard input, and how much of it there was: the size of a message, with the line ends that it came with.

    ``in_seven_bits``: of every octet the highest bit is dropped.
    """

    def __init__(self, stream: BinaryIO, *, in_seven_bits: bool = False) -> None:
        self._stream = stream
        self._in_seven_bits = in_seven_bits
        self._octets = 0
        self._last = b""

    def readline(self, most: int) -> bytes:
        """Read a line."""
        line = self._stream.readline(most)
        self._octets += len(line)
        self._last = line or self._last
        return line.translate(_SEVEN_BITS) if self._in_seven_bits else line

    def octets(self, dots_are_text: bool) -> int:
        """Return the size of the message; the line with the dot that ended it is none of it."""
        ended = not dots_are_text and self._last in (b".\n", b".\r\n", b".")
        return self._octets - (len(self._last) if ended else 0)


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
