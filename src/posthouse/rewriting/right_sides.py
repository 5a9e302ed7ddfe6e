"""Right sides: what a matched workspace becomes, before maps are asked and rule sets called."""

from collections.abc import Callable
from enum import Enum, auto
from typing import Final

from msgspec import Struct

from posthouse.rewriting.complaint import Complaint
from posthouse.rewriting.macros import bare_name
from posthouse.rewriting.patterns import END, Spans
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

    __slots__ = ("_pieces", "highest", "then")

    def __init__(self, tokens: tuple[str, ...]) -> None:
        self.then = Then.AGAIN
        if tokens and tokens[0] in (USER, HOST):
            self.then = Then.NEXT if tokens[0] == USER else Then.RETURN
            tokens = tokens[1:]
        self._pieces = _pieces(tokens)
        self.highest = max((piece for piece in self._pieces if isinstance(piece, int)), default=-1) + 1

    def build(
        self,
        workspace: str,
        spans: Spans,
        syntax: Syntax,
        value_of: Callable[[str], str | None],
        complain: Callable[[Complaint], None],
    ) -> str:
        """Return the new workspace.  ``spans`` must reach to ``highest``."""
        written: list[str] = []
        for piece in self._pieces:
            if isinstance(piece, str):
                written.append(piece)
            elif isinstance(piece, int):
                start, end = spans[piece]
                written.append(workspace[start:end])
            else:
                scanned = syntax.scan(value_of(piece.name) or "")
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
