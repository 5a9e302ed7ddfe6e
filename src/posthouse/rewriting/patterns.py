"""Left sides: does a pattern match a workspace, and what do its wildcards hold?

A workspace is one string, in which a NUL ends every token; tokens themselves
hold no NUL.  Most patterns become a regular expression over that string, whose
lazy groups try the same matches in the same order as sendmail: leftmost,
shortest first.  What an expression cannot say (classes whose place is not
forced, ``$&x``) or what would take it too long goes to search.py.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

from posthouse.rewriting.macros import bare_name
from posthouse.rewriting.search import Element, Kind, search
from posthouse.rewriting.symbols import (
    EXACTLY_ONE,
    HOST,
    IN_CLASS,
    MACRO_NOW,
    NOT_IN_CLASS,
    NOTHING,
    ONE_OR_MORE,
    ZERO_OR_MORE,
)
from posthouse.rewriting.tokens import Syntax, fold

END: Final = "\0"  # of a token in a workspace
_MOST_TRIALS: Final = 20_000  # that a regular expression may take; above, search.py is sure to be faster
_WHOLE: Final = "[^\0]++\0"

Spans = tuple[tuple[int, int], ...]

_KINDS: Final = {
    ZERO_OR_MORE: Kind.ANY,
    ONE_OR_MORE: Kind.SOME,
    EXACTLY_ONE: Kind.ONE,
    NOTHING: Kind.NOTHING,
    HOST: Kind.NOTHING,
    IN_CLASS: Kind.IN_CLASS,
    NOT_IN_CLASS: Kind.NOT_IN_CLASS,
    MACRO_NOW: Kind.MACRO,
}


def elements_of(tokens: tuple[str, ...], classes: Mapping[str, frozenset[str]]) -> tuple[Element, ...]:
    """Return the tokens of a left side as pattern elements."""
    elements: list[Element] = []
    for token in tokens:
        kind = _KINDS.get(token[0])
        if kind is None:
            elements.append(Element(Kind.LITERAL, fold(token) + END))
        elif kind is Kind.MACRO:
            elements.append(Element(kind, bare_name(token[1:])))
        elif kind in (Kind.IN_CLASS, Kind.NOT_IN_CLASS):
            words = classes.get(bare_name(token[1:]), frozenset())
            elements.append(Element(kind, words=words, longest=max(map(len, words), default=0)))
        else:
            elements.append(Element(kind))
    return tuple(elements)


class Pattern:
    """One left side, made ready."""

    __slots__ = ("_classed", "_elements", "_expression", "_syntax", "_wide", "needles", "wildcards")

    def __init__(self, elements: tuple[Element, ...], syntax: Syntax) -> None:
        self._elements = elements
        self._syntax = syntax
        self.wildcards = sum(element.binds for element in elements)
        self.needles = _needles(elements)
        self._wide = sum(element.kind in (Kind.ANY, Kind.SOME, Kind.IN_CLASS) for element in elements)
        self._classed = _classed(elements)
        self._expression: re.Pattern[str] | None = None
        if not any(element.kind is Kind.MACRO for element in elements):
            self._expression = re.compile("".join(map(_expression_of, elements)))

    def match(self, folded: str, value_of: Callable[[str], str | None]) -> Spans | None:
        """Return where each wildcard's tokens lie in the workspace, or None.

        ``folded`` is the workspace in lower case; ``value_of`` answers for the macros of ``$&x``.
        """
        expression = self._expression
        if expression is None or (self._wide > 2 and folded.count(END) ** (self._wide - 1) > _MOST_TRIALS):
            return search(self._elements, folded, self._syntax, value_of)
        found = expression.fullmatch(folded)
        if found is None:
            return None
        for group, element, fence in self._classed:
            start, end = found.span(group)
            if not _holds(element, folded[start:end], self._syntax):
                if fence is not None and _is_forced(fence, folded):
                    return None
                return search(self._elements, folded, self._syntax, value_of)
        return found.regs[1:]


_Fence = tuple[str, str]  # the literals directly before and behind a wildcard; "" at the pattern's end


def _holds(element: Element, text: str, syntax: Syntax) -> bool:
    if text.count(END) == 1:
        return (text[:-1] in element.words) is (element.kind is Kind.IN_CLASS)
    return syntax.join_folded(text) in element.words


def _is_forced(fence: _Fence, folded: str) -> bool:
    """Can the wildcard between these literals lie in one place only?"""
    before, behind = fence
    marked = END + folded
    return (not before or marked.count(END + before) == 1) and (not behind or marked.count(END + behind) == 1)


def _classed(elements: tuple[Element, ...]) -> tuple[tuple[int, Element, _Fence | None], ...]:
    """Return the elements with a class: their group, themselves, and what fences them in, if anything does."""
    found: list[tuple[int, Element, _Fence | None]] = []
    group = 0
    for place, element in enumerate(elements):
        group += element.binds
        if element.kind in (Kind.IN_CLASS, Kind.NOT_IN_CLASS):
            found.append((group, element, _fence(elements, place)))
    return tuple(found)


def _fence(elements: tuple[Element, ...], place: int) -> _Fence | None:
    before = elements[place - 1] if place else None
    behind = elements[place + 1] if place + 1 < len(elements) else None
    if (before is not None and before.kind is not Kind.LITERAL) or (
        behind is not None and behind.kind is not Kind.LITERAL
    ):
        return None
    return (before.text if before else ""), (behind.text if behind else "")


def _expression_of(element: Element) -> str:
    if element.kind is Kind.LITERAL:
        return re.escape(element.text)
    return {
        Kind.ANY: f"((?:{_WHOLE})*?)",
        Kind.SOME: f"((?:{_WHOLE})+?)",
        Kind.ONE: f"({_WHOLE})",
        Kind.NOTHING: "",
        Kind.IN_CLASS: f"((?:{_WHOLE})+?)",
        Kind.NOT_IN_CLASS: f"({_WHOLE})",
    }[element.kind]


def _needles(elements: tuple[Element, ...]) -> tuple[str, ...]:
    """Return the runs of literals that a workspace must hold; the longest first."""
    runs: list[str] = []
    run = ""
    for element in (*elements, Element(Kind.ANY)):
        if element.kind is Kind.LITERAL:
            run += element.text
        elif run:
            runs.append(run)
            run = ""
    return tuple(sorted(dict.fromkeys(runs), key=len, reverse=True))
