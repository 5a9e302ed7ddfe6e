"""What tables of virtual users and of next hops say: the forms that virtusertable and mailertable of sendmail have.

    joe@shop.example      ann@example.org          .branch.example     smtp:gateway.example.net
    @shop.example         %1@example.org           far.example         [192.0.2.7]
    old@shop.example      error:5.1.1:550 moved    gone.example        error:5.1.2:550 closed

Sendmail cf/README, "Virtual hosting" and "Mailertable".
"""

import re
from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from posthouse.mail.address import Address
from posthouse.mail.reply import Reply, reply
from posthouse.routing.compiled import canonical_domain

_ERROR: Final = "error:"
_SAID: Final = re.compile(r"(?:([245]\.[0-9]{1,3}\.[0-9]{1,3})[: ])?\s*(?:([45][0-9]{2})[ -])?\s*(.*)", re.DOTALL)
_WORDS: Final = {  # of sysexits(3), as these tables have them
    "nouser": "5.1.1",
    "nohost": "5.1.2",
    "usage": "5.5.2",
    "unavailable": "5.7.0",
    "protocol": "5.5.0",
    "config": "5.3.5",
    "tempfail": "4.7.1",
}
_DIRECTION: Final = re.compile(r"([A-Za-z0-9_.-]+):(.*)", re.DOTALL)
_SMTP_MAILERS: Final = frozenset({"smtp", "esmtp", "smtp8", "dsmtp", "relay"})
LONGEST_TEXT: Final = 400  # characters of a refusal: a reply is one line


class VirtualKey(Struct, frozen=True):
    """One key under which a table may know an address, and what the parts of the value's ``%1`` to ``%3`` are."""

    key: str
    user: str
    detail: str = ""

    def filled(self, value: str) -> str:
        """Return a value with ``%1`` (the user), ``%2`` (the detail) and ``%3`` (it with its plus sign) filled in."""
        parts = {"1": self.user, "2": self.detail, "3": f"+{self.detail}" if self.detail else "", "%": "%"}
        return re.sub(r"%([123%])", lambda found: parts[found[1]], value)


def virtual_keys(address: Address) -> Iterator[VirtualKey]:
    """Yield the keys in the order in which they are asked for: the whole address, without detail, the domain."""
    domain, local = canonical_domain(address.domain), address.local_part
    if "@" in local:
        return  # in a key it would be taken for another address
    yield VirtualKey(f"{local}@{domain}", local)
    user, plus, detail = local.partition("+")
    if plus and user:
        yield VirtualKey(f"{user}+*@{domain}", user, detail)
        yield VirtualKey(f"{user}@{domain}", user, detail)
        yield VirtualKey(f"@{domain}", user, detail)
    else:
        yield VirtualKey(f"@{domain}", local)


def host_keys(name: str) -> Iterator[tuple[str, str]]:
    """Yield the keys for a host, most specific first, each with what it stands before: the host, ``.parent``, ``.``."""
    yield name, ""
    if not name.startswith("["):
        dot = name.find(".")
        while dot >= 0:
            yield name[dot:], name[:dot]
            dot = name.find(".", dot + 1)
    yield ".", name


class Direction(Struct, frozen=True):
    """Where a table of next hops sends mail: a channel and a host; host "" is the address's own domain."""

    channel: str
    host: str = ""

    @property
    def is_smtp(self) -> bool:
        """Is the channel one of sendmail's names for SMTP?"""
        return self.channel in _SMTP_MAILERS


def read_direction(value: str, before: str = "") -> Direction:
    """Read ``channel:host`` or ``host``; ``%1`` is what stood before the key."""
    value = value.strip().replace("%1", before)
    named = None if value.startswith("[") else _DIRECTION.fullmatch(value)
    if named is None or named[2].isdigit():  # host:25
        return Direction("smtp", value)
    return Direction(named[1].lower(), named[2].strip())


def refusal(value: str) -> Reply | None:
    """Return the reply that ``error:5.1.1:550 text`` or ``error:nouser text`` means; None for any other value."""
    if not value.lower().startswith(_ERROR):
        return None
    said = value[len(_ERROR) :].strip()
    word, _, rest = said.partition(" ")
    status = _WORDS.get(word.lower().rstrip(":"), "")
    match = _SAID.fullmatch(rest if status else said)
    code, text = (match[2] or "", match[3]) if match else ("", said)
    status = (match[1] if match else "") or status
    code = code or ("450" if status.startswith("4") else "550")
    if not status.startswith(code[0]):
        status = f"{code[0]}.0.0"
    shown = "".join(char if char.isprintable() and char.isascii() else "?" for char in text.strip('" '))[:LONGEST_TEXT]
    return reply(int(code), status, shown or "this address is not served")
