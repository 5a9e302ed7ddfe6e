"""Metasymbols: what ``$*``, ``$:`` and their kind become when a configuration is read.

Text in this package is *octet text*: a str in which each character below
U+0100 is one octet (ISO 8859-1).  A metasymbol is one character of the private
use area, so that it can never be confused with an octet of an address.
Classic sendmail used the octets 0x80 to 0x9f for them.
"""

from collections.abc import Mapping
from typing import Final

ZERO_OR_MORE: Final = "\ue000"  # $*
ONE_OR_MORE: Final = "\ue001"  # $+
EXACTLY_ONE: Final = "\ue002"  # $-
NOTHING: Final = "\ue003"  # $@ on a left side
IN_CLASS: Final = "\ue004"  # $=  the name of the class follows in the same token
NOT_IN_CLASS: Final = "\ue005"  # $~  likewise
MAILER: Final = "\ue006"  # $#
HOST: Final = "\ue007"  # $@ on a right side
USER: Final = "\ue008"  # $:
CALL: Final = "\ue009"  # $>
HOST_MAP_BEGIN: Final = "\ue00a"  # $[
HOST_MAP_END: Final = "\ue00b"  # $]
MAP_BEGIN: Final = "\ue00c"  # $(
MAP_END: Final = "\ue00d"  # $)
MACRO: Final = "\ue00e"  # $x    the name follows: one character or {Name}
MACRO_NOW: Final = "\ue00f"  # $&x   likewise, looked up when the rule fires
IF: Final = "\ue010"  # $?x   likewise
ELSE: Final = "\ue011"  # $|
END_IF: Final = "\ue012"  # $.
ARGUMENTS: Final = "\ue020"  # $0; $1 to $9 are the characters after it

# The octets that classic sendmail has for them: what a key of a map with metasymbols is outside of rules.
SYMBOL_OCTETS: Final[Mapping[str, str]] = {
    "\x81": MACRO,
    "\x82": MACRO_NOW,
    "\x85": MAP_BEGIN,
    "\x86": MAP_END,
    "\x90": ZERO_OR_MORE,
    "\x91": ONE_OR_MORE,
    "\x92": EXACTLY_ONE,
    "\x93": IN_CLASS,
    "\x94": NOT_IN_CLASS,
    "\x95": MACRO,  # an argument: its number follows
    "\x96": MAILER,
    "\x97": HOST,
    "\x98": USER,
    "\x99": CALL,
    "\x9a": IF,
    "\x9b": ELSE,
    "\x9c": END_IF,
    "\x9d": HOST_MAP_BEGIN,
    "\x9e": HOST_MAP_END,
}
_ARGUMENT_OCTET: Final = "\x95"
_OCTET_OF: Final = {symbol: octet for octet, symbol in SYMBOL_OCTETS.items() if octet != _ARGUMENT_OCTET} | {
    chr(ord(ARGUMENTS) + digit): f"{_ARGUMENT_OCTET}{digit}" for digit in range(10)
}


def in_octets(text: str) -> str:
    """Return text with its metasymbols as octets: as programs and expressions see it, which know octets alone."""
    if text.isascii():
        return text
    return "".join(_OCTET_OF.get(char, char) for char in text)
