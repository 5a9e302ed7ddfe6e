"""How the header of a sendmail site lies in the spool: readable as it is, with its conditions in one line before it.

The line is ``?`` and JSON; no field begins so, and the text of any other message begins with a field.  The
fields follow, each with the conditions and the template that stand for it in that line.
"""

from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec import Struct

from posthouse.mail.envelope import Recipient
from posthouse.mail.errors import MalformedError
from posthouse.mail.octet_text import octets
from posthouse.mailers.fields import Field, split_fields
from posthouse.mailers.header import BoundHeader

_MARK: Final = b"?"


class Circumstances(Struct, frozen=True, omit_defaults=True):
    """What a message brings beside its fields: macros by their names, and the sender as given, in octet text.

    ``is_report``: the message is a bounce, so that its reverse-path is null.  ``sender_domain``: see rendering.py.
    What follows ``octets`` is for control files of sendmail's form, control_file.py.
    """

    macros: Mapping[str, str] = {}
    sender: str = ""
    is_report: bool = False
    sender_domain: tuple[str, ...] = ()
    octets: int = 0  # the size of the message as it came; 0 when nobody knows
    sender_type: str = ""  # T= of the sender's mailer
    author: str = ""  # who handed it in, as AUTH= would say
    precedence: int = 0
    recipients: int = 0  # when it was first sent
    attempts: int = 0  # before it was queued
    message: str = ""  # what went wrong last before it was queued
    has_eight_bits: bool = False
    is_split: bool = False  # every recipient is known, and those of other owners are in messages of their own


class StoredHeader(Struct, frozen=True):
    """A header and its circumstances."""

    header: BoundHeader
    circumstances: Circumstances


class _Condition(Struct, frozen=True, omit_defaults=True, array_like=True):
    flags: str = ""
    macro: str = ""
    is_conditional: bool = False
    template: str | None = None


class _Line(Struct, frozen=True, omit_defaults=True):
    circumstances: Circumstances
    conditions: tuple[_Condition, ...] = ()
    is_old_style: bool = False
    is_resent: bool = False
    drops_blind: bool = False


def write_stored(stored: StoredHeader) -> bytes:
    """Return the line, the fields and the empty line, with CRLF."""
    header = stored.header
    line = _Line(
        stored.circumstances,
        tuple(_condition(field) for field in header.fields),
        header.is_old_style,
        header.is_resent,
        header.drops_blind,
    )
    fields = "".join(f"{f.name}:{'' if f.is_template else f.value}\n" for f in header.fields)
    octets = fields.encode("iso8859-1", "replace").replace(b"\n", b"\r\n")
    return _MARK + msgspec.json.encode(line) + b"\r\n" + octets + b"\r\n"


def final_recipient_of(recipient: Recipient, circumstances: Circumstances, host: str) -> str:
    """Return whom the sender gave, with the type of the sender's mailer, as Final-Recipient shows it: octet text."""
    given = octets(str(recipient.original))
    whole = given if recipient.original.domain else f"{given}@{host}"
    return f"{circumstances.sender_type or 'rfc822'}; {whole}"


def is_stored(text: bytes) -> bool:
    """Does a text begin with such a header?"""
    return text.startswith(_MARK)


def read_stored(text: bytes) -> StoredHeader:
    """Read a header, which ends before its empty line.  Raises MalformedError."""
    first, _, rest = text.partition(b"\r\n")
    try:
        line = msgspec.json.decode(first.removeprefix(_MARK), type=_Line)
    except msgspec.DecodeError as error:
        raise MalformedError(f"not a header of the spool: {error}") from error
    fields = tuple(split_fields(rest))
    if len(fields) != len(line.conditions):
        raise MalformedError(f"{len(fields)} fields with {len(line.conditions)} conditions")
    joined = tuple(_join(field, condition) for field, condition in zip(fields, line.conditions, strict=True))
    header = BoundHeader(joined, line.is_old_style, line.is_resent, line.drops_blind)
    return StoredHeader(header, line.circumstances)


def _condition(field: Field) -> _Condition:
    return _Condition(field.flags, field.macro, field.is_conditional, field.value if field.is_template else None)


def _join(field: Field, condition: _Condition) -> Field:
    value = field.value if condition.template is None else condition.template
    return Field(
        field.name,
        value,
        condition.flags,
        condition.macro,
        condition.is_conditional,
        condition.template is not None,
    )
