"""The text that makemap(8) makes a database of, read without one.

A line is a key, white space, and a value: the rest of the line with its blanks.  Empty lines and lines that begin with
``#`` are skipped.  A line that begins with a blank, or has no value, is a problem and left out, as by makemap.
Of several lines with one key the first counts.  Keys and values are octets.
"""

from collections.abc import Mapping

from msgspec import Struct

from posthouse.mail.lookup import Origin
from posthouse.mail.problem import Problem
from posthouse.tables.syntax import MAX_LINE_OCTETS, MAX_PROBLEMS

_BLANKS = b" \t\v\f\r"


class MakemapText(Struct, frozen=True):
    """A whole text: value and line number (from 1) by key."""

    entries: Mapping[bytes, tuple[bytes, int]]
    problems: tuple[Problem, ...] = ()


def parse_makemap_text(text: bytes, file: str, *, keeps_case: bool = False) -> MakemapText:
    """Read a whole text; ``file`` is named in the problems.  Keys are folded to lower case unless told otherwise."""
    entries: dict[bytes, tuple[bytes, int]] = {}
    problems: list[Problem] = []
    for number, line in enumerate(text.split(b"\n"), start=1):
        if line[:1] in (b"", b"#"):
            continue
        key, value = _cut(line)
        wrong = _wrong(line, key, value, known=(key if keeps_case else key.lower()) in entries)
        if wrong is None:
            entries[key if keeps_case else key.lower()] = (value, number)
        elif len(problems) < MAX_PROBLEMS:
            problems.append(Problem(Origin(file, number, 1), *wrong))
    return MakemapText(entries, tuple(problems))


def _cut(line: bytes) -> tuple[bytes, bytes]:
    end = next((place for place, octet in enumerate(line) if octet in _BLANKS), len(line))
    return line[:end], line[end:].lstrip(_BLANKS)


def _wrong(line: bytes, key: bytes, value: bytes, *, known: bool) -> tuple[str, str] | None:
    """Return what is wrong with a line, and what would be right."""
    shown = key[:40].decode("latin-1")
    if len(line) > MAX_LINE_OCTETS:
        return f"a line of {len(line)} octets", f"at most {MAX_LINE_OCTETS}"
    if not key:
        return "the line begins with a blank", "begin it with its key"
    if not value:
        return f"no value for the key {shown}", "write the value after the key"
    if known:
        return f"the key {shown} a second time", "remove one of the lines; the first counts"
    return None
