"""One look-up among the tokens of a right side: ``$( map key $@ argument $: default $)`` or ``$[ host $]``."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from posthouse.rewriting.symbols import HOST, HOST_MAP_BEGIN, HOST_MAP_END, MAP_END, USER

MOST_ARGUMENTS: Final = 9


class Lookup(Struct, frozen=True):
    """One look-up in a workspace."""

    map: str
    key: tuple[str, ...]
    arguments: tuple[tuple[str, ...], ...]
    default: tuple[str, ...] | None
    end: int  # the place behind it


def read_lookup(tokens: Sequence[str], place: int) -> Lookup | None:
    """Read the look-up that begins at a place; it ends at the first closing token of its kind.

    Returns None when no name of a map follows.
    """
    if tokens[place] == HOST_MAP_BEGIN:
        name, closing, start = "host", HOST_MAP_END, place + 1
    elif place + 1 < len(tokens):
        name, closing, start = tokens[place + 1], MAP_END, place + 2
    else:
        return None
    end = tokens.index(closing, start) if closing in tokens[start:] else len(tokens)
    kind, parts = "", [("", start)]
    for at in range(start, end):
        kind = tokens[at]
        if kind in (HOST, USER):
            parts.append((kind, at + 1))
    bounds = [first - 1 for _, first in parts[1:]] + [end]
    pieces = [(kind, tuple(tokens[first:bound])) for (kind, first), bound in zip(parts, bounds, strict=True)]
    defaults = [piece for kind, piece in pieces if kind == USER]
    arguments = tuple(piece for kind, piece in pieces if kind == HOST)[:MOST_ARGUMENTS]
    return Lookup(name, pieces[0][1], arguments, defaults[-1] if defaults else None, min(end + 1, len(tokens)))
