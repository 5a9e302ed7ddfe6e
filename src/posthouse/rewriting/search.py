"""Matching step by step: sendmail's own way, with a note of what has failed.

Whether the rest of a pattern matches the rest of a workspace depends on
nothing before them.  So a pair (element, token) that was tried once need not
be tried again, and the work is bounded by the product of both lengths.
"""

from collections.abc import Callable
from enum import Enum, auto

from msgspec import Struct

from posthouse.rewriting.tokens import Syntax, fold


class Kind(Enum):
    """What an element of a pattern matches."""

    LITERAL = auto()  # this token, whatever its case
    ANY = auto()  # $*
    SOME = auto()  # $+
    ONE = auto()  # $-
    NOTHING = auto()  # $@
    IN_CLASS = auto()  # $=x: the shortest sequence whose join is in the class
    NOT_IN_CLASS = auto()  # $~x: one token that is not in the class
    MACRO = auto()  # $&x: the tokens that make up the macro's value now


_BINDING = frozenset({Kind.ANY, Kind.SOME, Kind.ONE, Kind.IN_CLASS, Kind.NOT_IN_CLASS})


class Element(Struct, frozen=True):
    """One element.  ``text``: a literal, folded, with its NUL, or a macro's name; ``longest``: of the words."""

    kind: Kind
    text: str = ""
    words: frozenset[str] = frozenset()
    longest: int = 0

    @property
    def binds(self) -> bool:
        """Is it a wildcard, whose tokens ``$1`` to ``$9`` name?"""
        return self.kind in _BINDING


class _Binding:
    """The tokens first to end - 1, taken by the element at this place."""

    __slots__ = ("end", "first", "place")

    def __init__(self, place: int, first: int, end: int) -> None:
        self.place = place
        self.first = first
        self.end = end


def search(
    elements: tuple[Element, ...], folded: str, syntax: Syntax, value_of: Callable[[str], str | None]
) -> tuple[tuple[int, int], ...] | None:
    """Return where each wildcard's tokens lie in the workspace, or None."""
    attempt = _Attempt(elements, folded.split("\0")[:-1], syntax, value_of)
    if not attempt.succeeds():
        return None
    starts = [0]
    for token in attempt.tokens:
        starts.append(starts[-1] + len(token) + 1)
    return tuple((starts[binding.first], starts[binding.end]) for binding in attempt.bindings)


class _Attempt:
    """One pattern against one workspace."""

    def __init__(
        self,
        elements: tuple[Element, ...],
        tokens: list[str],
        syntax: Syntax,
        value_of: Callable[[str], str | None],
    ) -> None:
        self._elements = elements
        self.tokens = tokens
        self._syntax = syntax
        self._value_of = value_of
        self.bindings: list[_Binding] = []
        self._tried: set[tuple[int, int]] = set()

    def succeeds(self) -> bool:
        place = at = 0
        while place < len(self._elements) or at < len(self.tokens):
            following = None
            if (place, at) not in self._tried:
                self._tried.add((place, at))
                following = self._step(place, at)
            if following is None:
                following = self._back_up()
            if following is None:
                return False
            place, at = following
        return True

    def _step(self, place: int, at: int) -> tuple[int, int] | None:
        """Match one element; return where to go on, or None."""
        if place >= len(self._elements):
            return None
        element = self._elements[place]
        if element.kind is Kind.NOTHING:
            return place + 1, at
        if element.kind is Kind.ANY:
            self.bindings.append(_Binding(place, at, at))
            return place + 1, at
        if at >= len(self.tokens):
            return None
        if element.kind is Kind.LITERAL:
            return (place + 1, at + 1) if self.tokens[at] == element.text[:-1] else None
        if element.kind is Kind.MACRO:
            end = self._end_of_macro(element.text, at)
            return None if end is None else (place + 1, end)
        return self._bind(place, at, at + 1)

    def _bind(self, place: int, first: int, end: int) -> tuple[int, int] | None:
        """Give the wildcard its tokens, at least up to ``end``."""
        element = self._elements[place]
        if element.kind is Kind.IN_CLASS:
            in_class = self._end_in_class(element, first, end)
            if in_class is None:
                return None
            end = in_class
        elif element.kind is Kind.NOT_IN_CLASS and self.tokens[first] in element.words:
            return None
        self.bindings.append(_Binding(place, first, end))
        return place + 1, end

    def _end_in_class(self, element: Element, first: int, end: int) -> int | None:
        while end <= len(self.tokens):
            phrase = self._syntax.join(self.tokens[first:end])
            if len(phrase) > element.longest:
                return None
            if phrase in element.words:
                return end
            end += 1
        return None

    def _end_of_macro(self, name: str, at: int) -> int | None:
        rest = fold(self._value_of(name) or "")
        while rest:
            if at >= len(self.tokens) or not rest.startswith(self.tokens[at]):
                return None
            rest = rest[len(self.tokens[at]) :]
            at += 1
        return at

    def _back_up(self) -> tuple[int, int] | None:
        """Let the newest wildcard that can take one more token do so."""
        while self.bindings:
            binding = self.bindings.pop()
            if binding.end >= len(self.tokens):
                continue
            kind = self._elements[binding.place].kind
            if kind in (Kind.ANY, Kind.SOME, Kind.IN_CLASS):
                following = self._bind(binding.place, binding.first, binding.end + 1)
                if following is not None:
                    return following
        return None
