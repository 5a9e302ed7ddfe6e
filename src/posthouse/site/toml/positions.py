"""Where the keys of a TOML document stand.

The standard library's parser gives values without places.  This scanner walks a
document that the parser has already accepted and notes where each key (and each
element of an array) begins; it judges nothing and decodes no values.

A path is a tuple of keys and array indices.  The position of a key is the
position of its own text, also inside a table header or a dotted key.
"""

import re
import tomllib
from bisect import bisect_right
from collections.abc import Iterator

TomlPath = tuple[str | int, ...]

_BLANK = re.compile(r"[ \t]*")
_SKIP = re.compile(r"(?:[ \t\n]+|#[^\n]*)*")  # between statements, and inside arrays
_KEY = re.compile(r"""[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'""")
# A multi-line string may end in up to five quotes: two of its own and the three that end it.
_SCALAR = re.compile(
    r'''"""(?:[^"\\]+|\\[\s\S]|"(?!""))*"{3,5}'''
    r"""|'''(?:[^']+|'(?!''))*'{3,5}"""
    r"""|"(?:[^"\\\n]+|\\.)*"|'[^'\n]*'"""
    r"""|[^\s,\]}\#]+(?:[ ][0-9]{2}:[^\s,\]}\#]+)?"""  # numbers, words, dates (one may hold a blank)
)
_QUOTES = ("'''", '"""')


class Positions:
    """Line and column (both from 1) of every path in a document."""

    def __init__(self, text: str) -> None:
        """Scan ``text``: a valid document with LF line ends."""
        self._line_starts = [0, *(match.end() for match in re.finditer("\n", text))]
        self._offsets: dict[TomlPath, int] = {}
        self._texts: dict[TomlPath, int] = {}  # texts of several lines: where what they say begins
        self._tables: dict[TomlPath, int] = {}  # arrays of tables: elements seen so far
        self._text = text
        self._scan()

    def find(self, path: TomlPath) -> tuple[int, int]:
        """Return where the path begins, or the nearest thing above it that has a place; (0, 0) for the document."""
        while path and path not in self._offsets:
            path = path[:-1]
        if not path:
            return (0, 0)
        offset = self._offsets[path]
        line = bisect_right(self._line_starts, offset)
        return (line, offset - self._line_starts[line - 1] + 1)

    def text_line(self, path: TomlPath) -> int:
        """Return the line in which a text of several lines begins, else that of its key."""
        if path not in self._texts:
            return self.find(path)[0]
        return bisect_right(self._line_starts, self._texts[path])

    def __iter__(self) -> Iterator[TomlPath]:
        return iter(self._offsets)

    def _scan(self) -> None:
        text = self._text
        here: TomlPath = ()
        at = self._skip(0)
        while at < len(text):
            if text[at] == "[":
                here, at = self._header(at)
            else:
                at = self._pair(at, here)
            at = self._skip(at)

    def _skip(self, at: int) -> int:
        match = _SKIP.match(self._text, at)
        return match.end() if match else at

    def _blank(self, at: int) -> int:
        match = _BLANK.match(self._text, at)
        return match.end() if match else at

    def _header(self, at: int) -> tuple[TomlPath, int]:
        """Read ``[a.b]`` or ``[[a.b]]``: the path that the following pairs belong to."""
        brackets = 2 if self._text.startswith("[[", at) else 1
        parts, at = self._dotted(self._blank(at + brackets))
        path: TomlPath = ()
        for number, (part, offset) in enumerate(parts, start=1):
            path = (*path, part)
            self._offsets.setdefault(path, offset)
            if brackets == 2 and number == len(parts):
                self._tables[path] = self._tables.get(path, 0) + 1
            if path in self._tables:  # the table goes on with the array's latest element
                path = (*path, self._tables[path] - 1)
                self._offsets.setdefault(path, offset)
        return path, at + brackets

    def _dotted(self, at: int) -> tuple[list[tuple[str, int]], int]:
        """Read a key of one or more parts; return the parts with their offsets, and where what follows begins."""
        parts: list[tuple[str, int]] = []
        while True:
            match = _KEY.match(self._text, at)
            if match is None:
                return parts, len(self._text)  # not TOML: the caller promised otherwise; end the scan
            parts.append((_decoded(match[0]), at))
            at = self._blank(match.end())
            if self._text[at : at + 1] != ".":
                return parts, at
            at = self._blank(at + 1)

    def _pair(self, at: int, here: TomlPath) -> int:
        parts, at = self._dotted(at)
        for part, offset in parts:
            here = (*here, part)
            self._offsets.setdefault(here, offset)
        return self._value(self._blank(at + 1), here)  # + 1: the equals sign

    def _value(self, at: int, here: TomlPath) -> int:
        opening = self._text[at : at + 1]
        if opening == "[":
            return self._array(at + 1, here)
        if opening == "{":
            return self._inline_table(at + 1, here)
        match = _SCALAR.match(self._text, at)
        if match and match[0].startswith(_QUOTES):
            begin = at + len(_QUOTES[0])
            has_line_end = self._text.startswith("\n", begin)  # right after the quotes it is no part of the text
            self._texts[here] = begin + has_line_end
        return match.end() if match else len(self._text)

    def _array(self, at: int, here: TomlPath) -> int:
        index = 0
        at = self._skip(at)
        while at < len(self._text) and self._text[at] != "]":
            element = (*here, index)
            self._offsets[element] = at
            at = self._skip(self._value(at, element))
            if self._text[at : at + 1] == ",":
                at = self._skip(at + 1)
            index += 1
        return at + 1

    def _inline_table(self, at: int, here: TomlPath) -> int:
        at = self._skip(at)
        while at < len(self._text) and self._text[at] != "}":
            at = self._skip(self._pair(at, here))
            if self._text[at : at + 1] == ",":
                at = self._skip(at + 1)
        return at + 1


def _decoded(part: str) -> str:
    """Return a key as its table has it."""
    if part[0] == "'" or (part[0] == '"' and "\\" not in part):
        return part[1:-1]
    if part[0] == '"':
        return str(tomllib.loads(f"key = {part}")["key"])
    return part
