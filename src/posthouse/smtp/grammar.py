"""Mailboxes and paths, read by hand from text.  RFC 5321 section 4.1.2, RFC 6531 section 3.3.

One rule: every character is accounted for; what the grammar does not name is
refused with a MalformedError that says what is wrong.
"""

import re

from posthouse.mail.address import NULL_PATH, Address, Path
from posthouse.mail.errors import MalformedError
from posthouse.smtp.domain import scan_domain

# RFC 5321 section 4.5.3.1.3, with the angle brackets.  The local-part has no bound of its own: 64 octets (4.5.3.1.1)
# are the least that must be taken, and the senders of VERP and SRS are longer.
MAX_PATH_OCTETS = 256

# Beyond ASCII everything but what would break a line or a terminal: C1 controls, U+2028, U+2029.
# Sets that reach to U+10FFFF say what is not in them: the others take several milliseconds to compile.
_NEVER = "\x7f-\x9f\u2028\u2029\ud800-\udfff"
_ATOM = rf'[^\x00-\x20"(),.:;<>@\[\\\]{_NEVER}]+'
_DOT_STRING = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_QUOTED_STRING = re.compile(rf'"((?:[^\x00-\x1f"\\{_NEVER}]|\\[ -~])*)"')
_QUOTED_PAIR = re.compile(r"\\(.)")

# The everyday path, in one match.  A label that begins "xn--" or a last label of digits takes the long way.
_PLAIN_PATH = re.compile(
    r"<([A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*)"
    r"@((?:(?!xn--)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*(?!xn--)[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?)>(?= |\Z)"
)


def read_reverse_path(text: str) -> tuple[Path, int]:
    """Read the path of MAIL FROM at the beginning of the text; return it and where it ends.  Raises MalformedError."""
    if text.startswith("<>"):
        return NULL_PATH, 2
    return _read_path(text)


def read_forward_path(text: str) -> tuple[Path, int]:
    """Read the path of RCPT TO at the beginning of the text; return it and where it ends.  Raises MalformedError."""
    # RFC 5321 section 4.1.1.3: <Postmaster>, without case and without a domain, is always a recipient.
    if text[:12].lower() == "<postmaster>":
        return Path(Address(text[1:11])), 12
    if text.startswith("<>"):
        raise MalformedError("a recipient is not empty")
    return _read_path(text)


def _read_path(text: str) -> tuple[Path, int]:
    plain = _PLAIN_PATH.match(text)
    if plain is not None:
        local_part, domain = plain.groups()
        if plain.end() <= MAX_PATH_OCTETS:  # else the long way says what is wrong
            return Path(Address(local_part, domain)), plain.end()
    if not text.startswith("<"):
        raise MalformedError("the path is not in angle brackets")
    route, at = _read_source_route(text, 1)
    address, at = _read_mailbox(text, at)
    if not text.startswith(">", at):
        raise MalformedError("the path does not end with >")
    at += 1
    if len(text[:at].encode()) > MAX_PATH_OCTETS:
        raise MalformedError(f"the path is longer than {MAX_PATH_OCTETS} octets")
    return Path(address, route), at


def _read_source_route(text: str, at: int) -> tuple[tuple[str, ...], int]:
    """Read ``@a,@b:``, if it is there.  RFC 5321 appendix C."""
    domains: list[str] = []
    while text.startswith("@", at):
        end = scan_domain(text, at + 1)
        domains.append(text[at + 1 : end])
        at = end
        if text.startswith(":", at):
            return tuple(domains), at + 1
        if not text.startswith(",@", at):
            raise MalformedError("the source route does not end with a colon")
        at += 1
    return (), at


def _read_mailbox(text: str, at: int) -> tuple[Address, int]:
    local_part, at = _read_local_part(text, at)
    if not text.startswith("@", at):
        raise MalformedError("the address has no domain")
    end = scan_domain(text, at + 1)
    return Address(local_part, text[at + 1 : end]), end


def _read_local_part(text: str, at: int) -> tuple[str, int]:
    if text.startswith('"', at):
        match = _QUOTED_STRING.match(text, at)
        if match is None:
            raise MalformedError("the quoted local-part is malformed or does not end")
        local_part = _QUOTED_PAIR.sub(r"\1", match[1])
    else:
        match = _DOT_STRING.match(text, at)
        if match is None:
            raise MalformedError("the local-part is missing or malformed")
        local_part = match[0]
    if not local_part:
        raise MalformedError("the local-part is empty")
    return local_part, match.end()
