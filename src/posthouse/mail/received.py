"""The Received field: written once per host, counted to stop mail loops.  RFC 5321 sections 4.4 and 6.3.

The field is written before the spool names the message, because text streams;
its ``id`` is the transaction's own name, and the log's ``accepted`` event
ties it to the queue id (``received_id=``).  Whatever a client said of itself is made harmless
before it gets in.
"""

import re
from datetime import UTC, datetime
from functools import lru_cache

from msgspec import Struct

_RECEIVED = re.compile(rb"\n[Rr][Ee][Cc][Ee][Ii][Vv][Ee][Dd][ \t]*:")
# What a HELO name, a user or an id may show of itself in the field; the rest becomes "?".
_HARMLESS = re.compile(r"[^A-Za-z0-9._:\[\]-]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_WORDS_MAXIMUM = 255
_LINE_MAXIMUM = 78  # RFC 5322 section 2.1.1
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Hop(Struct, frozen=True):
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


def compose_received(hop: Hop) -> bytes:
    """Return the field with its line end, folded."""
    clauses: list[str] = []
    if hop.address:
        clauses += [f"from {_harmless(hop.helo) or 'unknown'}", f"({_literal(hop.address)})"]
    origin = f", from user {_harmless(hop.user)}" if hop.user else ""
    clauses += [f"by {_harmless(hop.by)}", f"(Posthouse{origin})"]
    if hop.protocol:
        clauses.append(f"with {_harmless(hop.protocol)}")
    clauses.append(f"id {_harmless(hop.id)}")
    if hop.recipient and not _CONTROL.search(hop.recipient):
        clauses.append(f"for <{hop.recipient}>")
    clauses[-1] += ";"
    clauses.append(format_date(hop.at))
    return _fold("Received:", clauses)


def format_date(at: datetime) -> str:
    """Return the date-time of RFC 5322 section 3.3, in UTC."""
    return _format_second(at.astimezone(UTC).replace(microsecond=0))


@lru_cache(maxsize=8)
def _format_second(at: datetime) -> str:
    # Not strftime: its names of days and months follow the locale.
    return f"{_DAYS[at.weekday()]}, {at.day} {_MONTHS[at.month - 1]} {at.year:04} {at:%H:%M:%S} +0000"


def _fold(line: str, clauses: list[str]) -> bytes:
    """Join the clauses, beginning a new line where one would grow over 78 characters."""
    lines: list[str] = []
    for clause in clauses:
        if len(line) + 1 + len(clause) > _LINE_MAXIMUM and line.strip():
            lines.append(line)
            line = ""
        line += " " + clause
    lines.append(line)
    return ("\r\n".join(lines) + "\r\n").encode("utf-8")


@lru_cache(maxsize=1024)
def _harmless(word: str) -> str:
    return _HARMLESS.sub("?", word[:_WORDS_MAXIMUM])


def _literal(address: str) -> str:
    """Return a network address as an address literal.  RFC 5321 section 4.1.3."""
    harmless = _harmless(address)
    return f"[IPv6:{harmless}]" if ":" in harmless else f"[{harmless}]"
