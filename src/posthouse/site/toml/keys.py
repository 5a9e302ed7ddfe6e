"""How the native language is described: tables (Section) and their keys (Key).

Defaults are taken from the model, so that documentation can't contradict the program.
"""

from collections.abc import Callable
from datetime import timedelta
from enum import Enum

from msgspec import NODEFAULT, Struct
from msgspec.structs import FieldInfo, fields

from posthouse.site.toml.kinds import Kind, duration_text


class Key(Struct, frozen=True):
    """One key.  ``default`` is as people write it; ``only`` are the kinds of channel, table or domain that have it."""

    name: str
    kind: Kind
    doc: str
    default: str = ""
    required: bool = False
    only: tuple[str, ...] = ()
    field: str = ""

    @property
    def field_name(self) -> str:
        """The name in the model."""
        return self.field or self.name.replace("-", "_")


class Shape(Enum):
    """How a table is written."""

    SINGLE = "[name]"
    REPEATED = "[[name]]"
    NAMED = "[name.key]"


class Section(Struct, frozen=True):
    """One table of the file."""

    name: str
    shape: Shape
    doc: str
    keys: tuple[Key, ...]
    required: bool = False

    @property
    def title(self) -> str:
        """The table as it is written."""
        names_ = {Shape.SINGLE: self.name, Shape.REPEATED: f"[{self.name}]", Shape.NAMED: f"{self.name}.NAME"}
        return f"[{names_[self.shape]}]"


def size_text(octets: int) -> str:
    """Return a size as it is written: ``50M``."""
    for unit, size in (("G", 1024**3), ("M", 1024**2), ("K", 1024)):
        if octets and octets % size == 0:
            return f"{octets // size}{unit}"
    return str(octets)


def _default_text(field: FieldInfo) -> str:
    """Return a default as people write it; "" when there is none worth telling."""
    value = field.default
    match value:
        case bool():
            return str(value).lower()
        case int():
            return f'"{size_text(value)}"' if field.name.endswith("_octets") else str(value)
        case timedelta():
            return f'"{duration_text(value)}"'
        case Enum():
            return f'"{value.value}"'
        case str() if value:
            return f'"{value}"'
        case _:
            return ""


Maker = Callable[..., Key]


def keys_of(model: type) -> Maker:
    """Return a function that makes the keys of one part of the model and takes their defaults from it."""
    defaults = {field.name: _default_text(field) for field in fields(model) if field.default is not NODEFAULT}

    def make(name: str, kind: Kind, doc: str, **more: object) -> Key:
        field = str(more.get("field") or name.replace("-", "_"))
        more.setdefault("default", defaults.get(field, ""))
        return Key(name, kind, doc, **more)  # type: ignore[arg-type]  # the keywords are Key's own

    return make
