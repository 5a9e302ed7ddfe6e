"""Metasymbols: what ``$*``, ``$:`` and their kind become when a configuration is read.

Text in this package is *octet text*: a str in which each character below
U+0100 is one octet (ISO 8859-1).  A metasymbol is one character of the private
use area, so that it can never be confused with an octet of an address.
Classic sendmail used the octets 0x80 to 0x9f for them.
"""

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
