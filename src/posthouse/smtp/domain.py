"""Domains and address literals.  RFC 5321 sections 4.1.2 and 4.1.3, RFC 5890, RFC 6531.

One rule: a domain is kept as it was written, or refused; it is never mapped.
"""

import ipaddress
import re
import unicodedata
from functools import lru_cache

from posthouse.mail.errors import MalformedError

MAX_DOMAIN_OCTETS = 255  # RFC 5321 section 4.5.3.1.2
_MAX_LABEL_OCTETS = 63  # RFC 1035 section 2.3.4

# Wider than RFC 5321's sub-domain: underscores stand in real host names, and other MTAs take mail from them.
_LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?")
_DOMAIN = re.compile(r"[^\x00-,/:-@\[-^`{-\x7f]+")  # letters, digits, dots, hyphens, underscores, all beyond ASCII
_LITERAL = re.compile(r"\[([!-Z^-~]*)\]")
_TAGGED = re.compile(r"([A-Za-z0-9-]*[A-Za-z0-9]):([!-Z^-~]+)")
_SNUM = re.compile(r"0|[1-9][0-9]{0,2}")
_DIGITS_ONLY = re.compile(r"[0-9]+")


def scan_domain(text: str, at: int) -> int:
    """Return where the domain or literal that begins at ``at`` ends.  Raises MalformedError when there is none."""
    pattern = _LITERAL if text.startswith("[", at) else _DOMAIN
    match = pattern.match(text, at)
    if match is None:
        raise MalformedError("the domain is missing or malformed")
    check_domain(match[0])
    return match.end()


@lru_cache(maxsize=4096)
def check_domain(domain: str) -> None:
    """Raise MalformedError, saying why, unless this is a domain or an address literal."""
    if len(domain.encode()) > MAX_DOMAIN_OCTETS:
        raise MalformedError(f"the domain is longer than {MAX_DOMAIN_OCTETS} octets")
    if domain.startswith("["):
        _check_literal(domain)
        return
    labels = domain.split(".")
    for label in labels:
        _check_label(label)
    # A top label of digits is an address without its brackets (RFC 3696 section 2).
    if _DIGITS_ONLY.fullmatch(labels[-1]):
        raise MalformedError("a domain does not end in a number; an address literal stands in square brackets")


def _check_label(label: str) -> None:
    if not label:
        raise MalformedError("the domain has an empty label")
    if not label.isascii():
        _check_u_label(label)
        return
    if len(label) > _MAX_LABEL_OCTETS:
        raise MalformedError(f"the label {label!r} is longer than {_MAX_LABEL_OCTETS} octets")
    if not _LABEL.fullmatch(label):
        raise MalformedError(f"the label {label!r} may not begin or end with a hyphen")
    if label[:4].lower() == "xn--":
        _check_a_label(label)


def _check_u_label(label: str) -> None:
    import idna  # late: its tables are large, and most addresses are ASCII

    try:
        # An upper-case letter is no part of a U-label, but people write it.
        idna.alabel(unicodedata.normalize("NFC", label.lower()))
    except (idna.IDNAError, UnicodeError) as error:
        raise MalformedError(f"the label {label!r} is not valid in a domain (RFC 5890)") from error


def _check_a_label(label: str) -> None:
    # Only the punycode: registries have sold labels that RFC 5892 does not allow, and mail for them exists.
    try:
        decoded = label[4:].encode("ascii").decode("punycode")
    except UnicodeError as error:
        raise MalformedError(f"the label {label!r} is not valid punycode") from error
    if decoded.isascii():
        raise MalformedError(f"the label {label!r} is not valid punycode")


def _check_literal(domain: str) -> None:
    match = _LITERAL.fullmatch(domain)
    if match is None or not match[1]:
        raise MalformedError(f"{domain!r} is not an address literal")
    tagged = _TAGGED.fullmatch(match[1])
    if tagged is None:
        _check_ipv4(match[1])
    elif tagged[1].lower() == "ipv6":
        if not _is_ipv6(tagged[2]):
            raise MalformedError(f"{tagged[2]!r} is not an IPv6 address")
    elif _is_ipv6(match[1]):
        raise MalformedError(f"an IPv6 literal is written [IPv6:{match[1]}]")
    # Any other tag is a General-address-literal: well-formed, though nobody can route it.


def _check_ipv4(address: str) -> None:
    numbers = address.split(".")
    if len(numbers) != 4 or any(not _SNUM.fullmatch(number) or int(number) > 255 for number in numbers):
        raise MalformedError(f"{address!r} is not an IPv4 address")


def _is_ipv6(address: str) -> bool:
    try:
        # A zone ("%eth0") means something on one host only.
        return ipaddress.IPv6Address(address).scope_id is None
    except ValueError:
        return False
