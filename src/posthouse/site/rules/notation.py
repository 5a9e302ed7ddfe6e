"""The notation of rules and templates: literal text, and in braces what is not literal.

``{user+} < @ {host=w} >  ->  {mailer:} local {user:} {user}``: on the left a wildcard has a name and a sign of how
much it matches, on the right its name stands for what it matched.  Reading gives the two sides as ``site/cf`` has them
before expansion: octet text with metasymbols.
"""

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Final

from msgspec import Struct

from posthouse.rewriting.macros import braced_name
from posthouse.rewriting.symbols import (
    ARGUMENTS,
    CALL,
    ELSE,
    END_IF,
    EXACTLY_ONE,
    HOST,
    HOST_MAP_BEGIN,
    HOST_MAP_END,
    IF,
    IN_CLASS,
    MACRO,
    MACRO_NOW,
    MAILER,
    MAP_BEGIN,
    MAP_END,
    NOT_IN_CLASS,
    ONE_OR_MORE,
    USER,
    ZERO_OR_MORE,
)
from posthouse.site.cf.dollars import translate
from posthouse.site.rules.octets import octets_of

ARROW: Final = "->"
SIGNS: Final = {"*": ZERO_OR_MORE, "+": ONE_OR_MORE, "-": EXACTLY_ONE, "=": IN_CLASS, "~": NOT_IN_CLASS}
# What stands for itself, with or without a name behind it.
WORDS: Final = {
    "mailer:": MAILER,
    "host:": HOST,
    "user:": USER,
    "return": HOST,
    "once": USER,
    "argument": HOST,
    "default": USER,
    "canonical": HOST_MAP_BEGIN,
    "empty": HOST,
    "else": ELSE,
    "endif": END_IF,
    "|": ELSE,
}
_NAMED_WORDS: Final = {"call": CALL, "lookup": MAP_BEGIN, "if": IF}
RESERVED: Final = frozenset({*WORDS, *_NAMED_WORDS, "end"})
_QUOTABLE: Final = ('"', "#", "\\")  # characters that otherwise quote, or begin a comment
_OPENING: Final = {HOST_MAP_BEGIN: HOST_MAP_END, MAP_BEGIN: MAP_END}

_PIECE: Final = re.compile(r"(?P<brace>\{\{|\}\})|\{(?P<inside>[^{}]*)\}|(?P<lone>[{}])|[^{}]+", re.DOTALL)
_OCTET: Final = re.compile(r"\\x([0-9a-f]{2})")
_WILDCARD: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)?([-*+])")
_CLASS: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)?([=~])([A-Za-z0-9_]+|[^\s{}])")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MACRO_NAME: Final = re.compile(r"[A-Za-z0-9_]+|[^\s{}]")
# Of a whole line: what quotes another thing, so that no arrow and no comment begins in it.
_LINE_PIECE: Final = re.compile(r'\\.|"(?:[^"\\]|\\.)*"|\{\{|\}\}|\{[^{}]*\}|\s+|[^\s"\\{}]+|.', re.DOTALL)


class NotationError(ValueError):
    """Text that is not in the notation.  ``column`` counts from 0."""

    def __init__(self, wrong: str, right: str) -> None:
        super().__init__(wrong)
        self.wrong, self.right = wrong, right


class RuleText(Struct, frozen=True):
    """One rule: its sides with metasymbols, macros not yet expanded; a reader of ``site/cf`` takes them."""

    left: str
    right: str


def split_line(line: str) -> tuple[str, str | None]:
    """Return what stands before and behind the arrow of a line, without a comment; None: there is no arrow."""
    sides: list[list[str]] = [[]]
    pieces = [*_LINE_PIECE.findall(line), " "]
    after_blank = True
    for piece, following in pairwise(pieces):
        if after_blank and piece[0] == "#":
            break
        if after_blank and piece == ARROW and len(sides) == 1 and following.isspace():
            sides.append([])
        else:
            sides[-1].append(piece)
        after_blank = piece.isspace()
    texts = ["".join(side).strip() for side in sides]
    return texts[0], texts[1] if len(texts) > 1 else None


def read_rule(line: str) -> RuleText:
    """Read ``left -> right``.  Raises NotationError."""
    left, right = split_line(line)
    if right is None:
        raise NotationError("a rule without an arrow", "write it as  left -> right")
    if not left:
        raise NotationError(
            "nothing stands before the arrow", "write {*} where everything matches, {empty} for nothing"
        )
    if not right:
        raise NotationError("nothing stands behind the arrow", "write {return} alone where nothing shall be left")
    numbers: dict[str, int] = {}
    return RuleText(_read_left(left, numbers), _read_right(right, numbers))


def read_template(text: str) -> str:
    """Read a template (a header, a macro, an argument) as octet text with metasymbols.  Raises NotationError."""
    return _read_right(text, {})


def _read_left(text: str, numbers: dict[str, int]) -> str:
    written: list[str] = []
    count = 0
    for literal, inside in _pieces(text):
        if inside is None:
            written.append(octets_of(literal))
            continue
        wildcard = _CLASS.fullmatch(inside) or _WILDCARD.fullmatch(inside)
        if wildcard is None:
            written.append(_common(inside))
            continue
        count += 1
        if wildcard[1]:
            _name(wildcard[1], count, numbers)
        of_class = braced_name(octets_of(wildcard[3])) if wildcard.re is _CLASS else ""
        written.append(SIGNS[wildcard[2]] + of_class)
    return "".join(written)


def _name(name: str, number: int, numbers: dict[str, int]) -> None:
    if name in RESERVED:
        raise NotationError(f"{{{name}}} has a meaning of its own", "give the wildcard another name")
    if name in numbers:
        raise NotationError(f"two wildcards are called {name}", "give one of them another name")
    numbers[name] = number


def _read_right(text: str, numbers: Mapping[str, int]) -> str:
    written: list[str] = []
    closing: list[str] = []
    for literal, inside in _pieces(text):
        if inside is None:
            written.append(octets_of(literal))
        elif inside in numbers:
            written.append(chr(ord(ARGUMENTS) + numbers[inside]))
        elif inside == "end":
            if not closing:
                raise NotationError("{end} without a {lookup} or {canonical}", "take it out")
            written.append(closing.pop())
        else:
            symbol = _common(inside)
            if symbol[:1] in _OPENING:
                closing.append(_OPENING[symbol[0]])
            written.append(symbol)
    if closing:
        raise NotationError("a look-up without an end", "write {end} behind its last argument")
    return "".join(written)


def _pieces(text: str) -> list[tuple[str, str | None]]:
    """Return the literal pieces with None, and for each piece in braces what is in them."""
    pieces: list[tuple[str, str | None]] = []
    for piece in _PIECE.finditer(text):
        if piece["lone"]:
            raise NotationError(f"a single {piece['lone']}", "write {{ or }} for a brace that is meant literally")
        if piece["inside"] is not None:
            pieces.append(("", piece["inside"]))
        else:
            pieces.append((piece["brace"][0] if piece["brace"] else piece[0], None))
    return pieces


def _common(inside: str) -> str:
    """Read what both sides and templates have in braces."""
    if not inside:
        return ""
    if inside in WORDS:
        return WORDS[inside]
    octet = _OCTET.fullmatch(inside)
    if octet:
        return chr(int(octet[1], 16))
    if inside in _QUOTABLE:
        return inside
    if inside[0] == "&" and _MACRO_NAME.fullmatch(inside[1:]):
        return MACRO_NOW + braced_name(octets_of(inside[1:]))
    if inside[0] == "$":
        return _classic(inside)
    word, _, name = inside.partition(" ")
    if word in _NAMED_WORDS and (word != "if" or _MACRO_NAME.fullmatch(name)):
        return _NAMED_WORDS[word] + (braced_name(octets_of(name)) if word == "if" else octets_of(name))
    if _NAME.fullmatch(inside):
        raise NotationError(f"{{{inside}}} is no wildcard of the left side", "write {$name} for a macro")
    raise NotationError(f"{{{inside[:40]}}} means nothing", "docs/rewriting.md lists what may stand in braces")


def _classic(inside: str) -> str:
    """Read ``{$j}``, a macro, or one of sendmail's own signs, as ``{$:}``."""
    name = inside[1:]
    if _MACRO_NAME.fullmatch(name) and not name.isdigit() and (name.isalnum() or len(name) > 1 or name == "_"):
        return MACRO + braced_name(octets_of(name))
    complaints: list[str] = []
    symbol = translate(inside, 2, complaints.append)  # level 2: a # begins no comment
    if complaints or not symbol or symbol[0] < ZERO_OR_MORE:
        raise NotationError(f"{{{inside[:40]}}} means nothing", "write {$name} for a macro")
    return symbol
