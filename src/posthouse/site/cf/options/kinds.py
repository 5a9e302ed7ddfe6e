"""The kinds of values that options have, and how each is read from text.

Reading is as forgiving as sendmail's: a number that is none is 0, a truth value that is none
is false, and a warning says so.
"""

import re
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Final

from msgspec import Struct, field

MAX_NUMBER: Final = 2**53  # more than any octet count; msgpack and JSON carry it unharmed
_NUMBER: Final = re.compile(r"[ \t]*([-+]?)([0-9]{1,15})([0-9]*)")
_TIME_PART: Final = re.compile(r"([0-9]{0,12})(.?)", re.DOTALL)
_WORD: Final = re.compile(r"[A-Za-z0-9]+")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
MAX_SECONDS: Final = 10 * 365 * 86400  # ten years: longer than anything waits

Complain = Callable[[str], None]


class Form(Enum):
    """How the text of a value is read."""

    BOOLEAN = "true or false"
    NUMBER = "a number"
    OCTAL = "an octal number"
    TIME = "a time"
    TEXT = "text"
    MUNCHED = "text in which quotes and backslashes are taken out"
    CHOICE = "one of a few words, known by their beginning"
    FLAGS = "words in any order, put together from every line"
    LINES = "text that may be given on several lines"


class Kind(Struct, frozen=True):
    """The kind of an option's value.

    ``unit`` is that of a time without one.  ``choices`` leads from the beginning of a word, in lower case, to the
    value; for FLAGS it holds the known words.
    """

    form: Form
    unit: str = ""
    choices: Mapping[str, str] = field(default_factory=dict)

    @property
    def adds_up(self) -> bool:
        """Do several lines add to each other?"""
        return self.form in (Form.FLAGS, Form.LINES)


Value = bool | int | str | tuple[str, ...]


def read_value(kind: Kind, text: str, complain: Complain) -> Value:
    """Return the value of text.  Raises ValueError with what is wrong when no value can be made of it."""
    match kind.form:
        case Form.BOOLEAN:
            return truth_of(text, complain)
        case Form.NUMBER:
            if not _NUMBER.match(text):
                complain(f'"{text[:80]}" is no number: it counts as 0')
            return leading_number(text)
        case Form.OCTAL:
            digits = re.match("[0-7]{1,6}", text)
            if digits is None:
                raise ValueError(f'"{text[:80]}" is no octal number')
            return int(digits[0], 8) & 0o777
        case Form.TIME:
            return seconds_of(text, kind.unit, complain)
        case Form.CHOICE:
            return _choice(kind, text)
        case Form.FLAGS:
            return tuple(_flags(kind, text, complain))
        case Form.LINES:
            return (text,)
        case _:
            return text


def truth_of(text: str, complain: Complain) -> bool:
    """Return whether text is empty or begins with t, T, y or Y."""
    if text and text[0] not in "tTyYfFnN":
        complain(f'"{text[:80]}" is neither true nor false: it counts as false')
    return not text or text[0] in "tTyY"


def leading_number(text: str) -> int:
    """Return the decimal number that text begins with; 0 when it begins with none."""
    number = _NUMBER.match(text)
    if number is None:
        return 0
    size = MAX_NUMBER if number[3] else int(number[2])
    return -size if number[1] == "-" else size


def seconds_of(text: str, unit: str, complain: Complain) -> int:
    """Return the seconds of ``1w2d3h4m5s``, or of ``now``; a number without a unit has the given one."""
    if text.lower().startswith("now"):
        return 0
    total = 0
    for part in _TIME_PART.finditer(text.strip()):
        if not part[0]:
            continue
        sign = part[2] or unit
        if sign not in _SECONDS:
            complain(f"Invalid time unit `{sign}'")
            sign = unit
        total += int(part[1] or 0) * _SECONDS[sign]
    return min(total, MAX_SECONDS)


def _choice(kind: Kind, text: str) -> str:
    folded = text.lower()
    for beginning, value in kind.choices.items():
        if folded.startswith(beginning) and (beginning or not folded):
            return value
    known = ", ".join(dict.fromkeys(kind.choices.values()))
    raise ValueError(f'"{text[:80]}" is none of {known}')


def _flags(kind: Kind, text: str, complain: Complain) -> list[str]:
    found: list[str] = []
    for word in _WORD.findall(text):
        if word.lower() in kind.choices:
            found.append(kind.choices[word.lower()])
        else:
            complain(f"{word[:80]} unrecognized: it is left out")
    return found


def choice(**choices: str) -> Kind:
    """Return a kind whose words are known by the beginnings that the keywords give."""
    return Kind(Form.CHOICE, choices=choices)


def words(known: str) -> Kind:
    """Return a kind of flags; the known ones are separated by blanks."""
    return Kind(Form.FLAGS, choices={word: word for word in known.lower().split()})


def time(unit: str) -> Kind:
    """Return a kind of time."""
    return Kind(Form.TIME, unit)


BOOLEAN: Final = Kind(Form.BOOLEAN)
NUMBER: Final = Kind(Form.NUMBER)
OCTAL: Final = Kind(Form.OCTAL)
TEXT: Final = Kind(Form.TEXT)
MUNCHED: Final = Kind(Form.MUNCHED)
LINES: Final = Kind(Form.LINES)
