"""The names in a configuration: domains, hosts, networks, socket addresses.

Shared by the readers of all languages.  Each function returns the model's form of a
text or raises ValueError with a clause that says what is wrong.
"""

import re
from ipaddress import IPv6Address, ip_address, ip_network
from pathlib import Path

from posthouse.site.model import Network

MAX_DOMAIN = 255  # RFC 5321 section 4.5.3.1.2

# Letters of other scripts are those of internationalised names (RFC 6531); underscores occur in real host names.
# Said as what is excluded, because a set that runs to U+10FFFF takes milliseconds to compile at each start.
_EDGE = r"[^\x00-/:-@\[-^`{-\x7f]"
_LABEL = re.compile(rf"{_EDGE}(?:[^\x00-,./:-@\[-^`{{-\x7f]{{0,61}}{_EDGE})?")
_PORT = re.compile(r"[0-9]{1,5}")
_HOST_PORT = re.compile(r"(\[[^\[\]]*\]|[^\[\]:]+)(?::([^:]*))?")


def domain_name(text: str) -> str:
    """Return a domain in lower case, without a final dot; also an address literal."""
    name = text.lower().removesuffix(".")
    if name.startswith("["):
        return _literal(name)
    if len(name) > MAX_DOMAIN:
        raise ValueError(f"a domain of {len(name)} characters; RFC 5321 allows {MAX_DOMAIN}")
    for label in name.split("."):
        if not _LABEL.fullmatch(label):
            raise ValueError(f'"{text}" is not a domain name' + (f': "{label}" is not a label' if label else ""))
    return name


def host_pattern(text: str) -> str:
    """Return the pattern of a route: ``*``, ``*.domain``, ``.domain`` or a domain."""
    for prefix in ("*.", "."):
        if text.startswith(prefix):
            return prefix + domain_name(text.removeprefix(prefix))
    return text if text == "*" else domain_name(text)


def network(text: str) -> Network:
    """Return the network of ``192.0.2.0/24``, or of a single address."""
    try:
        return ip_network(text)
    except ValueError:
        try:
            wider = ip_network(text, strict=False)
        except ValueError:
            raise ValueError(f'"{text}" is not a network') from None
        raise ValueError(f'"{text}" is an address inside the network {wider}') from None


def ip_text(text: str) -> str:
    """Return an IP address in its usual form."""
    try:
        return str(ip_address(text))
    except ValueError:
        raise ValueError(f'"{text}" is not an IP address') from None


def relay_host(text: str) -> str:
    """Return a next hop: ``domain``, ``[host]``, ``host:port``, ``[192.0.2.1]:port``, as Route.host has it."""
    host, port = _split(text)
    if port == 0:
        raise ValueError("nothing can be reached at port 0")
    return host if port is None else f"{host}:{port}"


def host_and_port(text: str) -> str:
    """Return ``host:port`` where both are needed; port 0 lets the system choose one."""
    host, port = _split(text)
    if port is None:
        raise ValueError(f'"{text}" has no port')
    return f"{host}:{port}"


def socket_address(text: str, home: Path) -> str:
    """Return ``host:port``, or ``unix:/path`` with a relative path meant from ``home``."""
    if text.startswith("unix:"):
        return _unix(text, home)
    return host_and_port(text)


def lmtp_host(text: str, home: Path) -> str:
    """Return what a channel may connect to: a relay host, or ``unix:/path``."""
    return _unix(text, home) if text.startswith("unix:") else relay_host(text)


def nameserver(text: str) -> str:
    """Return an IP address, with or without ``:port``; an IPv6 one with a port in brackets."""
    try:
        return ip_text(text)
    except ValueError:
        host, port = _split(text)
    address = ip_text(host.strip("[]"))
    if port is None:
        return address
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _unix(text: str, home: Path) -> str:
    path = text.removeprefix("unix:")
    if not path:
        raise ValueError('"unix:" has no path')
    full = str(home / path)
    if len(full.encode("utf-8", "surrogateescape")) > 107:  # sockaddr_un.sun_path with its NUL
        raise ValueError(f"the path {full} is longer than the 107 octets that a Unix socket may have")
    return f"unix:{full}"


def _split(text: str) -> tuple[str, int | None]:
    match = _HOST_PORT.fullmatch(text)
    if match is None:
        hint = "; an IPv6 address stands in brackets" if text.count(":") > 1 else ""
        raise ValueError(f'"{text}" is not a host{hint}')
    host = _bracketed(match[1]) if match[1].startswith("[") else domain_name(match[1])
    if match[2] is None:
        return host, None
    if not _PORT.fullmatch(match[2]) or int(match[2]) > 65535:
        raise ValueError(f'"{match[2]}" is not a port')
    return host, int(match[2])


def _bracketed(text: str) -> str:
    """Return ``[192.0.2.1]``, ``[2001:db8::1]``, or a host name in brackets: one host, whose MX are not asked."""
    inner = text[1:-1].lower().removeprefix("ipv6:")
    try:
        return f"[{ip_address(inner)}]"
    except ValueError:
        return f"[{domain_name(inner)}]"


def _literal(text: str) -> str:
    """Return ``[192.0.2.1]`` or ``[ipv6:2001:db8::1]``, RFC 5321 section 4.1.3."""
    inner = text.removeprefix("[").removesuffix("]").removeprefix("ipv6:")
    try:
        address = ip_address(inner)
    except ValueError:
        raise ValueError(f'"{text}" is not an address literal') from None
    if f"[{inner}]" not in (text, text.replace("ipv6:", "")) or "%" in inner:
        raise ValueError(f'"{text}" is not an address literal')
    return f"[ipv6:{address}]" if isinstance(address, IPv6Address) else f"[{address}]"
