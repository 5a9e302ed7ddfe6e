"""What one table of a document says of another: kinds, and names that must exist."""

from collections.abc import Collection, Mapping
from enum import Enum
from typing import TypeVar

from posthouse.site.toml.positions import TomlPath
from posthouse.site.toml.walk import Values, Walk, suggestion

_Member = TypeVar("_Member", bound=Enum)


def kind_of(table: Mapping[str, object], default: _Member) -> _Member:
    """Return the kind that a table declares, or the default; a wrong one is noted when the table is read."""
    value = table.get("kind")
    return next((member for member in type(default) if member.value == value), default)


def check_reference(walk: Walk, name: object, path: TomlPath, known: Collection[str], what: str) -> bool:
    """Is there a table or channel of this name?  Without a name there is nothing to note: the walk has done so."""
    if not isinstance(name, str):
        return False
    if name in known:
        return True
    walk.wrong(path, f'there is no {what} "{name}"', suggestion(name, known))
    return False


def check_references(walk: Walk, values: Values, field: str, path: TomlPath, known: Collection[str]) -> tuple[str, ...]:
    """Return those tables of an array of names that exist, and note the others."""
    named = values.get(field, ())
    found = []
    for index, name in enumerate(named if isinstance(named, tuple) else ()):
        if check_reference(walk, name, (*path, index), known, "table"):
            found.append(name)
    return tuple(found)
