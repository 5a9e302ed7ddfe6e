"""What a local submission lacks, added; RFC 6409 section 8, RFC 5322 section 3.6.

The rule: fields that are missing are put in front, Bcc is cut out, and not
an octet of anything else changes.  Relayed text never comes here.
"""

import re
from binascii import b2a_base64
from collections.abc import Collection
from datetime import datetime

from msgspec import Struct

from posthouse.mail.address import Address
from posthouse.mail.dates import format_date
from posthouse.mail.errors import MalformedError
from posthouse.mail.header import MOST_FIELDS, end_of_fields, has_too_many_fields, missing, remove

_BLIND = (b"bcc", b"resent-bcc")
_DATE, _FROM, _MESSAGE_ID = b"Date", b"From", b"Message-ID"
_PLAIN_NAME = re.compile(r"[A-Za-z0-9 !#$%&'*+/=?^_`{|}~-]+")
_NEEDS_BACKSLASH = re.compile(r'(["\\])')
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_ENCODED_OCTETS = 42  # of a name in one encoded-word: 56 of base64 and 12 around it stay below 75 (RFC 2047 section 2)
_NAME_OCTETS = 200
# The line with which mailbox files part messages; it is no field.
_FROM_LINE = re.compile(rb">?From [^\n]*\n")
_ANY_LINE_END = re.compile(rb"\r\n|\r|\n")


class Origination(Struct, frozen=True):
    """What is put into the fields that are missing."""

    author: Address
    full_name: str
    at: datetime
    message_id: str  # without angle brackets


def complete_text(text: bytes, origination: Origination) -> bytes:
    """Return a text, given at least to the end of its header, with its header complete.  Raises MalformedError.

    A text that begins without a header, or whose header runs into the body, gets the empty line
    that parts the two.
    """
    text = _without_from_line(text)
    end = end_of_fields(text)
    header, rest = text[:end], text[end:]
    if header and not header.endswith(b"\n"):
        header += b"\r\n"
    parting = b"" if rest.startswith(b"\r\n") else b"\r\n"
    return complete_header(header, origination) + parting + rest


def complete_header(header: bytes, origination: Origination) -> bytes:
    """Return the fields with Date, From and Message-ID where they are missing, and without Bcc.

    Raises MalformedError for more fields than are looked at: a Bcc beyond them would be shown to everybody.
    """
    if has_too_many_fields(header):
        raise MalformedError(f"the header has more than {MOST_FIELDS} fields")
    lacking = missing(header, (_DATE, _FROM, _MESSAGE_ID))
    return _originate(lacking, origination) + remove(header, _BLIND)


def has_whole_header(text: bytes | bytearray, judged: int = 0) -> bool:
    """Is everything there that ``complete_text`` needs?  Only whole lines are judged.

    ``judged`` is how much of the text was there when the answer was no: a long header is read once, however it is cut.
    """
    from_line = _FROM_LINE.match(text)
    first = from_line.end() if from_line else 0
    start = max(first, text.rfind(b"\n", 0, judged) + 1)
    whole = text.rfind(b"\n") + 1
    return whole > start and end_of_fields(text, start, whole, is_first=start == first) < whole


class LineEnds:
    """CRLF, LF and CR into CRLF, chunk by chunk.  The text never ends without a line end."""

    def __init__(self) -> None:
        self._held = b""  # a CR whose LF may be in the next chunk
        self._unfinished = False  # the last line has no end yet

    def convert(self, chunk: bytes) -> bytes:
        """Return the next part of the text."""
        chunk = self._held + chunk
        self._held = b"\r" if chunk.endswith(b"\r") else b""
        chunk = chunk.removesuffix(b"\r")
        if not chunk:
            return b""
        converted = _ANY_LINE_END.sub(b"\r\n", chunk) if b"\r" in chunk else chunk.replace(b"\n", b"\r\n")
        self._unfinished = not converted.endswith(b"\n")
        return converted

    def finish(self) -> bytes:
        """Return what the text lacks at its end."""
        lacks = bool(self._held) or self._unfinished
        self._held, self._unfinished = b"", False
        return b"\r\n" if lacks else b""


def _without_from_line(text: bytes) -> bytes:
    match = _FROM_LINE.match(text)
    return text if match is None else text[match.end() :]


def _originate(lacking: Collection[bytes], origination: Origination) -> bytes:
    lines = []
    if _DATE in lacking:
        lines.append(f"Date: {format_date(origination.at)}\r\n")
    if _FROM in lacking:
        lines.append(f"From: {_author(origination)}\r\n")
    if _MESSAGE_ID in lacking:
        lines.append(f"Message-ID: <{origination.message_id}>\r\n")
    return "".join(lines).encode()


def _author(origination: Origination) -> str:
    name = " ".join(_CONTROL.sub(" ", origination.full_name).split())
    name = name.encode("utf-8", "replace")[:_NAME_OCTETS].decode("utf-8", "ignore")
    if not name:
        return str(origination.author)
    if not name.isascii():
        name = _encoded(name)
    elif not _PLAIN_NAME.fullmatch(name):
        name = '"' + _NEEDS_BACKSLASH.sub(r"\\\1", name) + '"'
    return f"{name} <{origination.author}>" if len(name) < 40 else f"{name}\r\n <{origination.author}>"


def _encoded(name: str) -> str:
    """Return a name as encoded-words, none of which cuts a character in two.  RFC 2047 section 5."""
    words: list[bytes] = [b""]
    for character in name:
        octets = character.encode()
        if len(words[-1]) + len(octets) > _ENCODED_OCTETS:
            words.append(b"")
        words[-1] += octets
    return "\r\n ".join(f"=?utf-8?B?{b2a_base64(word, newline=False).decode('ascii')}?=" for word in words)
