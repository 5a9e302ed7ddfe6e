"""Header fields as a sendmail site keeps them: what a name means, and the fields of a message.

Text is octet text (rewriting/symbols.py).  A value begins with the blank behind the colon and
keeps its line ends (LF), so that a field that nobody edits leaves as it came.
"""

import re
from collections.abc import Iterator
from enum import Flag, auto
from typing import Final

from msgspec import Struct

from posthouse.rewriting.tokens import fold


class Nature(Flag):
    """What is special about a field, by its name."""

    ORDINARY = 0
    SENDER = auto()  # addresses, rewritten as senders
    RECIPIENT = auto()  # addresses, rewritten as recipients
    RESENT = auto()  # only in a message that was resent
    REPEATABLE = auto()  # ours comes beside those of the message
    CHECKED = auto()  # the flags of its H line count for the message's own, too
    BLIND = auto()
    LATE = auto()  # its macros are expanded for each mailer
    RECEIPT = auto()
    TRACE = auto()  # counts as a hop
    ENDS_HEADER = auto()


_SENDER, _RECIPIENT, _RESENT = Nature.SENDER, Nature.RECIPIENT, Nature.RESENT
_NATURES: Final = {
    "resent-sender": _SENDER | _RESENT,
    "resent-from": _SENDER | _RESENT,
    "resent-reply-to": _SENDER | _RESENT,
    "sender": _SENDER,
    "from": _SENDER,
    "reply-to": _SENDER,
    "errors-to": _SENDER,
    "disposition-notification-to": _SENDER,
    "full-name": Nature.CHECKED,
    "content-length": Nature.CHECKED,
    "return-path": Nature.CHECKED | Nature.REPEATABLE | Nature.LATE,
    "return-receipt-to": Nature.RECEIPT,
    "delivery-receipt-to": Nature.RECEIPT,
    "to": _RECIPIENT,
    "cc": _RECIPIENT,
    "bcc": _RECIPIENT | Nature.BLIND,
    "apparently-to": _RECIPIENT,
    "resent-to": _RECIPIENT | _RESENT,
    "resent-cc": _RECIPIENT | _RESENT,
    "resent-bcc": _RECIPIENT | _RESENT | Nature.BLIND,
    "resent-message-id": _RESENT,
    "resent-date": _RESENT,
    "message": Nature.ENDS_HEADER,
    "text": Nature.ENDS_HEADER,
    "received": Nature.TRACE | Nature.REPEATABLE,
    "x400-received": Nature.TRACE | Nature.REPEATABLE,
    "via": Nature.TRACE | Nature.REPEATABLE,
    "mail-from": Nature.TRACE | Nature.REPEATABLE,
    "comments": Nature.REPEATABLE,
    "x-authentication-warning": Nature.REPEATABLE,
}
_FIELD: Final = re.compile(r"([!-9;-~]+)[ \t]*:(.*(?:\n[ \t].*)*)", re.DOTALL)
_FOLDED: Final = re.compile(r"\r?\n(?![ \t])")


def nature_of(name: str) -> Nature:
    """Return what is special about a field, by its name in any case."""
    return _NATURES.get(fold(name), Nature.ORDINARY)


class Field(Struct, frozen=True):
    """One field, of the message or by an H line.

    ``flags`` and ``macro`` are the condition of its H line; they count where ``is_conditional``, or by its nature.
    ``is_template``: the value has macros that are expanded when it is sent.
    """

    name: str
    value: str
    flags: str = ""
    macro: str = ""
    is_conditional: bool = False
    is_template: bool = False

    @property
    def nature(self) -> Nature:
        """What is special about it."""
        return nature_of(self.name)


def split_fields(header: bytes) -> Iterator[Field]:
    """Yield the fields of a header, which ends before its empty line.  A line that is no field is passed over."""
    text = header.decode("iso8859-1").replace("\r\n", "\n").rstrip("\n")
    for line in _FOLDED.split(text):
        found = _FIELD.fullmatch(line)
        if found is not None:
            yield Field(found[1], found[2])


def has_value(field: Field) -> bool:
    """Is there more in the field than blanks and comments?"""
    depth = 0
    for character in field.value:
        if character == "(":
            depth += 1
        elif character == ")" and depth:
            depth -= 1
        elif not depth and character not in " \t\n":
            return True
    return False
