"""Macro expansion: ``$x``, ``${Name}`` and the conditional ``$?x A $| B $.`` in octet text.

Expansion never fails: an undefined macro is nothing, a definition that goes
round in circles is left as it stands after ten rounds, and a complaint says so.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

from posthouse.rewriting.symbols import ELSE, END_IF, IF, MACRO

DEEPEST_EXPANSION: Final = 10
LONGEST_EXPANSION: Final = 4095  # characters; what is longer is cut, as a buffer of 4096 octets would cut it

LONGEST_NAME: Final = 25  # characters between braces

NAME: Final = r"\{[^{}]*\}|[^{]"  # of a macro or a class, as it follows its metasymbol
_METASYMBOL = re.compile("[\ue000-\ue0ff]")
_PIECE = re.compile(f"(?P<macro>{MACRO})(?P<name>{NAME})|(?P<if>{IF})(?P<test>{NAME})|{ELSE}|{END_IF}", re.DOTALL)

NO_SUCH_NAME: Final = "Unable to assign macro/class ID (mid = 0xffffffff)"
_NAME_CHARACTER: Final = re.compile(r"[A-Za-z0-9_]")

Complain = Callable[[str], None]
Values = Mapping[str, str] | Callable[[str], str | None]


def bare_name(name: str) -> str:
    """Return the name without its braces: ``{Name}`` is ``Name``, and ``{x}`` is ``x``."""
    return name[1:-1] if len(name) > 1 and name[0] == "{" else name


def braced_name(name: str) -> str:
    """Return a bare name as it stands behind its metasymbol: in braces, unless it is one character."""
    return name if len(name) == 1 else f"{{{name}}}"


def is_hopeless(complaint: str) -> bool:
    """Does a complaint of parse_name say that nothing can have this name, so that test mode says so, too?"""
    return complaint.startswith(("Unbalanced", "Macro/class name ("))


def parse_name(text: str, at: int, complain: Complain) -> tuple[str, int]:
    """Return the name of a macro or class that begins at a place, and the place behind it.

    The name is "" when there is none; ``{x}`` is ``x``.
    """
    if at >= len(text) or text.startswith("{}", at):
        complain("Name required for macro/class")
        return "", at
    if text[at] != "{":
        return text[at], at + 1
    end = text.find("}", at)
    if end < 0:
        complain(f"Unbalanced {{ on {text[at + 1 : at + 1 + LONGEST_NAME]}")
        return "", len(text)
    kept = [char for char in text[at + 1 : end] if _NAME_CHARACTER.match(char)]
    for wrong in _NAME_CHARACTER.sub("", text[at + 1 : end]):
        complain(f"Invalid macro/class character {wrong}")
    if len(kept) > LONGEST_NAME:
        complain(f"Macro/class name ({{{''.join(kept[:LONGEST_NAME])}}}) too long ({LONGEST_NAME} chars max)")
        return "", end + 1
    return "".join(kept), end + 1


def expand(text: str, macros: Values, complain: Callable[[str], None] | None = None) -> str:
    """Return text with its macros replaced by their values, and the values' macros by theirs.

    ``macros`` holds unexpanded values by names without braces, or answers None for a name that is not defined.
    ``$|`` outside a conditional stays: rules use it as a token.  ``$&x`` stays, for it is looked up later.
    """
    value_of = macros if callable(macros) else macros.get
    for _ in range(DEEPEST_EXPANSION + 1):
        text, again = _expand_once(text, value_of)
        if not again:
            return text
    if complain is not None:
        complain(f"expand: recursion too deep ({DEEPEST_EXPANSION} max)")
    return text


def _expand_once(text: str, value_of: Callable[[str], str | None]) -> tuple[str, bool]:
    """Return text after one round, and whether a value brought metasymbols in."""
    if MACRO not in text and IF not in text:
        return text, False
    written: list[str] = []
    conditional = _Conditional()
    again = False
    end = 0
    for piece in _PIECE.finditer(text):
        if not conditional.is_skipping:
            written.append(text[end : piece.start()])
        end = piece.end()
        if piece["macro"]:
            value = value_of(bare_name(piece["name"])) or ""
            if not conditional.is_skipping:
                again = again or _METASYMBOL.search(value) is not None
                written.append(value)
        elif piece["if"]:
            conditional.begin(bool(value_of(bare_name(piece["test"]))))
        elif not conditional.depth:
            written.append(piece[0])
        elif piece[0] == ELSE:
            conditional.turn()
        else:
            conditional.finish()
    if not conditional.is_skipping:
        written.append(text[end:])
    return "".join(written)[:LONGEST_EXPANSION], again


class _Conditional:
    """Where one expansion stands in nested conditionals."""

    def __init__(self) -> None:
        self.depth = 0
        self.is_skipping = False
        self._skipped_inside = 0  # conditionals opened within a part that is skipped

    def begin(self, holds: bool) -> None:
        self.depth += 1
        if self.is_skipping:
            self._skipped_inside += 1
        else:
            self.is_skipping = not holds

    def turn(self) -> None:
        if not self._skipped_inside:
            self.is_skipping = not self.is_skipping

    def finish(self) -> None:
        self.depth -= 1
        if self._skipped_inside:
            self._skipped_inside -= 1
        else:
            self.is_skipping = False
