"""The Received field: written once per host, counted to stop mail loops.  RFC 5321 sections 4.4 and 6.3.

The field is written before the spool names the message, because text streams;
its ``id`` is the transaction's own name, and the log's ``accepted`` event
ties it to the queue id (``received_id=``).  Whatever a client said of itself is made harmless
before it gets in.
"""

import re
from datetime import datetime
from functools import lru_cache

from msgspec import Struct

from posthouse.mail.dates import format_date

_RECEIVED = re.compile(rb"\n[Rr][Ee][Cc][Ee][Ii][Vv][Ee][Dd][ \t]*:")
# What a HELO name, a user or an id may show of itself in the field; the rest becomes "?".
_HARMLESS = re.compile(r"[^A-Za-z0-9._:\[\]-]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_WORDS_MAXIMUM = 255
_LINE_MAXIMUM = 78  # RFC 5322 section 2.1.1


class ReceivedField(Struct, frozen=True):
    """What one Received field says."""

    by: str
    id: str
    at: datetime
    helo: str = ""
    address: str = ""  # the client's; "" when the message came from a command
    protocol: str = ""  # RFC 3848
    user: str = ""  # local submitter
    recipient: str = ""  # only when there is a single one: a list of them would betray blind copies


def count_hops(header: bytes) -> int:
    """Count the Received fields of a header."""
    first = 1 if _RECEIVED.match(b"\n" + header[:64]) else 0
    return first + len(_RECEIVED.findall(header))


def compose_received(said: ReceivedField) -> bytes:
    """Return the field with its line end, folded."""
    field = _beginning(said.by, said.helo, said.address, said.protocol, said.user)
    clauses = [f"id {_cleaned(said.id)}"]
    if said.recipient and not _CONTROL.search(said.recipient):
        clauses.append(f"for <{said.recipient}>")
    clauses[-1] += ";"
    clauses.append(format_date(said.at))
    return f"{_fold(field, clauses)}\r\n".encode()


@lru_cache(maxsize=256)  # many messages come from the same clients
def _beginning(by: str, helo: str, address: str, protocol: str, user: str) -> str:
    clauses: list[str] = []
    if address:
        clauses += [f"from {_harmless(helo) or 'unknown'}", f"({_literal(address)})"]
    origin = f", from user {_harmless(user)}" if user else ""
    clauses += [f"by {_harmless(by)}", f"(Posthouse{origin})"]
    if protocol:
        clauses.append(f"with {_harmless(protocol)}")
    return _fold("Received:", clauses)


def _fold(field: str, clauses: list[str]) -> str:
    """Append clauses to a field, beginning a new line where one would grow over 78 characters."""
    line_octets = len(field) - field.rfind("\n") - 1
    for clause in clauses:
        room = _LINE_MAXIMUM - line_octets - 1 - len(clause)
        if room < 0 and line_octets > 0:
            field += "\r\n"
            line_octets = 0
        field += f" {clause}"
        line_octets += 1 + len(clause)
    return field


def _cleaned(word: str) -> str:
    return _HARMLESS.sub("?", word[:_WORDS_MAXIMUM])


_harmless = lru_cache(maxsize=256)(_cleaned)


def _literal(address: str) -> str:
    """Return a network address as an address literal.  RFC 5321 section 4.1.3."""
    harmless = _harmless(address)
    return f"[IPv6:{harmless}]" if ":" in harmless else f"[{harmless}]"
