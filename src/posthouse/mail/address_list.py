"""Address lists as people and header fields write them.  RFC 5322 section 3.4, tolerantly.

For ``sendmail -t`` and for the values of aliases.  The rule: a member that cannot be
understood becomes a problem in words, never a guess and never silence.
"""

import re
from collections.abc import Iterator

from msgspec import Struct

from posthouse.mail.address import Address
from posthouse.mail.header import fields

_TO_FIELDS = (b"to", b"cc", b"bcc")
_RESENT_TO_FIELDS = (b"resent-to", b"resent-cc", b"resent-bcc")

# One token: atom, quoted string, domain literal, special.  Blanks lie between; "*+" never gives one back as bad.
_TOKEN = re.compile(
    r"""[ \t\r\n]*+(?:
        (?P<word>[^\x00-\x20\x7f()<>\[\]:;@\\,."]+)
      | "(?P<quoted>(?:[^"\\]|\\.)*)"
      | (?P<literal>\[[^\[\]\\\x00-\x20]*\])
      | (?P<special>[<>@,;:.])
      | (?P<comment>\()
      | (?P<bad>.)
    )""",
    re.VERBOSE | re.DOTALL,
)
_QUOTED_PAIR = re.compile(r"\\(.)", re.DOTALL)
_COMMENT_PART = re.compile(r"\\.|[()]", re.DOTALL)
_PROBLEMS_MAXIMUM = 100
_SHOWN = 60  # of a bad member, in its problem


class AddressList(Struct, frozen=True):
    """What was understood, in order, and what was not."""

    addresses: tuple[Address, ...] = ()
    problems: tuple[str, ...] = ()


class _Token(Struct, frozen=True):
    kind: str
    text: str
    start: int


class _BadMemberError(ValueError):
    """One member is not an address; caught by parse_address_list, which names the member."""


def parse_address_list(text: str, most: int = 10_000) -> AddressList:
    """Read a comma-separated list: mailboxes with or without names, groups, comments; bare local-parts too."""
    addresses: list[Address] = []
    problems: list[str] = []
    for start, end, member in _members(text):
        if len(addresses) == most:
            problems.append(f"more than {most} addresses in one list")
            break
        if len(problems) == _PROBLEMS_MAXIMUM:
            problems.append("and more")
            break
        try:
            address = _address(member)
        except ValueError as error:
            shown = " ".join(text[start:end].split())[:_SHOWN]
            problems.append(f"{shown!r} is not an address: {error}")
        else:
            if address is not None:
                addresses.append(address)
    return AddressList(tuple(addresses), tuple(problems))


def recipients_of(header: bytes, most: int = 10_000) -> AddressList:
    """Return the recipients that a header names: To, Cc, Bcc; of a resent message the Resent- ones alone."""
    found = [field for field in fields(header) if field.key in _TO_FIELDS + _RESENT_TO_FIELDS]
    resent = any(field.key in _RESENT_TO_FIELDS for field in found)
    addresses: list[Address] = []
    problems: list[str] = []
    for field in found:
        if (field.key in _RESENT_TO_FIELDS) != resent:
            continue
        parsed = parse_address_list(field.text.decode("utf-8", "replace"), most - len(addresses))
        addresses += parsed.addresses
        problems += [f"{field.name.decode('ascii')}: {problem}" for problem in parsed.problems]
    return AddressList(tuple(addresses), tuple(problems))


def _members(text: str) -> Iterator[tuple[int, int, list[_Token]]]:
    """Yield the tokens of each member with the span of text they cover.  Group names are passed over."""
    member: list[_Token] = []
    start = 0
    inside = False  # angle brackets, where commas and colons belong to a source route
    for token in _tokens(text):
        if token.kind == "special":
            inside = (inside or token.text == "<") and token.text != ">"
            if not inside and token.text in ",;":
                yield start, token.start, member
                member, start = [], token.start + 1
                continue
            if not inside and token.text == ":":
                member, start = [], token.start + 1  # what came before was a group's name
                continue
        member.append(token)
    yield start, len(text), member


def _tokens(text: str) -> Iterator[_Token]:
    position = 0
    while (match := _TOKEN.match(text, position)) is not None:
        kind = match.lastgroup or "bad"
        start = match.start(kind)
        position = match.end()
        if kind == "comment":
            end = _end_of_comment(text, start)
            if end < 0:
                yield _Token("bad", "a comment is not closed", start)
                return
            position = end
        elif kind == "quoted":
            yield _Token("quoted", _QUOTED_PAIR.sub(r"\1", match[kind]), start)
        elif match[kind] == '"':
            # To go on behind it would search the rest for the missing quote again and again.
            yield _Token("bad", "a quotation mark is not closed", start)
            return
        elif kind == "bad":
            yield _Token("bad", f"{match[kind]!r} does not belong there", start)
        else:
            yield _Token(kind, match[kind], start)


def _end_of_comment(text: str, start: int) -> int:
    """Return where the comment ends that opens at ``start``; -1 when it does not.  Comments nest."""
    depth = 0
    for match in _COMMENT_PART.finditer(text, start):
        if match[0] == "(":
            depth += 1
        elif match[0] == ")":
            depth -= 1
            if depth == 0:
                return match.end()
    return -1


def _address(member: list[_Token]) -> Address | None:
    """Read one member; None for an empty one (``a,,b``, an empty group)."""
    if not member:
        return None
    bad = next((token for token in member if token.kind == "bad"), None)
    if bad is not None:
        raise _BadMemberError(bad.text)
    opening = next((place for place, token in enumerate(member) if _is(token, "<")), -1)
    if opening >= 0:
        member = _within_angles(member[opening + 1 :])
    return _addr_spec(member)


def _within_angles(tokens: list[_Token]) -> list[_Token]:
    """Return what stands before ``>``, without a source route (RFC 5321 appendix C)."""
    closing = next((place for place, token in enumerate(tokens) if _is(token, ">")), -1)
    if closing < 0:
        raise _BadMemberError("the angle bracket is not closed")
    if closing != len(tokens) - 1:
        raise _BadMemberError("something follows the angle bracket")
    tokens = tokens[:closing]
    if not tokens:
        raise _BadMemberError("nothing between the angle brackets")
    if _is(tokens[0], "@"):
        colon = next((place for place, token in enumerate(tokens) if _is(token, ":")), -1)
        if colon < 0:
            raise _BadMemberError("a source route without an address")
        tokens = tokens[colon + 1 :]
    return tokens


def _addr_spec(tokens: list[_Token]) -> Address:
    at = next((place for place, token in enumerate(tokens) if _is(token, "@")), len(tokens))
    local_part = _dotted(tokens[:at], "local-part", ("word", "quoted"))
    if at == len(tokens):
        return _made(local_part, "")
    domain = tokens[at + 1 :]
    if len(domain) == 1 and domain[0].kind == "literal":
        return _made(local_part, domain[0].text)
    return _made(local_part, _dotted(domain, "domain", ("word",)))


def _dotted(tokens: list[_Token], part: str, kinds: tuple[str, ...]) -> str:
    """Join words and dots that take turns."""
    if not tokens:
        raise _BadMemberError(f"the {part} is missing")
    for place, token in enumerate(tokens):
        if place % 2 == 0 and token.kind not in kinds:
            raise _BadMemberError(f"{token.text!r} does not belong into the {part}")
        if place % 2 == 1 and not _is(token, "."):
            raise _BadMemberError("several words where one address should be; is a comma missing?")
    if len(tokens) % 2 == 0:
        raise _BadMemberError(f"the {part} ends with a dot")
    return "".join(token.text for token in tokens)


def _made(local_part: str, domain: str) -> Address:
    if "\ufffd" in local_part or "\ufffd" in domain:
        raise _BadMemberError("it is not UTF-8")
    return Address(local_part, domain)


def _is(token: _Token, special: str) -> bool:
    return token.kind == "special" and token.text == special
