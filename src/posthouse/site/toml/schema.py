"""The JSON Schema of site.toml, for editors that complete and check while one types.

It holds what a schema can say; references between tables are the reader's to check.
"""

from posthouse.site.toml import language
from posthouse.site.toml.keys import Key, Section, Shape


def compose() -> dict[str, object]:
    """Return the schema."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Posthouse site",
        "type": "object",
        "additionalProperties": False,
        "required": [section.name for section in language.SECTIONS if section.required],
        "properties": {section.name: _section(section) for section in language.SECTIONS},
    }


def _section(section: Section) -> dict[str, object]:
    if not section.keys:
        # A part in one of the old languages: its own reader knows what may stand in it.
        return {"description": section.doc, "type": "object", "additionalProperties": True}
    table = _table(section)
    if section is language.ALIASES:
        several = {"type": "array", "items": table}
        return {"description": section.doc, "oneOf": [several, _table(language.ALIASES_SHORT)]}
    match section.shape:
        case Shape.REPEATED:
            return {"description": section.doc, "type": "array", "items": table}
        case Shape.NAMED:
            return {"description": section.doc, "type": "object", "additionalProperties": table}
        case Shape.SINGLE:
            return {"description": section.doc, **table}


def _table(section: Section) -> dict[str, object]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": [key.name for key in section.keys if key.required],
        "properties": {key.name: _key(key) for key in section.keys},
    }


def _key(key: Key) -> dict[str, object]:
    note = f" Default: {key.default}." if key.default else ""
    return {"description": key.doc + note, **key.kind.schema()}
