"""The arguments of a K line, and what its flags make of an answer.

``Kname class -flags file rest``: a flag is one letter whose value is the rest of its word (``-a.``); some may
have a blank before the value (``-k 2``).  Sendmail Installation and Operation Guide, section 5.9.

All text is octet text: one character below U+0100 for each octet.
"""

import string
from collections.abc import Mapping, Sequence
from enum import Enum

from msgspec import Struct

from posthouse.mail.lookup import MapAnswer, MapStatus


class _Takes(Enum):
    """What follows the letter of a flag."""

    NOTHING = "nothing"
    WORD = "word"  # the rest of the word
    NEXT = "next"  # likewise, or the next word
    SIGN = "sign"  # one character, \t, \n


_SWITCHES = dict.fromkeys("NOofmAqtD", _Takes.NOTHING)
_COMMON = _SWITCHES | {
    "a": _Takes.WORD,
    "T": _Takes.WORD,
    "k": _Takes.NEXT,
    "v": _Takes.NEXT,
    "z": _Takes.SIGN,
    "S": _Takes.SIGN,
}
_WITHOUT_KEY = dict.fromkeys("mtDqfo", _Takes.NOTHING) | {"a": _Takes.WORD, "T": _Takes.WORD, "S": _Takes.SIGN}
_TIMED = {"d": _Takes.NEXT, "r": _Takes.NEXT}
_DIRECTORY = _COMMON | dict.fromkeys("nR1x", _Takes.NOTHING) | dict.fromkeys("hbpslZrdMPwHVK", _Takes.NEXT)
_FLAGS: Mapping[str, Mapping[str, _Takes]] = {
    "host": _WITHOUT_KEY | _TIMED,
    "dns": _COMMON | _TIMED | dict.fromkeys("RBZ", _Takes.NEXT),
    "bestmx": _COMMON | _TIMED,
    "regex": _WITHOUT_KEY | dict.fromkeys("nb", _Takes.NOTHING) | dict.fromkeys("sd", _Takes.WORD),
    "dequote": _WITHOUT_KEY | {"s": _Takes.SIGN},
    "syslog": _WITHOUT_KEY | {"L": _Takes.NEXT},
    "socket": _COMMON | {"d": _Takes.NEXT},
    "nis": _COMMON | dict.fromkeys("ds", _Takes.WORD),
    "ldap": _DIRECTORY,
    "ldapx": _DIRECTORY,
    "ph": _COMMON | dict.fromkeys("hl", _Takes.NEXT),
}
# The word after the flags is no file for these: it belongs to the rest.
_WITHOUT_FILE = frozenset(
    {"host", "dns", "regex", "dequote", "syslog", "sequence", "ldap", "ldapx", "arith", "macro", "null"}
)


_OF_ONE_FLAG = frozenset({"dequote", "arith", "macro"})  # they overlook what follows the first

_FOLD = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


class NullByte(Enum):
    """Whether the keys of a database end in a NUL."""

    EITHER = "either"
    ALWAYS = "always"  # -N
    NEVER = "never"  # -O


class MapArguments(Struct, frozen=True):
    """What a K line says of its map."""

    file: str = ""
    rest: str = ""  # after the file: arguments of a program; or everything after the flags, for a class without file
    is_optional: bool = False  # -o: a missing file is an empty one
    matches_only: bool = False  # -m: the value is the key
    keeps_case: bool = False  # -f
    keeps_quotes: bool = False  # -q: quotes stay in the key
    appends_duplicates: bool = False  # -A
    temporary_is_failure: bool = False  # -t
    skipped_when_deferring: bool = False  # -D: not asked while mail is only accepted (DeliveryMode=defer)
    null_byte: NullByte = NullByte.EITHER
    suffix: str = ""  # -a
    temporary_suffix: str | None = None  # -T
    key_column: str = ""  # -k
    value_column: str = ""  # -v
    delimiter: str = ""  # -z; "": white space
    space: str | None = None  # -S: what stands between the words of a key; None: the option BlankSub
    others: Mapping[str, str] = {}  # flags of this class alone, by their letter; "" for one without a value
    complaints: tuple[str, ...] = ()  # clauses for people


def read_map_arguments(kind: str, text: str) -> MapArguments:
    """Read the arguments of a map of this class (lower case).  Nothing raises: see ``complaints``."""
    known = _FLAGS.get(kind, _COMMON)
    most = 1 if kind in _OF_ONE_FLAG else len(text)
    found: dict[str, str] = {}
    complaints: list[str] = []
    text = text.strip(" \t\n")
    while text.startswith("-"):
        letter, text = text[1:2], text[2:]
        takes = known.get(letter)
        if takes is None:
            complaints.append(f"the class {kind} has no flag -{letter}")
            _, text = _word(text)
        else:
            found[letter], text = _value(text, takes)
        text = text.lstrip(" \t\n")
        most -= 1
        if not most:
            break
    file, rest = ("", text) if kind in _WITHOUT_FILE else _word(text)
    return _assemble(found, file, rest.strip(" \t\n"), tuple(complaints))


def fold_octets(text: str) -> str:
    """Return octet text in lower case: letters of ASCII alone, for nobody knows what the other octets mean."""
    return text.translate(_FOLD)


def rewrite_value(value: str, key: str, arguments: Sequence[str]) -> str:
    """Replace ``%0`` by the key, ``%1`` to ``%9`` by arguments, ``%%`` by ``%``; other pairs and a last ``%`` stay."""
    value = value.partition("\0")[0]
    if "%" not in value:
        return value
    pieces, position = [], 0
    while (found := value.find("%", position)) >= 0:
        pieces.append(value[position:found])
        sign = value[found + 1 : found + 2]
        if sign in ("", "%"):
            pieces.append("%")
        elif sign in "0123456789":
            number = int(sign)
            pieces.append(key if number == 0 else arguments[number - 1] if number <= len(arguments) else "")
        else:
            pieces.append("%" + sign)
        position = found + 2
    return "".join([*pieces, value[position:]])


def finish_answer(flags: MapArguments, key: str, arguments: Sequence[str], raw: MapAnswer) -> MapAnswer:
    """Return what the flags make of a source's answer: ``-m``, ``%``, ``-a``, ``-T`` and ``-t``.

    With ``-T`` an answer that is TEMPORARY has a value all the same; with ``-t`` too it is FOUND.
    """
    if raw.status is MapStatus.FOUND and raw.value is not None:
        value = key if flags.matches_only else rewrite_value(raw.value, key, arguments)
        return MapAnswer(MapStatus.FOUND, value + flags.suffix, raw.reason, raw.origin)
    if raw.status is not MapStatus.TEMPORARY:
        return raw
    if flags.temporary_suffix is not None:
        status = MapStatus.FOUND if flags.temporary_is_failure else MapStatus.TEMPORARY
        return MapAnswer(status, key + flags.temporary_suffix, raw.reason, raw.origin)
    return MapAnswer(MapStatus.NOT_FOUND, None, raw.reason, raw.origin) if flags.temporary_is_failure else raw


def _assemble(found: Mapping[str, str], file: str, rest: str, complaints: tuple[str, ...]) -> MapArguments:
    null_byte = NullByte.ALWAYS if "N" in found else NullByte.NEVER if "O" in found else NullByte.EITHER
    return MapArguments(
        file=file,
        rest=rest,
        is_optional="o" in found,
        matches_only="m" in found,
        keeps_case="f" in found,
        keeps_quotes="q" in found,
        appends_duplicates="A" in found,
        temporary_is_failure="t" in found,
        skipped_when_deferring="D" in found,
        null_byte=null_byte,
        suffix=found.get("a", ""),
        temporary_suffix=found.get("T"),
        key_column=found.get("k", ""),
        value_column=found.get("v", ""),
        delimiter=found.get("z", ""),
        space=found.get("S"),
        others={letter: value for letter, value in found.items() if letter not in _COMMON},
        complaints=complaints,
    )


def _value(text: str, takes: _Takes) -> tuple[str, str]:
    """Cut a flag's value off; what is left of a word that has no use for it is skipped."""
    if takes is _Takes.NEXT:
        text = text.lstrip(" \t\n")
        if text.startswith('"'):  # filters of directories hold blanks
            quoted, _, text = text[1:].partition('"')
            return quoted, text
    word, text = _word(text)
    if takes is _Takes.NOTHING:
        return "", text
    if takes is _Takes.SIGN:
        return _sign(word), text
    return word, text


def _sign(word: str) -> str:
    if word.startswith("\\"):
        return {"n": "\n", "t": "\t"}.get(word[1:2], "\\")
    return word[:1]


def _word(text: str) -> tuple[str, str]:
    """Cut the first word off."""
    for place, character in enumerate(text):
        if character in " \t\n":
            return text[:place], text[place:]
    return text, ""
