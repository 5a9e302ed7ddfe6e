"""What may stand behind a key of site.toml: the kinds of values.

Each kind reads a TOML value into the model's type or raises WrongValueError with both
halves of the message, and describes itself for people (``words``) and for the JSON Schema.
"""

import enum
import re
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from posthouse.mail.errors import MalformedError

_CONTROL = re.compile("[\x00-\x1f\x7f]")
_DURATION = re.compile(r"(?:[0-9]{1,9}(?:ms|[smhdw]))+")
_DURATION_PART = re.compile(r"([0-9]+)(ms|[smhdw])")
_UNITS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_LONGEST = timedelta(days=3650)
_SIZE = re.compile(r"([0-9]{1,15})([KMG]?)")
_SIZE_UNITS = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3}
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


class WrongValueError(MalformedError):
    """A value that can't be read; the walk turns it into a Problem with its place."""

    def __init__(self, wrong: str, right: str) -> None:
        super().__init__(wrong, right)
        self.wrong = wrong
        self.right = right


class Kind(Protocol):
    """One kind of value."""

    words: str  # "a duration", for docs and messages

    def read(self, value: object, home: Path, /) -> object:
        """Return the model's value; ``home`` is the directory of the file.  Raises WrongValueError."""

    def schema(self) -> dict[str, object]:
        """Describe the TOML value in JSON Schema."""


def plain(words: str) -> str:
    """Return a kind's words without the marks of the documentation."""
    return words.replace("`", "")


def shown(value: object) -> str:
    """Return a TOML value as a message shows it: short, on one line."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "an array"
    text = repr(value)
    if isinstance(value, str):
        text = '"' + text[1:-1] + '"'
    return text if len(text) <= 60 else text[:57] + "..."


def duration_text(length: timedelta) -> str:
    """Return a duration as it is written: ``1h30m``."""
    left = length // timedelta(milliseconds=1)
    parts = []
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, left = divmod(left, size)
        parts.append(f"{count}{unit}" if count else "")
    return "".join(parts) or "0s"


class Flag:
    """True or false."""

    words = "`true` or `false`"

    def read(self, value: object, _home: Path) -> object:
        """Return the boolean."""
        if not isinstance(value, bool):
            raise WrongValueError(f"{shown(value)} is not a truth value", "write true or false, without quotes")
        return value

    def schema(self) -> dict[str, object]:
        """Describe it."""
        return {"type": "boolean"}


class Count:
    """A whole number within bounds."""

    def __init__(self, low: int, high: int = 1_000_000_000, *, why: str = "") -> None:
        self.low, self.high, self.why = low, high, f" ({why})" if why else ""
        self.words = f"a number, at least {low}{self.why}"

    def read(self, value: object, _home: Path) -> object:
        """Return the number."""
        if isinstance(value, bool) or not isinstance(value, int):
            raise WrongValueError(f"{shown(value)} is not a whole number", f"write a number, at least {self.low}")
        if not self.low <= value <= self.high:
            bound = f"at least {self.low}{self.why}" if value < self.low else f"at most {self.high}"
            raise WrongValueError(f"{shown(value)} is out of bounds", f"write {bound}")
        return value

    def schema(self) -> dict[str, object]:
        """Describe it."""
        return {"type": "integer", "minimum": self.low, "maximum": self.high}


class Size:
    """A number of octets: 65536, "64K", "50M", "1G"."""

    def __init__(self, low: int = 1, *, why: str = "") -> None:
        self.low, self.why = low, f" ({why})" if why else ""
        self.words = 'a size such as `"64K"` or `"50M"`' + (f", at least {low} octets{self.why}" if low > 1 else "")

    def read(self, value: object, _home: Path) -> object:
        """Return the octets."""
        octets = value
        if isinstance(value, str):
            match = _SIZE.fullmatch(value)
            octets = int(match[1]) * _SIZE_UNITS[match[2]] if match else None
        if isinstance(octets, bool) or not isinstance(octets, int):
            raise WrongValueError(f"{shown(value)} is not a size", 'write octets, or a size such as "64K", "50M", "1G"')
        if octets < self.low:
            raise WrongValueError(f"{shown(value)} is too small", f"write at least {self.low} octets{self.why}")
        if octets > 2**50:
            raise WrongValueError(f"{shown(value)} is too large", f"write at most {2**20}G")
        return octets

    def schema(self) -> dict[str, object]:
        """Describe it."""
        return {
            "oneOf": [{"type": "integer", "minimum": self.low}, {"type": "string", "pattern": "^[0-9]{1,15}[KMG]?$"}]
        }


class Duration:
    """A length of time: "90s", "5m", "1h30m", "5d"; "never" where that has a meaning."""

    def __init__(
        self, low: timedelta = timedelta(milliseconds=1), high: timedelta = _LONGEST, *, never: bool = False
    ) -> None:
        self.low, self.high, self.never = low, high, never
        self.words = 'a duration such as `"90s"` or `"1h30m"`' + (', or `"never"`' if never else "")

    def read(self, value: object, _home: Path) -> object:
        """Return the timedelta; None for never."""
        if self.never and value == "never":
            return None
        if not isinstance(value, str) or not _DURATION.fullmatch(value):
            hint = 'write a duration such as "90s", "5m", "1h30m" or "5d"'
            if isinstance(value, int) and not isinstance(value, bool):
                hint = f'write the unit too: "{value}s" for seconds, "{value}m" for minutes'
            raise WrongValueError(f"{shown(value)} is not a duration", hint)
        length = timedelta(milliseconds=sum(int(n) * _UNITS[unit] for n, unit in _DURATION_PART.findall(value[:200])))
        if not self.low <= length <= self.high:
            bound = (
                f"at least {duration_text(self.low)}" if length < self.low else f"at most {duration_text(self.high)}"
            )
            raise WrongValueError(f"{shown(value)} is out of bounds", f"write {bound}")
        return length

    def schema(self) -> dict[str, object]:
        """Describe it."""
        pattern = "([0-9]{1,9}(ms|[smhdw]))+"
        return {"type": "string", "pattern": f"^(never|{pattern})$" if self.never else f"^{pattern}$"}


class Choice:
    """One word of a few: the values of an enum."""

    def __init__(self, words: type[enum.Enum]) -> None:
        self._members = {str(member.value): member for member in words}
        self.words = " or ".join(f'`"{word}"`' for word in self._members)

    def read(self, value: object, _home: Path) -> object:
        """Return the enum's member."""
        member = self._members.get(value) if isinstance(value, str) else None
        if member is None:
            words = ", ".join(f'"{word}"' for word in self._members)
            raise WrongValueError(f"{shown(value)} is not known here", f"write one of {words}")
        return member

    def schema(self) -> dict[str, object]:
        """Describe it."""
        return {"type": "string", "enum": list(self._members)}


class Text:
    """A line of text."""

    def __init__(self, words: str = "a text", *, empty: bool = False, pattern: str = "") -> None:
        self.words, self._empty, self._pattern = words, empty, pattern

    def read(self, value: object, _home: Path) -> object:
        """Return the text."""
        if not isinstance(value, str):
            raise WrongValueError(f"{shown(value)} is not a text", f"write {plain(self.words)}, in quotes")
        if not value and not self._empty:
            raise WrongValueError("an empty text", f"write {plain(self.words)}")
        if len(value) > 4096:
            raise WrongValueError(f"a text of {len(value)} characters", "write at most 4096")
        if _CONTROL.search(value):
            raise WrongValueError(f"{shown(value)} holds a control character", "remove it")
        if self._pattern and not re.fullmatch(self._pattern, value):
            words = plain(self.words)
            raise WrongValueError(f"{shown(value)} is not {words}", f"write {words}")
        return value

    def schema(self) -> dict[str, object]:
        """Describe it."""
        schema: dict[str, object] = {"type": "string"}
        if self._pattern:
            schema["pattern"] = f"^({self._pattern})$"
        return schema


class Reference(Text):
    """The name of a table or a channel; whether there is one is seen when all are known."""

    def __init__(self, words: str, target: str) -> None:
        super().__init__(words)
        self.target = target


class FilePath(Text):
    """A path; a relative one is meant from the site file's directory."""

    def __init__(self, words: str = "a path") -> None:
        super().__init__(words)

    def read(self, value: object, home: Path) -> object:
        """Return the absolute path."""
        return home / str(super().read(value, home))


class Template(Text):
    """A text with ``{names}`` in it.  ``is_path``: relative ones are meant from the site file's directory."""

    def __init__(self, words: str, placeholders: Sequence[str], *, is_path: bool = False) -> None:
        super().__init__(words)
        self._placeholders, self._is_path = placeholders, is_path

    def read(self, value: object, home: Path) -> object:
        """Return the text, its placeholders still in it."""
        text = str(super().read(value, home))
        for name in _PLACEHOLDER.findall(text):
            if name not in self._placeholders:
                known = ", ".join(f"{{{each}}}" for each in self._placeholders)
                raise WrongValueError(f"nothing is known that {{{name}}} could stand for", f"write one of {known}")
        if self._is_path and not text.startswith("/"):
            return f"{home}/{text}"
        return text


class Address(Text):
    """What a reader function makes of a text: a host, a network, a domain (names.py)."""

    def __init__(self, words: str, right: str, reader: "TextReader") -> None:
        super().__init__(words)
        self._right, self._reader = right, reader

    def read(self, value: object, home: Path) -> object:
        """Return what the reader function returns."""
        text = str(super().read(value, home))
        try:
            return self._reader(text, home)
        except ValueError as error:
            wrong = str(error) or f"{shown(text)} is not {self.words}"
            raise WrongValueError(wrong, self._right) from error


class TextReader(Protocol):
    """Makes a value of a text, or raises ValueError with what is wrong."""

    def __call__(self, text: str, home: Path, /) -> object: ...


class ListOf:
    """An array whose elements are all of one kind."""

    def __init__(self, element: Kind, *, least: int = 0) -> None:
        self.element, self.least = element, least
        self.words = f"an array; each element {element.words}"

    def read(self, value: object, home: Path) -> object:
        """Return the elements as a tuple; the walk reads them one by one to know their places."""
        return tuple(self.element.read(element, home) for element in self.elements(value))

    def elements(self, value: object) -> list[object]:
        """Return the elements, not yet read."""
        if not isinstance(value, list):
            example = f"[{shown(value)}]" if isinstance(value, str) else '["..."]'
            raise WrongValueError(f"{shown(value)} is not an array", f"write an array, as in {example}")
        if len(value) < self.least:
            raise WrongValueError("an empty array", f"give at least {self.least} element")
        return value

    def schema(self) -> dict[str, object]:
        """Describe it."""
        return {"type": "array", "items": self.element.schema()} | ({"minItems": self.least} if self.least else {})


class Entries:
    """The entries of an inline table: keys with a text or an array of texts each; the assembly reads them."""

    words = "a table of keys, each with a text or an array of texts"

    def read(self, value: object, _home: Path) -> object:
        """Return the table as it is."""
        if not isinstance(value, dict):
            raise WrongValueError(f"{shown(value)} is not a table", 'write { key = "value", "other key" = ["a", "b"] }')
        return value

    def schema(self) -> dict[str, object]:
        """Describe it."""
        text = {"type": "string"}
        return {"type": "object", "additionalProperties": {"oneOf": [text, {"type": "array", "items": text}]}}
