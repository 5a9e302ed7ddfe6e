"""R lines: both sides, expanded as they are read, and what is wrong with them."""

import re
from collections.abc import Iterator
from typing import Final

from posthouse.rewriting.program import Rule
from posthouse.rewriting.symbols import (
    ARGUMENTS,
    CALL,
    END_IF,
    EXACTLY_ONE,
    HOST,
    HOST_MAP_BEGIN,
    HOST_MAP_END,
    IF,
    IN_CLASS,
    MAP_BEGIN,
    MAP_END,
    NOT_IN_CLASS,
    NOTHING,
    ONE_OR_MORE,
    USER,
    ZERO_OR_MORE,
)
from posthouse.site.cf.dollars import as_written, printable_line
from posthouse.site.cf.rule_sets import MAX_RULES
from posthouse.site.cf.state import Reading

MOST_WILDCARDS: Final = 9
MOST_MAP_ARGUMENTS: Final = 10

_WILDCARDS: Final = frozenset({ZERO_OR_MORE, ONE_OR_MORE, EXACTLY_ONE, IN_CLASS, NOT_IN_CLASS})
_RIGHT_ONLY: Final = frozenset({USER, CALL, IF, END_IF, HOST_MAP_BEGIN, HOST_MAP_END, MAP_BEGIN, MAP_END})
_LEFT_ONLY: Final = _WILDCARDS | {IF, END_IF}
_CLOSING: Final = {HOST_MAP_BEGIN: HOST_MAP_END, MAP_BEGIN: MAP_END}
_FIRST_DIGIT: Final = ord(ARGUMENTS)
_TOKENS: Final = re.compile(r'\\.|"(?:[^"\\]|\\.)*"|[\ue000-\ue0ff]', re.DOTALL)


def read_rule(reading: Reading, text: str, rule_set: int | None) -> None:
    """Read an R line into a rule set."""
    if rule_set is None:
        reading.complaints.error(
            f'missing valid ruleset for "R{printable_line(text)}"', "begin the rules with an S line"
        )
        return
    if reading.rule_sets.is_full:
        reading.complaints.error(f"more than {MAX_RULES} rules", "see that this is one configuration only")
        return
    left, tab, rest = text.partition("\t")
    if not tab:
        reading.complaints.error(
            f'invalid rewrite line "R{printable_line(text)}" (tab expected)', "separate the sides with tabs, not blanks"
        )
        return
    right = rest.lstrip("\t").partition("\t")[0]
    rule = Rule(
        reading.expand(left).replace(HOST, NOTHING).strip(),
        reading.expand(right).strip(),
        reading.origin,
    )
    _check_left(reading, rule.left)
    _check_right(reading, rule.right, _count_wildcards(rule.left))
    reading.rule_sets.add(rule_set, rule)


def _symbols(side: str) -> Iterator[str]:
    """Return the metasymbols that are tokens of their own: those outside quotes."""
    return (piece[0] for piece in _TOKENS.finditer(side) if piece[0] >= "\ue000")


def _count_wildcards(left: str) -> int:
    return sum(symbol in _WILDCARDS for symbol in _symbols(left))


def _check_left(reading: Reading, left: str) -> None:
    if not left:
        reading.syntax("R line: null LHS")
    for symbol in _symbols(left):
        if symbol in _RIGHT_ONLY:
            reading.syntax(f"Inappropriate use of {as_written(symbol)} on LHS")
        elif _FIRST_DIGIT <= ord(symbol) <= _FIRST_DIGIT + 9:
            reading.syntax("Inappropriate use of $1-$9 on LHS")
    if _count_wildcards(left) > MOST_WILDCARDS:
        reading.complaints.error("R line: too many wildcards", f"a left side may have {MOST_WILDCARDS}")


def _check_right(reading: Reading, right: str, wildcards: int) -> None:
    if not right:
        reading.syntax("R line: null RHS")
    lookup = _Lookup(reading)
    for symbol in _symbols(right):
        number = ord(symbol) - _FIRST_DIGIT
        if symbol in _LEFT_ONLY:
            reading.syntax(f"Inappropriate use of {as_written(symbol)} on RHS")
        elif 0 <= number <= 9 and not 1 <= number <= wildcards:
            reading.complaints.error(
                f"replacement ${number} out of bounds", f"the left side has {wildcards} wildcards, $1 is the first"
            )
        else:
            lookup.meet(symbol)
    if lookup.closing:
        reading.complaints.error("missing map closing token", f"end the lookup with {as_written(lookup.closing)}")


class _Lookup:
    """Where a right side stands between ``$(`` and ``$)``."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._arguments = 0
        self.closing = ""  # what would end the lookup; "" outside

    def meet(self, symbol: str) -> None:
        """Go on with the next metasymbol."""
        if symbol in _CLOSING:
            if self.closing:
                self._reading.complaints.error(
                    "cannot nest map lookups", "look the inner key up in a rule before this one"
                )
            self.closing, self._arguments = _CLOSING[symbol], 0
        elif symbol == self.closing:
            self.closing = ""
        elif symbol == HOST and self.closing:
            self._arguments += 1
            if self._arguments >= MOST_MAP_ARGUMENTS:
                self._reading.syntax("too many arguments for map lookup")


def begins_rule_set(reading: Reading, text: str) -> int | None:
    """Read an S line and return the number of its set; None when it names none."""
    number, _ = reading.rule_sets.enter(reading.expand(text))
    if number is not None and reading.rule_sets.begin(number):
        reading.complaints.warning(
            f"Ruleset {printable_line(text)} has multiple definitions",
            "its rules are put together; keep them in one place",
        )
    return number
