"""Left sides: does a pattern match a workspace, and what do its wildcards hold?

A workspace is one string, in which a NUL ends every token; tokens themselves
hold no NUL.  Most patterns become a regular expression over that string, whose
lazy groups try the same matches in the same order as sendmail: leftmost,
shortest first.  Small classes become alternatives in it.  What an expression
cannot say (large classes whose place is not forced, ``$&x``) or what would
take it too long goes to search.py.
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

_MOST_ALTERNATIVES: Final = 48  # words of a class that an expression spells out
_PLAIN_WORD: Final = re.compile(r"[a-z0-9.:@!%/\[\]^+_=*|{}~#&-]+")
_QUICK_WILDCARDS: Final = 3
SHORT: Final = 2 * 141  # characters: with three wide wildcards the tokens in so few allow _MOST_TRIALS at most

Spans = tuple[tuple[int, int], ...]

_EXPRESSIONS: Final = {Kind.ANY: f"((?:{_WHOLE})*?)", Kind.SOME: f"((?:{_WHOLE})+?)", Kind.ONE: f"({_WHOLE})"}
_CLASS_AT_LARGE: Final = {Kind.IN_CLASS: f"((?:{_WHOLE})+?)", Kind.NOT_IN_CLASS: f"({_WHOLE})"}

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

    __slots__ = ("_classed", "_elements", "_expression", "_syntax", "_wide", "needles", "quick")

    def __init__(self, elements: tuple[Element, ...], syntax: Syntax) -> None:
        self._elements = elements
        self._syntax = syntax
        self.needles = _needles(elements)
        self._wide = sum(element.kind in (Kind.ANY, Kind.SOME, Kind.IN_CLASS) for element in elements)
        said = [_expression_of(element, syntax) for element in elements]
        self._classed = _classed(elements, said)
        self._expression: re.Pattern[str] | None = None
        if not any(element.kind is Kind.MACRO for element in elements):
            whole = [one or _CLASS_AT_LARGE.get(element.kind, "") for one, element in zip(said, elements, strict=True)]
            self._expression = re.compile("".join(whole))
        # For a workspace of at most SHORT characters this alone decides.
        is_exact = self._expression is not None and not self._classed and self._wide <= _QUICK_WILDCARDS
        self.quick = self._expression.fullmatch if is_exact and self._expression else None

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
    return syntax.join_marked(text) in element.words


def _is_forced(fence: _Fence, folded: str) -> bool:
    """Can the wildcard between these literals lie in one place only?"""
    before, behind = fence
    marked = END + folded
    return (not before or marked.count(END + before) == 1) and (not behind or marked.count(END + behind) == 1)


def _classed(elements: tuple[Element, ...], said: list[str]) -> tuple[tuple[int, Element, _Fence | None], ...]:
    """Return the elements whose class the expression does not say: their group, themselves, and what fences them in."""
    found: list[tuple[int, Element, _Fence | None]] = []
    group = 0
    for place, element in enumerate(elements):
        group += element.binds
        if element.kind in _CLASS_AT_LARGE and not said[place]:
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


def _expression_of(element: Element, syntax: Syntax) -> str:
    """Return the element as a regular expression; "" for a class that is none."""
    if element.kind is Kind.LITERAL:
        return re.escape(element.text)
    if element.kind in _CLASS_AT_LARGE:
        return _expression_of_class(element, syntax)
    return _EXPRESSIONS.get(element.kind, "")


def _expression_of_class(element: Element, syntax: Syntax) -> str:
    words = sorted(element.words, key=lambda word: (len(word), word))
    if len(words) > _MOST_ALTERNATIVES:
        return ""
    if element.kind is Kind.NOT_IN_CLASS:
        taken = "|".join(re.escape(word + END) for word in words)
        return f"((?!{taken}){_WHOLE})" if taken else f"({_WHOLE})"
    joint = syntax.blank_substitute
    if not all(_PLAIN_WORD.fullmatch(word) and (joint in syntax.operators or joint not in word) for word in words):
        return ""
    # Of two words that begin alike the shorter one is tried first, as sendmail does.
    return f"({'|'.join(_tokens_of_word(word, syntax) for word in words)})" if words else "((?!))"


def _tokens_of_word(word: str, syntax: Syntax) -> str:
    """Return an expression for every row of tokens whose join is the word."""
    tokens = syntax.scan(word).tokens or ()
    said: list[str] = []
    for place, token in enumerate(tokens):
        one = re.escape(token + END)
        between_atoms = 0 < place < len(tokens) - 1 and all(
            syntax.is_atom(tokens[beside][0]) for beside in (place - 1, place + 1)
        )
        # Two atoms that stand side by side are joined by this very character.
        said.append(f"(?:{one})?" if token == syntax.blank_substitute and between_atoms else one)
    return "".join(said)


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
