"""Reads the tables of a document against their description, and collects what is wrong.

Nothing here stops at the first mistake: a value that can't be read is left out, with a
Problem, and the walk goes on.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

from posthouse.mail.lookup import Origin
from posthouse.mail.problem import Problem
from posthouse.site.toml.keys import Key, Section, Shape
from posthouse.site.toml.kinds import ListOf, WrongValueError, plain, shown
from posthouse.site.toml.positions import Positions, TomlPath

MAX_PROBLEMS = 1000
Values = dict[str, object]  # by the model's field names; only what was given and could be read


class Walk:
    """One document being read."""

    def __init__(self, document: Mapping[str, object], positions: Positions, file: str, home: Path) -> None:
        self.document = document
        self.home = home
        self.problems: list[Problem] = []
        self._positions = positions
        self._file = file

    def origin(self, path: TomlPath) -> Origin:
        """Return where a path stands."""
        return Origin(self._file, *self._positions.find(path))

    def text_line(self, path: TomlPath) -> int:
        """Return the line in which a text of several lines begins."""
        return self._positions.text_line(path)

    def wrong(self, path: TomlPath, wrong: str, right: str) -> None:
        """Note a problem."""
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(Problem(self.origin(path), wrong, right))

    def unknown_sections(self, sections: Iterable[Section]) -> None:
        """Note the tables at the top that nobody knows."""
        known = {section.name for section in sections}
        for name in self.document:
            if name not in known:
                self.wrong((name,), f'there is no table "{name}" in this language', suggestion(name, known))

    def single(self, section: Section) -> Values:
        """Read a table that stands once; empty when it is not there."""
        path: TomlPath = (section.name,)
        if section.name not in self.document:
            if section.required:
                self.wrong((), f"there is no table [{section.name}]", f"add [{section.name}]")
            return {}
        table = self.document[section.name]
        if not isinstance(table, dict):
            self.wrong(path, f"{section.name} is {_written(table)}", f"write it once, as a table [{section.name}]")
            return {}
        return self.table(section, table, path)

    def repeated(self, section: Section) -> list[tuple[Values, TomlPath]]:
        """Read every element of an array of tables, with its path."""
        elements = self.document.get(section.name, [])
        if not isinstance(elements, list):
            wrong = f"{section.name} is {_written(elements)}"
            self.wrong((section.name,), wrong, f"write [[{section.name}]], in double brackets, for each")
            return []
        read: list[tuple[Values, TomlPath]] = []
        for index, table in enumerate(elements):
            path: TomlPath = (section.name, index)
            if isinstance(table, dict):
                read.append((self.table(section, table, path), path))
            else:
                self.wrong(path, f"{shown(table)} is not a table", f"write [[{section.name}]] for each")
        return read

    def named(self, section: Section) -> list[tuple[str, Mapping[str, object], TomlPath]]:
        """Return the tables below a table, by their names, not yet read."""
        tables = self.document.get(section.name, {})
        if not isinstance(tables, dict):
            wrong = f"{section.name} is {_written(tables)}"
            self.wrong((section.name,), wrong, f"write [{section.name}.NAME] for each")
            return []
        found: list[tuple[str, Mapping[str, object], TomlPath]] = []
        for name, table in tables.items():
            path = (section.name, name)
            if isinstance(table, dict):
                found.append((name, table, path))
            else:
                self.wrong(path, f"{section.name}.{name} is {_written(table)}", f"write [{section.name}.{name}]")
        return found

    def table(self, section: Section, table: Mapping[str, object], path: TomlPath, kind: str = "") -> Values:
        """Read one table.  ``kind`` is that of the channel, table or domain: keys of other kinds are refused."""
        keys = {key.name: key for key in section.keys}
        values: Values = {}
        for name, value in table.items():
            key = keys.get(name)
            if key is None:
                hint = _underscores(name, keys) or suggestion(name, keys)
                self.wrong((*path, name), f'"{name}" is not a key of {_title(section, path)}', hint)
            elif kind and key.only and kind not in key.only:
                kinds = " or ".join(key.only)
                self.wrong((*path, name), f'"{name}" means nothing where the kind is {kind}', f"it belongs to {kinds}")
            else:
                self._value(key, value, (*path, name), values)
        for key in section.keys:
            if key.required and key.name not in table:
                self.wrong(
                    path, f'{_title(section, path)} has no "{key.name}"', f"add {key.name}: {plain(key.kind.words)}"
                )
        return values

    def value(self, key: Key, value: object, path: TomlPath) -> object:
        """Read one value; None when it is wrong."""
        values: Values = {}
        self._value(key, value, path, values)
        return values.get(key.field_name)

    def _value(self, key: Key, value: object, path: TomlPath, values: Values) -> None:
        try:
            if not isinstance(key.kind, ListOf):
                values[key.field_name] = key.kind.read(value, self.home)
                return
            elements = key.kind.elements(value)
        except WrongValueError as error:
            self.wrong(path, f"{key.name}: {error.wrong}", error.right)
            return
        read = []
        for index, element in enumerate(elements):
            try:
                read.append(key.kind.element.read(element, self.home))
            except WrongValueError as error:
                self.wrong((*path, index), f"{key.name}: {error.wrong}", error.right)
        values[key.field_name] = tuple(read)


def suggestion(name: str, known: Iterable[str]) -> str:
    """Say what was probably meant."""
    from difflib import get_close_matches  # only bad files need it

    names = sorted(known)
    close = get_close_matches(name[:100].lower(), names, n=1)
    if close:
        return f'did you mean "{close[0]}"?'
    if not names:
        return "none is declared"
    listed = ", ".join(names[:15]) + (" ..." if len(names) > 15 else "")
    return f"known are: {listed}"


def _underscores(name: str, keys: Mapping[str, Key]) -> str:
    hyphened = name.replace("_", "-").lower()
    return f'write it with hyphens: "{hyphened}"' if hyphened in keys and hyphened != name else ""


def _title(section: Section, path: TomlPath) -> str:
    if section.shape is Shape.REPEATED:
        return f"[[{section.name}]]"
    return "[" + ".".join(str(part) for part in path) + "]"


def _written(value: object) -> str:
    """Say how something was written that should have been written otherwise."""
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "an array of tables"
    return shown(value)
