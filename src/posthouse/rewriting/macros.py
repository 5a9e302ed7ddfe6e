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

NAME: Final = r"\{[^{}]*\}|[^{]"  # of a macro or a class, as it follows its metasymbol
_METASYMBOL = re.compile("[\ue000-\ue0ff]")
_PIECE = re.compile(f"(?P<macro>{MACRO})(?P<name>{NAME})|(?P<if>{IF})(?P<test>{NAME})|{ELSE}|{END_IF}", re.DOTALL)

Values = Mapping[str, str] | Callable[[str], str | None]


def bare_name(name: str) -> str:
    """Return the name without its braces: ``{Name}`` is ``Name``, and ``{x}`` is ``x``."""
    return name[1:-1] if len(name) > 1 and name[0] == "{" else name


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
