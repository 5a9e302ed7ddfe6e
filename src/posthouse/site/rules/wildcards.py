"""Names for the wildcards of a rule, guessed from what stands around them."""

from collections.abc import Sequence
from typing import Final

from posthouse.rewriting.symbols import EXACTLY_ONE, IN_CLASS, NOT_IN_CLASS, ONE_OR_MORE, ZERO_OR_MORE
from posthouse.site.rules.notation import RESERVED

_WILDCARDS: Final = frozenset({ZERO_OR_MORE, ONE_OR_MORE, EXACTLY_ONE, IN_CLASS, NOT_IN_CLASS})
# What the one-letter classes of m4's files hold.
_OF_CLASS: Final = {
    "w": "ours",
    "m": "network",
    "E": "exposed",
    "G": "generic",
    "L": "kept",
    "M": "masked",
    "N": "unmasked",
    "O": "operator",
    "P": "pseudo",
    "R": "relayed",
    "U": "uucp",
    "Y": "uucp",
    "Z": "uucp",
    "VirtHost": "virtual",
}
_SPARE: Final = "abcdefghij"


def wildcard_names(tokens: Sequence[str]) -> list[str]:
    """Return a name for each wildcard among the tokens of a left side; no two are the same."""
    taken: set[str] = set()
    names: list[str] = []
    for place, token in enumerate(tokens):
        if token[0] in _WILDCARDS:
            name = _free(_meaning(tokens, place), taken)
            taken.add(name)
            names.append(name)
    return names


def _meaning(tokens: Sequence[str], place: int) -> str:
    token = tokens[place]
    before = tokens[place - 1] if place else ""
    after = tokens[place + 1] if place + 1 < len(tokens) else ""
    if token[0] in (IN_CLASS, NOT_IN_CLASS):
        return _of_class(token)
    if before == "@":
        return "host"
    if before == "+":
        return "detail"
    if before == "." and "@" in tokens[:place]:
        return "domain"
    if after in ("@", "+") or (after == "<" and tokens[place + 2 : place + 3] == ("@",)):
        return "user"
    if before == ">" and not after:
        return "rest"
    return "all" if len(tokens) == 1 else ""


def _of_class(token: str) -> str:
    if token[0] == NOT_IN_CLASS:
        return "other"
    name = token[1:].strip("{}")
    if name in _OF_CLASS:
        return _OF_CLASS[name]
    lowered = name.lower()
    return lowered if lowered.isidentifier() and lowered.isascii() and len(lowered) > 1 else "word"


def _free(wanted: str, taken: set[str]) -> str:
    if not wanted or wanted in RESERVED:
        return next(letter for letter in _SPARE if letter not in taken)
    if wanted not in taken:
        return wanted
    return next(name for name in (f"{wanted}{number}" for number in range(2, 100)) if name not in taken)
