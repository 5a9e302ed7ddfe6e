"""Addresses as text: what MMDF quotes, and the two orders of a route."""

import re
from collections.abc import Sequence
from enum import Enum

from posthouse.rewriting.mmdf.address import MmdfAddress


class Part(Enum):
    """What a value is; that decides what has to be quoted in it."""

    MAILBOX = "mailbox"  # local parts and domains
    NAME = "name"  # of persons and groups


_ALWAYS = frozenset("<>@,;:\t[]()\\\r\n")
_PLAIN = re.compile(r"[A-Za-z0-9.!%_+=#&*$/|{}^`~?'-]*")  # nearly every local part and domain
_IN_COMMENTS = str.maketrans({character: f"\\{character}" for character in "\\()\r\n"})
_ESCAPED = str.maketrans({character: f"\\{character}" for character in '\\"\r\n'})


def quoted(value: str, part: Part = Part.MAILBOX) -> str:
    """Return a value, in quotes if it needs them.  What already stands in quotes is left as it is."""
    if part is Part.MAILBOX and _PLAIN.fullmatch(value):
        return value
    return f'"{value.translate(_ESCAPED)}"' if _needs_quotes(value, part) else value


def _needs_quotes(value: str, part: Part) -> bool:
    special = _ALWAYS | ({" "} if part is Part.MAILBOX else {"."})
    inside = False
    for at, character in enumerate(value):
        if character == '"':
            inside = not inside
        elif not inside and character in special:
            return True
        elif not inside and character == " " and value[at + 1 : at + 4].lower() == "at ":
            return True  # RFC 733 would read an at-sign
    return inside


def as_822(local: str, domain: str, route: Sequence[str] = ()) -> str:
    """Write ``@a,@b:user@c``."""
    if not route and _PLAIN.fullmatch(local) and _PLAIN.fullmatch(domain):
        return f"{local}@{domain}" if domain else local
    before = ",".join(f"@{quoted(hop)}" for hop in route)
    return f"{before}{':' if before else ''}{_local(local)}{f'@{quoted(domain)}' if domain else ''}"


def as_733(local: str, domain: str, route: Sequence[str] = ()) -> str:
    """Write ``user%c%b@a``."""
    if not route and _PLAIN.fullmatch(local) and _PLAIN.fullmatch(domain):
        return f"{local}@{domain}" if domain else local
    hops = [quoted(hop) for hop in (*route, domain) if hop]
    if not hops:
        return _local(local)
    return "%".join([_local(local), *reversed(hops[1:])]) + f"@{hops[0]}"


def _local(local: str) -> str:
    """Quote a local part, but not the file of addresses that another host is to open."""
    return local if local.lower().startswith(":include:") else quoted(local)


def canonical(address: MmdfAddress) -> str:
    """Write an address with its name and groups, as replies quote it."""
    return named(address, as_822(address.local, address.domain, address.route))


def named(address: MmdfAddress, text: str) -> str:
    """Put the name of an address and its groups around what was written of its route and mailbox."""
    if not address.phrase and not address.groups:
        return text
    if address.phrase:
        name = " ".join(_comment(word) if word.startswith("(") else quoted(word, Part.NAME) for word in address.phrase)
        text = f"{name} <{text}>"
    opened = "".join(f"{quoted(group, Part.NAME)}: " for group in address.groups)
    return f"{opened}{text}{';' if opened else ''}"


def _comment(word: str) -> str:
    """Write a comment, whose parentheses are kept with it."""
    return f"({word[1:-1].translate(_IN_COMMENTS)})"
