"""Addresses and paths.  RFC 5321 section 4.1.2, RFC 6531 section 3.3.

These are the values; reading them off the wire is smtp/grammar.py's work.
The local-part is kept decoded (``a b``, not ``"a b"``) and with its case: only
the host that owns it may compare it otherwise (RFC 5321 section 2.4).  The
domain is kept as written and compared without case.
"""

import re

from msgspec import Struct

# RFC 5321 atext, and any non-ASCII character (RFC 6531): everything but the controls and the specials.
# Said so because a set that runs to U+10FFFF takes milliseconds to compile, at each start of sendmail.
_DOT_STRING = re.compile(r'[^\x00-\x20"(),.:;<>@\[\\\]\x7f]+(?:\.[^\x00-\x20"(),.:;<>@\[\\\]\x7f]+)*')
_NEEDS_BACKSLASH = re.compile(r'(["\\])')
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def quote_local_part(local_part: str) -> str:
    """Return the local-part as the wire wants it: as it is, or as a Quoted-string."""
    if _DOT_STRING.fullmatch(local_part):
        return local_part
    return '"' + _NEEDS_BACKSLASH.sub(r"\\\1", local_part) + '"'


class Address(Struct, frozen=True):
    """A mailbox: local-part and domain; the domain is "" for an address of this site alone (``postmaster``)."""

    local_part: str
    domain: str = ""

    def __post_init__(self) -> None:
        for part in (self.local_part, self.domain):
            # A control character here would end up in a header, a command or a log line.
            if _CONTROL.search(part):
                raise ValueError(f"control character in address {part!r}")
        if not self.local_part:
            raise ValueError("an address needs a local-part")

    def __str__(self) -> str:
        local_part = quote_local_part(self.local_part)
        return f"{local_part}@{self.domain}" if self.domain else local_part

    @property
    def is_ascii(self) -> bool:
        """Can the address travel without SMTPUTF8?"""
        return self.local_part.isascii() and self.domain.isascii()

    @property
    def key(self) -> tuple[str, str]:
        """What two addresses of one mailbox have in common: the local-part, and the domain without case."""
        return (self.local_part, self.domain.lower())


class WrittenAddress(Address, frozen=True):
    """An address that is no mailbox of RFC 5321: what it is, rule sets have yet to say.

    ``typed`` is all of it as it came; the local-part is the same without angle brackets, the domain "".
    """

    typed: str = ""

    def __str__(self) -> str:
        return self.local_part


def in_brackets(address: Address) -> str:
    """Return the address as a command has it: what was typed, or the address in angle brackets."""
    return address.typed if isinstance(address, WrittenAddress) else f"<{address}>"


class Path(Struct, frozen=True):
    """A reverse-path or forward-path.  ``address`` is None only in the null reverse-path.

    ``route`` is the source route that was given (RFC 5321 appendix C), without
    the at-signs: kept, shown in traces, never followed.
    """

    address: Address | None
    route: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.address is None and self.route:
            raise ValueError("a null reverse-path has no source route")

    @property
    def is_null(self) -> bool:
        """Is this the null reverse-path, to which nothing is ever returned?"""
        return self.address is None

    def __str__(self) -> str:
        """Return the path without its angle brackets; "" for the null reverse-path."""
        return "" if self.address is None else str(self.address)


NULL_PATH = Path(None)
