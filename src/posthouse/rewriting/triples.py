"""``$#mailer $@ host $: user``: what rule set 0 and the check rule sets answer with."""

import re
from typing import Final

from msgspec import Struct

from posthouse.rewriting.complaint import Complaint
from posthouse.rewriting.quotes import strip_quotes
from posthouse.rewriting.symbols import HOST, MAILER, USER
from posthouse.rewriting.tokens import Syntax

_USAGE, _DATA, _NO_USER, _NO_HOST, _UNAVAILABLE, _SOFTWARE = 64, 65, 67, 68, 69, 70
_SYSTEM, _IO, _TEMPORARY, _PROTOCOL, _CONFIGURATION = 71, 74, 75, 76, 78

_WORDS: Final = {
    "usage": _USAGE,
    "nouser": _NO_USER,
    "nohost": _NO_HOST,
    "unavailable": _UNAVAILABLE,
    "software": _SOFTWARE,
    "tempfail": _TEMPORARY,
    "protocol": _PROTOCOL,
    "config": _CONFIGURATION,
}
# What the second and third number of a permanent status (RFC 3463) mean as an exit status of sysexits(3).
_ADDRESS_STATUS: Final = {0: _DATA, 1: _NO_USER, 6: _NO_USER, 2: _NO_HOST, 8: _NO_HOST, 3: _USAGE, 7: _USAGE, 5: 0}
_MAILBOX_STATUS: Final = {3: _DATA}
_BY_SUBJECT: Final = {3: _SYSTEM, 4: _IO, 5: _PROTOCOL, 7: _DATA}
_ENHANCED: Final = re.compile(r"[245]\.[0-9]{1,3}\.[0-9]{1,3}")
_REPLY: Final = re.compile(r"([2-5][0-9][0-9]) (?:([245]\.[0-9]{1,3}\.[0-9]{1,3}) )?", re.ASCII)


class Triple(Struct, frozen=True):
    """A resolved address.  ``host`` is None when there is no ``$@``; ``user`` when there is no ``$:``."""

    mailer: str
    host: tuple[str, ...] | None
    user: tuple[str, ...] | None


class Refusal(Struct, frozen=True):
    """What ``$#error`` says: an exit status of sysexits(3), and the reply in words.

    ``host`` and ``user`` are the triple's texts as they stand; ``reply`` is its code, enhanced status and text.
    """

    exit_status: int
    reply: Complaint
    host: str
    user: str

    @property
    def is_temporary(self) -> bool:
        """May the address be tried again later?  Its status or its code may say so."""
        return self.exit_status == _TEMPORARY or self.reply.code.startswith("4")


def read_triple(tokens: tuple[str, ...]) -> Triple | None:
    """Return the triple that tokens form; None when they do not begin with ``$#`` and a name."""
    if len(tokens) < 2 or tokens[0] != MAILER:
        return None
    has_host = len(tokens) > 2 and tokens[2] == HOST
    start = 3 if has_host else 2
    end = tokens.index(USER, start) if USER in tokens[start:] else len(tokens)
    host = tokens[start:end] if has_host and end > start else None
    return Triple(tokens[1], host, tokens[end + 1 :] if end < len(tokens) else None)


def read_refusal(triple: Triple, syntax: Syntax, about: str = "") -> Refusal:
    """Return what a triple with the mailer ``error`` says."""
    host = syntax.join(triple.host) if triple.host else ""
    user = syntax.join(triple.user or (), " ")
    text = strip_quotes(user)
    reply = _REPLY.match(text)
    if reply is None:
        complaint = Complaint(text, "553", "5.3.0", about)
    else:
        status = reply[2] or (host if _ENHANCED.fullmatch(host) else "")
        complaint = Complaint(text[reply.end() :], reply[1], status, about)
    return Refusal(exit_status_of(host), complaint, host, user)


def status_of_refusal(host: str, user: str) -> str:
    """Return the enhanced status that reports give a refusal: that of its text, or else of the host part."""
    reply = _REPLY.match(strip_quotes(user))
    by_host = host if _ENHANCED.fullmatch(host) else ""
    if reply is None:
        return by_host or "5.0.0"
    return reply[2] or by_host or f"{reply[1][0]}.0.0"


def exit_status_of(host: str) -> int:
    """Return the exit status that the host part of ``$#error`` names: a status, a number or a word."""
    if "." in host:
        return _exit_status_of_enhanced(host)
    if host[:1].isdecimal() and host.isascii():
        return int(host[: len(host) - len(host.lstrip("0123456789"))][:4])
    return _WORDS.get(host.lower(), _UNAVAILABLE)


def _exit_status_of_enhanced(status: str) -> int:
    kind, subject, detail = (*(int(part) if part.isdecimal() else 0 for part in status.split(".")[:3]), 0, 0)[:3]
    if kind != 5:
        return {2: 0, 4: _TEMPORARY}.get(kind, _CONFIGURATION)
    if subject == 1:
        return _ADDRESS_STATUS.get(detail, _UNAVAILABLE)
    if subject == 2:
        return _MAILBOX_STATUS.get(detail, _UNAVAILABLE)
    return _BY_SUBJECT.get(subject, _UNAVAILABLE)
