"""Right sides: what a matched workspace becomes, before maps are asked and rule sets called."""

from collections.abc import Callable
from enum import Enum, auto
from typing import Final

from msgspec import Struct

from posthouse.rewriting.complaint import Complaint
from posthouse.rewriting.environment import MacroInserted
from posthouse.rewriting.macros import bare_name
from posthouse.rewriting.patterns import END, Spans
from posthouse.rewriting.scanning import MOST_TOKENS
from posthouse.rewriting.symbols import ARGUMENTS, HOST, MACRO_NOW, USER
from posthouse.rewriting.tokens import Syntax

_FIRST_DIGIT: Final = ord(ARGUMENTS)


class Then(Enum):
    """What follows when a rule has been applied."""

    AGAIN = auto()  # the same rule is tried again
    NEXT = auto()  # $:
    RETURN = auto()  # $@


class MacroNow(Struct, frozen=True):
    """``$&x`` on a right side."""

    name: str


class RightSide:
    """One right side, made ready: pieces of workspace, numbers of wildcards, macros."""

    __slots__ = ("_pieces", "_wildcards", "applied", "needs", "then", "tokens")

    def __init__(self, tokens: tuple[str, ...]) -> None:
        self.tokens = tokens  # all of them, to be shown
        self.then = Then.AGAIN
        if tokens and tokens[0] in (USER, HOST):
            self.then = Then.NEXT if tokens[0] == USER else Then.RETURN
            tokens = tokens[1:]
        self._pieces = _pieces(tokens)
        self.applied = tokens  # without what says how to go on
        self._wildcards = tuple(piece for piece in self._pieces if isinstance(piece, int))
        # The number of wildcards that a left side must have; no left side has a wildcard 0.
        self.needs = MOST_TOKENS if -1 in self._wildcards else max(self._wildcards, default=-1) + 1

    def first_missing(self, bound: int) -> int:
        """Return the first wildcard, counted from 1, that a left side with so many does not have; there must be one."""
        return next(number + 1 for number in self._wildcards if not 0 <= number < bound)

    def build(
        self,
        workspace: str,
        spans: Spans,
        syntax: Syntax,
        value_of: Callable[[str], str | None],
        complain: Callable[[Complaint], None],
        tell: Callable[[MacroInserted], None] | None = None,
    ) -> str:
        """Return the new workspace.  No wildcard may be missing."""
        written: list[str] = []
        for piece in self._pieces:
            if isinstance(piece, str):
                written.append(piece)
            elif isinstance(piece, int):
                start, end = spans[piece]
                written.append(workspace[start:end])
            else:
                value = value_of(piece.name)
                if tell is not None:
                    tell(MacroInserted(piece.name, value))
                scanned = syntax.scan(value or "")
                for complaint in scanned.complaints:
                    complain(complaint)
                written.extend(token + END for token in scanned.tokens or ())
        return "".join(written)


def _pieces(tokens: tuple[str, ...]) -> tuple[str | int | MacroNow, ...]:
    pieces: list[str | int | MacroNow] = []
    literal = ""
    for token in tokens:
        number = ord(token[0]) - _FIRST_DIGIT
        if 0 <= number <= 9 or token[0] == MACRO_NOW:
            if literal:
                pieces.append(literal)
                literal = ""
            pieces.append(MacroNow(bare_name(token[1:])) if token[0] == MACRO_NOW else number - 1)
        else:
            literal += token + END
    if literal:
        pieces.append(literal)
    return tuple(pieces)
