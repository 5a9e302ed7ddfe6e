"""The header as MMDF's channels edit it: which fields list addresses, and how a rewritten one is folded.

Octet text: one character for each octet.  What is not a listed field is kept octet by octet; the first line
that is neither a field nor a continuation ends the header.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from msgspec import Struct

# RFC 822 section 4.1, and what came before Resent-: Remailed- and Redistributed-.
_SINCE_822: Final = ("to", "cc", "bcc", "from", "sender", "reply-to")
_RESENT: Final = ("resent-from", "resent-sender", "resent-to", "resent-cc", "resent-bcc", "resent-by")
_BEFORE: Final = tuple(f"{again}-{field}" for again in ("remailed", "redistributed") for field in ("from", "to", "by"))
ADDRESS_FIELDS: Final = frozenset((*_SINCE_822, *_RESENT, *_BEFORE))
SENT_AGAIN: Final = re.compile(r"(?:resent|remailed|redistributed)-")
SOURCES: Final = frozenset(("from", "sender"))

_WIDTH: Final = 78
_MOST_INDENT: Final = 20
_FIELD = re.compile(r"([!-9;-~]+(?: +[!-9;-~]+)*)[ \t]*:[ \t\v\f]*")
_LINE = re.compile(r"[^\n]*\n?")


class HeaderField(Struct, frozen=True):
    """One field.  ``head`` is its name, colon and the blanks behind it; ``raw`` is all of it, with its line end."""

    name: str  # in small letters, without blanks
    head: str
    raw: str

    @property
    def body(self) -> str:
        """What the field says, on one line."""
        return self.raw[len(self.head) :].replace("\r\n", " ").replace("\n", " ")

    @property
    def line_end(self) -> str:
        """How its lines end."""
        return "\r\n" if self.raw.endswith("\r\n") else "\n"

    def rewritten(self, addresses: Iterable[str]) -> str:
        """Write the field anew, folded where the next address would go beyond the line."""
        head = self.head
        if self.raw[len(head) : len(head) + 1] in {"\r", "\n"}:
            head += " "  # its first line was empty
        indent = len(self.name) + 1 + len(head.partition(":")[2])
        pieces, column = [head], indent + 1
        for at, address in enumerate(addresses):
            if at:
                pieces.append(", ")
                column += len(", ")
            column += len(address)
            if column >= _WIDTH and at:
                column = indent + len(address)
                pieces.append(self.line_end + " " * min(indent, _MOST_INDENT))
            pieces.append(address)
        return "".join(pieces) + self.line_end


def split_header(text: str) -> tuple[list[HeaderField], str]:
    """Return the fields, and what stands behind the last: the empty line, or a line that is no field, and all else."""
    fields: list[HeaderField] = []
    at = 0
    while (field := _FIELD.match(text, at)) is not None:
        end = _end_of_field(text, at)
        fields.append(HeaderField(field[1].replace(" ", "").lower(), field[0], text[at:end]))
        at = end
    return fields, text[at:]


def _end_of_field(text: str, start: int) -> int:
    end = start
    for line in _lines(text, start):
        if end > start and line[:1] not in {" ", "\t"}:
            break
        end += len(line)
    return end


def _lines(text: str, start: int) -> Iterator[str]:
    while start < len(text):
        line = _LINE.match(text, start)
        assert line is not None  # noqa: S101 - the expression matches anything
        yield line[0]
        start = line.end()
