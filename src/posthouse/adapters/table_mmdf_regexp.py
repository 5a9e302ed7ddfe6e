r"""MMDF's tables of regular expressions (``type=regexp``), mmdf_regexp(5).

    ^list-.*        relay.example
    !\.example$     world

The expressions are POSIX's, basic unless ``cflag=extended``; one matches anywhere in the key unless it is anchored.
The first line that matches answers; ``!`` before it turns the question round.  A blank or a colon in an expression is
written with a backslash before it; other backslashes are the expression's own.
"""

import io
import re
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from posthouse.adapters.table_watch import FileWatch, UnreadableError, WatchedContents
from posthouse.mail.lookup import NOT_FOUND, Answer, Origin
from posthouse.mail.problem import Problem
from posthouse.ports import Clock
from posthouse.rewriting.posix_patterns import BadPatternError, PosixPattern
from posthouse.site.tailor.entries import RegexpWays
from posthouse.tables.regexp import MAX_KEY_LENGTH, MAX_RULES, ways_to_try
from posthouse.tables.syntax import MAX_PROBLEMS, read_lines

MAX_OCTETS = 4 * 1024 * 1024
_MOST_WAYS = 2.0**27  # of all expressions together: about a second
_ENTRY = re.compile(r"((?:[^\\: \t]|\\.)+)(?:[: \t](.*))?", re.DOTALL)
_QUOTED_END = re.compile(r"\\([: \t])")


class _Rule(Struct, frozen=True):
    """One line."""

    pattern: PosixPattern | None  # None never matches: its anchor is switched off
    text: str
    is_inverted: bool
    value: str
    line: int
    ways: float

    def answers(self, key: str) -> bool:
        """Is this the line for a key?"""
        matches = self.pattern is not None and self.pattern.is_in(key)
        return matches is not self.is_inverted


class _Contents(Struct, frozen=True):
    """What a file says."""

    rules: tuple[_Rule, ...] = ()
    problems: tuple[Problem, ...] = ()
    unavailable: str = ""


class MmdfRegexpTable:
    """Port Table on one file of expressions."""

    def __init__(self, name: str, path: Path, clock: Clock, ways: RegexpWays) -> None:
        self.name = name
        self._file = str(path)
        self._ways = ways
        self._contents = WatchedContents(path, clock, self._load)

    async def lookup(self, key: str) -> Answer:
        """Answer with the first line for this key.  A key longer than an address has none."""
        contents = self._contents.now()
        if contents.unavailable:
            return Answer(unavailable=contents.unavailable)
        if len(key) > MAX_KEY_LENGTH:
            return NOT_FOUND
        for rule in contents.rules:
            if rule.answers(key):
                return Answer((rule.value,), Origin(self._file, rule.line))
        return NOT_FOUND

    @property
    def version(self) -> object:
        """The state of the file whose expressions answer."""
        self._contents.now()
        return self._contents.stamp

    def entries(self) -> Iterator[tuple[str, Answer]]:
        """Every expression as written, with its value."""
        for rule in self._contents.now().rules:
            yield rule.text, Answer((rule.value,), Origin(self._file, rule.line))

    def problems(self) -> tuple[Problem, ...]:
        """What is wrong with the file now."""
        return self._contents.now().problems

    def _load(self, watch: FileWatch) -> _Contents:
        try:
            content = watch.read(MAX_OCTETS)
        except UnreadableError as error:
            return _Contents((), (Problem(Origin(self._file), str(error), "a text file that can be read"),), str(error))
        rules: list[_Rule] = []
        problems: list[Problem] = []
        ways = 0.0
        lines = (line.decode("latin-1").encode() for line in io.BytesIO(content))
        for element in read_lines(lines, self._file, self._rule):
            if isinstance(element, Problem):
                problems.append(element)
            elif len(rules) == MAX_RULES or ways + element.ways > _MOST_WAYS:
                right = "take it away, or make it simpler"
                problems.append(Problem(Origin(self._file, element.line), "one expression too many", right))
            else:
                ways += element.ways
                rules.append(element)
        return _Contents(tuple(rules), tuple(problems[:MAX_PROBLEMS]))

    def _rule(self, content: str, origin: Origin) -> _Rule | Problem:
        match = _ENTRY.fullmatch(content)
        written = _QUOTED_END.sub(r"\1", match[1]) if match else ""
        text = written.removeprefix("!")
        if match is None or not text:
            return Problem(origin, "an entry without an expression", "begin the line with it")
        value = " ".join((match[2] or "").split())
        text = f"{'^' if self._ways.add_prefix else ''}{text}{'$' if self._ways.add_suffix else ''}"
        flags, off = self._ways.compile_flags, self._ways.match_flags
        try:
            pattern = PosixPattern(text, basic="extended" not in flags, ignore_case="icase" in flags)
            ways = ways_to_try(pattern.source)
        except BadPatternError as error:
            return Problem(origin, f"not a regular expression: {error}", "correct it")
        except ValueError as error:
            return Problem(origin, f"the expression {error}", "make it simpler")
        is_off = ("notbol" in off and text.startswith("^")) or ("noteol" in off and text.endswith("$"))
        return _Rule(None if is_off else pattern, written, written.startswith("!"), value, origin.line, ways)
