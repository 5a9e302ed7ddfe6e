"""Fields of a report: decoding what came as xtext, keeping out what could forge a line, folding.

Everything here takes text from strangers.  The rule: what comes out is one
field, with no line end but those of its own folding, and no line over 998 octets
(RFC 5322 section 2.1.1).
"""

import re

from posthouse.mail.address import Address
from posthouse.mail.errors import MalformedError
from posthouse.mail.xtext import decode_xtext

_ORCPT = re.compile(r"([A-Za-z0-9!#$%&'*+./=?^_`{|}~-]+);(.+)", re.DOTALL)  # the address type is an atom
_UNICODE_ESCAPE = re.compile(r"\\x\{([0-9A-Fa-f]{2,6})\}")  # RFC 6533 section 3
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_WIDTH = 76
_MOST_LINE = 900  # below the 998 octets of RFC 5322, leaving room for the field's name
MOST_VALUE = 8000  # characters kept of a value from outside


def one_line(text: str) -> str:
    """Return text from outside as one line without control characters, cut to a bearable length."""
    return " ".join(_CONTROL.sub(" ", text[:MOST_VALUE]).split())


def escape_non_ascii(text: str) -> str:
    r"""Write other characters as ``\x{E9}``, so that they survive where only ASCII may stand.  RFC 6533 section 3."""
    return "".join(c if c.isascii() else f"\\x{{{ord(c):X}}}" for c in text)


def readable_xtext(text: str) -> str:
    """Return what xtext stands for; text that is not xtext, or hides more than one line of text, as it is."""
    try:
        decoded = decode_xtext(text).decode("utf-8")
    except (MalformedError, UnicodeDecodeError):
        return one_line(text)
    return one_line(text) if _CONTROL.search(decoded) else decoded


def address_field(kind: str, address: str, *, unicode: bool) -> str:
    """Return ``rfc822; user@example``, or the utf-8 form of RFC 6533 for what is not ASCII."""
    address = one_line(address)
    if address.isascii():
        return f"{kind}; {address}"
    return f"utf-8; {address if unicode else escape_non_ascii(address)}"


def original_recipient(orcpt: str, given: Address, *, unicode: bool) -> str:
    """Return the value of Original-Recipient; "" without an ORCPT, as RFC 3464 section 2.3.1 asks."""
    match = _ORCPT.fullmatch(orcpt)
    if match is None:
        return ""
    kind, text = match[1], match[2]
    decoded = readable_xtext(text) if text.isascii() else one_line(text)
    if kind.lower() == "utf-8":
        decoded = _UNICODE_ESCAPE.sub(_from_escape, decoded)
    return address_field(kind, decoded or str(given), unicode=unicode)


def _from_escape(match: re.Match[str]) -> str:
    code = int(match[1], 16)
    unprintable = code < 0x80 or code > 0x10FFFF or _CONTROL.match(chr(code))
    return match[0] if unprintable else chr(code)


def field(name: str, value: str) -> str:
    """Return one field, folded at its spaces, with CRLF; the value is made one line first."""
    lines = []
    line = f"{name}:"
    for word in one_line(value).split(" "):
        for piece in _pieces(word):
            if len(line) + 1 + len(piece) > _WIDTH and line != f"{name}:":
                lines.append(line)
                line = ""
            line += f" {piece}"
    return "\r\n".join([*lines, line]) + "\r\n"


def _pieces(word: str) -> list[str]:
    """Cut a word that no line could hold.  A quarter, since a character may take four octets."""
    most = _MOST_LINE if word.isascii() else _MOST_LINE // 4
    return [word[start : start + most] for start in range(0, len(word), most)] or [""]
