"""The syntax of table files, MMDF's: one entry per line, ``key: value``.

- The key ends at the first colon, blank or tab; the colon is optional.  The value is the rest of
  the line, its runs of blanks made one.  A key alone has the empty value.
- A backslash quotes the next character, in the key and in the value.
- Empty lines, and lines whose first character is ``#`` or ``;``, are skipped.
- Keys compare without case.  One key on several lines has several values, in their order.
- There are no continuation lines: an indented line is a problem, not part of the line above.

A line that can't be read is a Problem and nothing else; no input raises.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from msgspec import Struct

from posthouse.mail.lookup import Origin
from posthouse.mail.problem import Problem

MAX_LINE_OCTETS = 1024 * 1024  # an alias for 10,000 addresses of a hundred octets
MAX_KEY_LENGTH = 1024  # three times the longest address (RFC 5321 section 4.5.3.1)
MAX_PROBLEMS = 100  # a picture given as a table should not fill the log

_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f]")  # everything but tab
# A colon that touches the key, or stands alone, separates; ``list :include:/file`` keeps its colons.
_ENTRY = re.compile(r"((?:[^\\: \t]|\\.)+)(?::|[ \t]+:(?=[ \t]|$)|(?=[ \t]|$))(.*)", re.DOTALL)
_BLANKS = re.compile(r"(\\.)|[ \t]+", re.DOTALL)
_QUOTED = re.compile(r"\\(.)", re.DOTALL)


ElementT = TypeVar("ElementT")


class Entry(Struct, frozen=True):
    """One line of a table."""

    key: str  # folded, see fold_key
    value: str
    line: int


def fold_key(key: str) -> str:
    """Return what two keys that compare as equal have in common."""
    return key.lower()


def parse_lines(lines: Iterable[bytes], file: str) -> Iterator[Entry | Problem]:
    """Read line by line; ``file`` is named in the problems."""
    return read_lines(lines, file, _entry)


def read_lines(
    lines: Iterable[bytes], file: str, read: Callable[[str, Origin], ElementT | Problem]
) -> Iterator[ElementT | Problem]:
    """Read the lines that hold an entry, in whatever form ``read`` gives it."""
    for number, line in enumerate(lines, start=1):
        origin = Origin(file, number, 1)
        content = _content_of(line, origin)
        if isinstance(content, str):
            yield read(content, origin)
        elif content is not None:
            yield content


def _content_of(line: bytes, origin: Origin) -> str | Problem | None:
    """Return the text of a line that should hold an entry; None for an empty line or a comment.

    The rules here are those that every kind of table file shares.
    """
    line = line.rstrip(b" \t\r\n")
    if line.lstrip(b" \t")[:1] in (b"", b"#", b";"):
        return None
    if len(line) > MAX_LINE_OCTETS:
        return Problem(origin, f"a line of {len(line)} octets", f"at most {MAX_LINE_OCTETS}; spread it over more lines")
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        return Problem(_at(origin, error.start), "the line is not UTF-8", "save the table as UTF-8")
    control = _CONTROL.search(text)
    if control is not None:
        # It would end up in a header, a command or a log line.
        return Problem(_at(origin, control.start()), "a control character in the line", "remove it")
    if text[0] in " \t":
        return Problem(
            origin, "the line begins with a blank", "begin it with its key: tables have no continuation lines"
        )
    return text


def _entry(text: str, origin: Origin) -> Entry | Problem:
    match = _ENTRY.fullmatch(text)
    if match is None:
        if text[0] == ":":
            return Problem(origin, "an entry without a key", "begin the line with the key, then a colon")
        return _dangling(text, origin)
    key, value = match[1], match[2].strip(" \t")
    if "\\" in text:
        if _ends_in_backslash(text):
            return _dangling(text, origin)
        key, value = _QUOTED.sub(r"\1", key), _unquoted(match[2])
    elif "  " in value or "\t" in value:
        value = _BLANKS.sub(" ", value)
    if len(key) > MAX_KEY_LENGTH:
        return Problem(origin, f"a key of {len(key)} characters", f"at most {MAX_KEY_LENGTH}")
    return Entry(fold_key(key), value, origin.line)


def _unquoted(value: str) -> str:
    """Collapse the blanks that are not quoted, then take the quotes away."""
    collapsed = _BLANKS.sub(lambda match: match[1] or " ", value)
    collapsed = collapsed.removeprefix(" ")
    if collapsed.endswith(" ") and not _ends_in_backslash(collapsed[:-1]):
        collapsed = collapsed[:-1]
    return _QUOTED.sub(r"\1", collapsed)


def _ends_in_backslash(text: str) -> bool:
    """Does the text end in a backslash that quotes nothing?"""
    return (len(text) - len(text.rstrip("\\"))) % 2 == 1


def _dangling(text: str, origin: Origin) -> Problem:
    return Problem(
        _at(origin, len(text) - 1), "a backslash at the end of the line quotes nothing", "write \\\\ for one"
    )


def _at(origin: Origin, offset: int) -> Origin:
    return Origin(origin.file, origin.line, offset + 1)
