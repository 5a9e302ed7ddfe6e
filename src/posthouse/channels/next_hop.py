"""Reads the host of a hop: a mail domain, a relay, an address literal or a socket.

A plain domain is a mail domain, whose MX hosts are asked.  Square brackets or
a port mean one named host, so that a relay is never replaced by its own MX.
"""

import enum
import re
from functools import lru_cache
from ipaddress import ip_address

from msgspec import Struct

from posthouse.mail.errors import MalformedError

_BRACKETED = re.compile(r"\[([^\[\]]+)\](?::([0-9]{1,5}))?")
_WITH_PORT = re.compile(r"([^\[\]:]+):([0-9]{1,5})")
_UNIX = "unix:"
_IPV6_TAG = "ipv6:"  # RFC 5321 section 4.1.3


class HopKind(enum.Enum):
    """How the addresses of a next hop are found."""

    DOMAIN = "domain"  # its MX hosts
    HOST = "host"  # the host's own addresses
    ADDRESS = "address"  # it is one
    UNIX = "unix"  # a socket in the file system


class NextHop(Struct, frozen=True):
    """Where to connect.  ``name`` is a domain or host in lower case, an IP address, or a path."""

    kind: HopKind
    name: str
    port: int = 0  # 0 for a Unix socket only

    def __str__(self) -> str:
        if self.kind is HopKind.UNIX:
            return f"{_UNIX}{self.name}"
        return self.name if self.kind is HopKind.DOMAIN else f"[{self.name}]:{self.port}"


@lru_cache(1024)
def parse_next_hop(text: str, default_port: int) -> NextHop:
    """Read a hop's host or a channel's relay.  Raises MalformedError."""
    if text.startswith(_UNIX):
        path = text.removeprefix(_UNIX)
        if not path.startswith("/") or "\0" in path:
            raise MalformedError(f"{text!r} needs an absolute path, as in unix:/run/lmtp")
        return NextHop(HopKind.UNIX, path)
    if _is_address(text):
        return NextHop(HopKind.ADDRESS, text, default_port)
    match = _BRACKETED.fullmatch(text) or _WITH_PORT.fullmatch(text)
    if match is not None:
        return _named_host(match[1], _port(match[2], default_port))
    if not text or set(text) & set("[]: \0"):
        raise MalformedError(f"{text!r} is not a domain, [host], host:port, [literal]:port or unix:/path")
    return NextHop(HopKind.DOMAIN, _canonical(text), default_port)


def choose_hop(host: str, relay: str, port: int, *, by_mx: bool) -> NextHop:
    """Return where a channel with this relay ("" for none) connects for a hop's host.  Raises MalformedError."""
    hop = parse_next_hop(host or relay, port)
    if hop.kind is HopKind.DOMAIN and relay:
        # The routes write a relay in brackets; a bare name here is the mail domain, and the relay takes it.
        hop = parse_next_hop(relay, port)
        by_mx = False
    if hop.kind is HopKind.DOMAIN and not by_mx:
        return NextHop(HopKind.HOST, hop.name, hop.port)
    return hop


def _named_host(name: str, port: int) -> NextHop:
    literal = name[len(_IPV6_TAG) :] if name.lower().startswith(_IPV6_TAG) else name
    if _is_address(literal):
        return NextHop(HopKind.ADDRESS, literal, port)
    if set(literal) & set(": \0"):
        raise MalformedError(f"{name!r} is neither an address nor a host name")
    return NextHop(HopKind.HOST, _canonical(name), port)


def _port(digits: str | None, default: int) -> int:
    port = int(digits) if digits else default
    if not 1 <= port <= 65535:
        raise MalformedError(f"{port} is not a port")
    return port


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return "%" not in text  # a zone names an interface of ours, which no peer may choose


def _canonical(name: str) -> str:
    canonical = name.lower().removesuffix(".")
    if not canonical:
        raise MalformedError(f"{name!r} names no host")
    return canonical
