"""What became of an address, as MMDF's submit says it: reply codes, queued lines, notices.

Texts are those of submit(8); numbers are the octets of MMDF's reply byte, whose first octal digit
tells what the caller may conclude: 2 try again, 3 never.
"""

from enum import Enum

from msgspec import Struct

from posthouse.mail.lookup import Trace
from posthouse.mail.notice import Notice

_BAD = 0o200
_FOR_GOOD = 0o300


class Code(Enum):
    """The reply bytes that address checking knows."""

    OK = 0o011  # nothing wrong, and nobody to send to: a file without a good address
    DOK = 0o013  # accepted for the delay channel
    AOK = 0o140  # address accepted
    BHST = 0o221
    NS = 0o225  # the name server did not answer
    FOPN = 0o252
    NO = 0o311
    USER = 0o330
    NAUTH = 0o331

    is_bad: bool  # the address is refused, now or for good
    is_deferred: bool  # it may be tried again
    octal: str  # three digits

    def __init__(self, octet: int) -> None:
        # Said once: every address asks, and a property of an enumeration costs as much as a look-up.
        self.is_bad = bool(octet & _BAD)
        self.is_deferred = octet & _FOR_GOOD == _BAD
        self.octal = f"{octet:03o}"


class MmdfReply(Struct, frozen=True):
    """The answer to one address line."""

    code: Code
    text: str


class QueuedAddress(Struct, frozen=True):
    """One line of an address file.  ``host`` is "" for the local channel."""

    channel: str
    queue: str
    host: str
    address: str

    @property
    def line(self) -> str:
        """Write it as the address file has it, with the third flag of MMDF 2.44."""
        text = ""
        for field in ("-", "m", "-", self.queue, self.host, self.address):
            text += f" {_written(field)}" if field else (", ," if text else " ,")
        return text[1:]


class Checked(Struct, frozen=True):
    """What became of one address line.

    ``said`` are the lines that ``submit`` prints when it traces; ``queued`` is in the order of the address file;
    ``authlog`` are the entries of the authorization log, without the name of the message.
    """

    replies: tuple[MmdfReply, ...]
    queued: tuple[QueuedAddress, ...] = ()
    notices: tuple[Notice, ...] = ()
    authlog: tuple[str, ...] = ()
    said: tuple[str, ...] = ()
    trace: Trace = ()

    @property
    def is_accepted(self) -> bool:
        """Was every reply good, and was there one?"""
        return bool(self.replies) and not any(reply.code.is_bad for reply in self.replies)

    @property
    def queue_folders(self) -> tuple[str, ...]:
        """Where the message would be found."""
        if not self.queued:
            return ()
        return ("addr", "msg", *sorted({f"q.{one.queue}" for one in self.queued}))


_ESCAPES = {"\b": "\\b", "\t": "\\t", "\f": "\\f", "\r": "\\r", "\n": "\\n", "\\": "\\\\", '"': '\\"'}
_DELIMITERS = frozenset(" \t=,;:/|.")


def _written(field: str) -> str:
    """Write a field so that the tailor file's lexer reads it as one."""
    text = field
    if not field.isprintable() or '"' in field or "\\" in field:
        text = "".join(_ESCAPES.get(one, one if one.isprintable() else f"\\{ord(one) & 0o377:03o}") for one in field)
    return f'"{text}"' if _DELIMITERS.intersection(field) else text
