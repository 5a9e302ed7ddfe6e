r"""Regexp tables: the key is a regular expression, the value may use what it matched.

    (.+)-request@lists\.example\.org    owner-\1@example.org

The pattern is the line up to its first blank (a colon does not end it; ``\x20`` stands for a blank in
it).  It must match the whole key, without case; the first line that matches answers.  In the value
``\1`` to ``\9`` stand for groups, ``\\`` for a backslash.

A value is read as a list of addresses, and a stranger chooses what a group holds.  So a line whose
value uses a group answers no key that could bring in more than a piece of one address: with
``"x@evil.example,ann"@lists.example.org`` a stranger would else make us relay to evil.example.

A pattern that could take for ever is refused when the table is read: a group that is repeated may
hold neither a repetition nor alternatives, and the ways in which a pattern could be tried on the longest
key are estimated and bounded.  That leaves room for three ``*`` or ``+``, or for two and nine ``?``, or
for one and many alternatives.  The patterns of a table are bounded together, since a key that none matches is
tried on all: a line that would pass the bound is refused, like one that does so alone.  There may be two dozen
patterns with three ``*``, or a thousand with two.  Keys longer than an address are never matched.

Known limits: the estimate assumes the worst, so that some harmless patterns are refused too.
"""

import math
import re
import warnings
from collections.abc import Iterable

from msgspec import Struct

from posthouse.mail.lookup import Origin
from posthouse.mail.problem import Problem
from posthouse.tables.syntax import MAX_PROBLEMS, read_lines

MAX_KEY_LENGTH = 320  # RFC 5321 section 4.5.3.1: 64 for the local-part, an at-sign, 255 for the domain
MAX_PATTERN_LENGTH = 1024
MAX_RULES = 10_000  # each is tried in turn
_MOST_WAYS = 2.0**27  # of all the patterns of a table together: about a second

_SPLIT = re.compile(r"([^ \t]+)(?:[ \t]+(.*))?", re.DOTALL)
_TOKEN = re.compile(
    r"""(?P<escape>\\.)
      | (?P<set>\[\^?\]?(?:[^\]\\]|\\.)*\])
      | (?P<repeat>[*+?][+?]?|\{(?P<low>[0-9]*)(?P<comma>,?)(?P<high>[0-9]*)\}[+?]?)
      | (?P<flags>\(\?[aiLmsux-]+[:)])
      | (?P<open>\((?:\?(?:P<[^>]*>|<?[=!]|[:>]))?)
      | (?P<close>\))
      | (?P<either>\|)
      | (?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_IN_VALUE = re.compile(r"\\(.)", re.DOTALL)
# What may go from a key into a value: no blank and no special of RFC 5322 but the dot and one at-sign, and at
# the beginning nothing that makes a file or a program of it.
_ONE_PIECE = re.compile(r'(?![/|])[^\x00-\x20"(),:;<>@\[\\\]\x7f]*@?[^\x00-\x20"(),:;<>@\[\\\]\x7f]*')


_REWRITE = "rewrite it, for instance with a set such as [a-z.-]+"


class _DangerError(ValueError):
    """Why a pattern may take for ever; caught where its line is read."""


class RegexpRule(Struct, frozen=True):
    """One line of a regexp table."""

    pattern: re.Pattern[str]
    value: str  # with its \1
    line: int
    ways: float  # in which it may be tried on the longest key


class RegexpTable(Struct, frozen=True):
    """A whole regexp table, in the order in which its lines are tried."""

    rules: tuple[RegexpRule, ...]
    problems: tuple[Problem, ...] = ()

    def match(self, key: str) -> tuple[RegexpRule, str] | None:
        """Return the first rule that matches, and its value for this key; None when there is none."""
        if len(key) > MAX_KEY_LENGTH:
            return None
        for rule in self.rules:
            match = rule.pattern.fullmatch(key)
            value = None if match is None else _expand(rule.value, match)
            if value is not None:
                return rule, value
        return None


def parse_regexp_table(lines: Iterable[bytes], file: str) -> RegexpTable:
    """Read a whole regexp table; ``file`` is named in the problems."""
    rules: list[RegexpRule] = []
    problems: list[Problem] = []
    ways = 0.0
    for element in read_lines(lines, file, _rule):
        if isinstance(element, Problem):
            problems.append(element)
        elif ways + element.ways > _MOST_WAYS:
            problems.append(_one_too_many(Origin(file, element.line, 1), alone=element.ways > _MOST_WAYS))
        elif len(rules) == MAX_RULES:
            origin = Origin(file, element.line, 1)
            problems.append(Problem(origin, "too many patterns", f"at most {MAX_RULES}; the rest is not used"))
            break
        else:
            ways += element.ways
            rules.append(element)
    return RegexpTable(tuple(rules), tuple(problems[:MAX_PROBLEMS]))


def _one_too_many(origin: Origin, *, alone: bool) -> Problem:
    if alone:
        return Problem(origin, "the pattern could be tried in too many ways", _REWRITE)
    return Problem(origin, "with this pattern the table's patterns together could be tried in too many ways", _REWRITE)


def _rule(content: str, origin: Origin) -> RegexpRule | Problem:
    match = _SPLIT.fullmatch(content)
    if match is None:  # read_lines leaves no line that begins with a blank
        return Problem(origin, "an entry without a pattern", "begin the line with the pattern")
    pattern, value = match[1], re.sub(r"[ \t]+", " ", (match[2] or "").strip(" \t"))
    try:
        ways = _ways(pattern)
    except _DangerError as error:
        return Problem(origin, f"the pattern {error}", _REWRITE)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # a set that a later Python may read otherwise
            compiled = re.compile(pattern, re.IGNORECASE)
    except (re.error, OverflowError, RecursionError, Warning) as error:
        return Problem(origin, f"not a regular expression: {error}", "correct the pattern")
    group = _missing_group(value, compiled.groups)
    if group:
        return Problem(origin, f"the value uses \\{group}", f"the pattern has {compiled.groups} groups")
    return RegexpRule(compiled, value, origin.line, ways)


def _expand(value: str, match: re.Match[str]) -> str | None:
    """Fill the groups in; None when one of them could change what the value means."""
    if "\\" not in value:
        return value
    used = [int(found[1]) for found in _IN_VALUE.finditer(value) if found[1] in "123456789"]
    # The at-sign before the domain is the last; one before it was quoted, and means nothing outside its quotes.
    if used and match.string.count("@") > 1:
        return None
    if not all(_ONE_PIECE.fullmatch(match[group] or "") for group in used):
        return None
    return _IN_VALUE.sub(lambda found: match[int(found[1])] or "" if found[1] in "123456789" else found[1], value)


def _missing_group(value: str, groups: int) -> int:
    """Return the first group that the value uses and the pattern lacks; 0 when there is none."""
    used = (int(found[1]) for found in _IN_VALUE.finditer(value) if found[1] in "123456789")
    return next((group for group in used if group > groups), 0)


def ways_to_try(pattern: str) -> float:
    """Estimate in how many ways a pattern may be tried on the longest key.  Raises ValueError where it has no bound."""
    ways = _ways(pattern)
    if ways > _MOST_WAYS:
        raise _DangerError("could be tried in too many ways")
    return ways


class _Group(Struct):
    """A group as far as it has been read."""

    is_complex: bool = False  # holds a repetition or alternatives, itself or further in
    alternatives: int = 1


def _ways(pattern: str) -> float:
    """Estimate in how many ways a pattern may be tried on the longest key.  Raises _DangerError."""
    if len(pattern) > MAX_PATTERN_LENGTH:
        raise _DangerError(f"has {len(pattern)} characters, at most {MAX_PATTERN_LENGTH} are read")
    groups = [_Group()]
    closed: _Group | None = None  # the group that ended just before
    ways = 0.0  # as a power of two
    endless = 0
    for token in _TOKEN.finditer(pattern):
        last, closed = closed, None
        match token.lastgroup:
            case "flags":
                raise _DangerError("sets flags")
            case "open":
                groups.append(_Group())
            case "close" if len(groups) > 1:
                closed = groups.pop()
                groups[-1].is_complex |= closed.is_complex
                ways += math.log2(closed.alternatives)
            case "either":
                groups[-1].is_complex = True
                groups[-1].alternatives += 1
            case "repeat":
                repeats = not token[0].startswith("?")
                if repeats and last is not None and last.is_complex:
                    raise _DangerError("repeats a group that holds a repetition or alternatives")
                groups[-1].is_complex |= repeats
                choices = _choices(token)
                ways += math.log2(choices)
                endless += choices == MAX_KEY_LENGTH
    ways += math.log2(groups[0].alternatives)
    # Repetitions without an end share the key: where one ends the next begins.
    ways -= math.log2(math.factorial(endless))
    return math.pow(2, min(ways, 1000))


def _choices(token: re.Match[str]) -> int:
    """Return how many lengths a repetition may have, on the longest key."""
    if token[0].startswith("?"):
        return 2
    if not token[0].startswith("{"):
        return MAX_KEY_LENGTH
    low = min(int(token["low"] or 0), MAX_KEY_LENGTH)
    high = int(token["high"]) if token["high"] else (MAX_KEY_LENGTH if token["comma"] else low)
    return max(min(high, MAX_KEY_LENGTH) - low + 1, 1)
