"""Right sides whose look-ups and call are known before any address comes: nearly all of them.

A plan does what the engine and lookups.py do with any right side, but need not search the new
workspace for metasymbols.  It holds only for a workspace that brings none of them in with its
wildcards (is_inert), and tells nobody of its steps; everything else is done step by step.
"""

import re
from collections.abc import Callable
from typing import Final

from msgspec import Struct

from posthouse.rewriting.lookup_syntax import Lookup, read_lookup
from posthouse.rewriting.patterns import END, Spans
from posthouse.rewriting.symbols import (
    ARGUMENTS,
    CALL,
    HOST,
    HOST_MAP_BEGIN,
    HOST_MAP_END,
    MACRO_NOW,
    MAP_BEGIN,
    MAP_END,
    USER,
)

_ENDS: Final = {MAP_BEGIN: MAP_END, HOST_MAP_BEGIN: HOST_MAP_END}
_ACTIVE: Final = re.compile(f"[{MAP_BEGIN}{MAP_END}{HOST_MAP_BEGIN}{HOST_MAP_END}{CALL}{HOST}{USER}]")
_FIRST_DIGIT: Final = ord(ARGUMENTS)

Template = tuple[str | int, ...]  # pieces of workspace, and numbers of wildcards from 0 on


class PlannedLookup(Struct, frozen=True):
    """One look-up; ``default`` is None when there is none."""

    map: str
    key: Template
    arguments: tuple[Template, ...]
    default: Template | None


class Segment(Struct, frozen=True):
    """A part of a right side: one template when no map is asked in it, else templates and look-ups in their order."""

    text: Template | None
    parts: tuple[Template | PlannedLookup, ...] = ()


class Plan(Struct, frozen=True):
    """A right side: what stands before the call, the number of the rule set that is called, and what it is given.

    ``called`` is None when nothing is; everything then stands before.  ``wildcards`` and ``literals`` count what it is
    built of: before maps answer it becomes no more tokens than the literals, and for each wildcard those of the old
    workspace.
    """

    before: Segment
    called: int | None
    given: Segment
    wildcards: int
    literals: int

    def fits(self, workspace: str, most_tokens: int) -> bool:
        """Is it certain that the new workspace is not too long?"""
        return self.wildcards * (len(workspace) >> 1) + self.literals <= most_tokens


def is_inert(workspace: str) -> bool:
    """Does a workspace hold nothing that would be taken for a look-up or a call?"""
    return workspace.isascii() or _ACTIVE.search(workspace) is None


def fill(template: Template, workspace: str, spans: Spans) -> str:
    """Return a template with its wildcards filled in."""
    if len(template) == 1:  # the key, an argument or a default, mostly
        only = template[0]
        if isinstance(only, str):
            return only
        start, end = spans[only]
        return workspace[start:end]
    return "".join(
        [
            piece if piece.__class__ is str else workspace[spans[piece][0] : spans[piece][1]]  # type: ignore[index] # an int
            for piece in template
        ]
    )


def plan_of(tokens: tuple[str, ...], number_of: Callable[[str], int | None]) -> Plan | None:
    """Return the plan of a right side, without its leading ``$:`` or ``$@``; None when it must be done step by step.

    ``number_of`` returns the number of the rule set that a token names, if it has rules.
    """
    if any(token[0] == MACRO_NOW or token == ARGUMENTS for token in tokens):
        return None
    calls = [place for place, token in enumerate(tokens) if token == CALL]
    place = calls[0] if calls else len(tokens)
    before, given = _segment(tokens[:place]), _segment(tokens[place + 2 :])
    if before is None or given is None or len(calls) > 1:
        return None
    name = tokens[place + 1] if place + 1 < len(tokens) else ""
    called = number_of(name) if name.isascii() else None
    if calls and called is None:
        return None
    wildcards = sum(map(_is_wildcard, tokens))
    return Plan(before, called, given, wildcards, len(tokens) - wildcards)


def _segment(tokens: tuple[str, ...]) -> Segment | None:
    """Return the tokens as templates and look-ups; None when a look-up is not what it seems."""
    if _ENDS.keys().isdisjoint(tokens):
        return Segment(_template(tokens))
    parts: list[Template | PlannedLookup] = []
    start = place = 0
    while place < len(tokens):
        if tokens[place] not in _ENDS:
            place += 1
            continue
        lookup = read_lookup(tokens, place)
        if lookup is None or not lookup.map.isascii() or not _ENDS.keys().isdisjoint(tokens[place + 1 : lookup.end]):
            return None
        if tokens[lookup.end - 1] != _ENDS[tokens[place]]:
            return None  # it ends where the workspace does, whatever comes of a call
        if start < place:
            parts.append(_template(tokens[start:place]))
        parts.append(_planned(lookup))
        start = place = lookup.end
    if start < place:
        parts.append(_template(tokens[start:]))
    return Segment(None, tuple(parts))


def _planned(lookup: Lookup) -> PlannedLookup:
    return PlannedLookup(
        lookup.map,
        _template(lookup.key),
        tuple(map(_template, lookup.arguments)),
        None if lookup.default is None else _template(lookup.default),
    )


def _is_wildcard(token: str) -> bool:
    return 0 <= ord(token[0]) - _FIRST_DIGIT <= 9


def _template(tokens: tuple[str, ...]) -> Template:
    pieces: list[str | int] = []
    for token in tokens:
        if _is_wildcard(token):
            pieces.append(ord(token[0]) - _FIRST_DIGIT - 1)
        elif pieces and isinstance(pieces[-1], str):
            pieces[-1] += token + END
        else:
            pieces.append(token + END)
    return tuple(pieces)
