"""S lines and names of rule sets: which number a name has."""

import re
from typing import Final

from posthouse.mail.lookup import Origin
from posthouse.rewriting.program import Rule, RuleSet
from posthouse.site.cf.complaints import Complaints

MAX_NUMBER: Final = 100  # explicit numbers stay below; automatic ones run from 199 down to it
MAX_RULES: Final = 50_000  # in all sets together; Debian's own file has about 700
_AUTOMATIC: Final = 200

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_NUMBER: Final = re.compile(r"[0-9]+")
_SPACE: Final = " \t\n\v\f\r"


class RuleSetTable:
    """The rule sets so far."""

    def __init__(self, complaints: Complaints) -> None:
        self._complaints = complaints
        self._next = _AUTOMATIC
        self.numbers: dict[str, int] = {}  # by name; upper and lower case are two
        self.printed: dict[int, str] = {}  # the name that a number was last given
        self.rules: dict[int, list[Rule]] = {}
        self.origins: dict[int, Origin] = {}
        self._count = 0

    def enter(self, text: str) -> tuple[int | None, str]:
        """Return the number of the set that text begins with (None: it names none), and what follows.

        A new name gets the next number; ``name=5`` ties it to that one.
        """
        text = text.lstrip(_SPACE)
        if number := _NUMBER.match(text):
            return self._explicit(number[0]), text[number.end() :]
        name = _NAME.match(text)
        if name is None:
            self._wrong(
                f'invalid ruleset name: "{text[:20]}"', "a name begins with a letter; letters, digits, _ follow"
            )
            return None, text
        rest = text[name.end() :].lstrip(_SPACE)
        wanted, rest = self._wanted(name[0], rest)
        if wanted is None:
            return None, rest
        return self._tie(name[0], wanted), rest

    def _wanted(self, name: str, rest: str) -> tuple[int | None, str]:
        """Return the number that a name is to have."""
        if rest.startswith("="):
            number = _NUMBER.match(rest[1:].lstrip(_SPACE))
            if number is None:
                self._wrong(f'bad ruleset definition "{name}" (number required after `=\')', f"write S{name}=10")
                return None, rest
            return self._explicit(number[0]), rest[1:].lstrip(_SPACE)[number.end() :]
        known = self.numbers.get(name)
        if known is not None:
            return known, rest
        if self._next <= MAX_NUMBER:
            self._wrong(f"{name}: too many named rulesets ({MAX_NUMBER} max)", "give some of them numbers: Sname=10")
            return None, rest
        self._next -= 1
        return self._next, rest

    def _tie(self, name: str, wanted: int) -> int:
        number = self.numbers.setdefault(name, wanted)
        if number != wanted:
            self._wrong(f"{name}: ruleset changed value (old {number}, new {wanted})", f"write S{name} alone")
        self.printed[number] = name
        return number

    def _explicit(self, digits: str) -> int | None:
        number = int(digits) if len(digits) < 10 else MAX_NUMBER
        if number >= MAX_NUMBER:
            self._wrong(f"bad ruleset {digits[:20]} ({MAX_NUMBER} max)", f"numbers go from 0 to {MAX_NUMBER - 1}")
            return None
        return number

    def begin(self, number: int) -> bool:
        """Begin or go on with a set; say whether it had rules already."""
        self.origins.setdefault(number, self._complaints.origin)
        return bool(self.rules.setdefault(number, []))

    @property
    def is_full(self) -> bool:
        """Is there room for no more rules?"""
        return self._count >= MAX_RULES

    def add(self, number: int, rule: Rule) -> None:
        """Put a rule behind the others of a set that was begun."""
        self.rules[number].append(rule)
        self._count += 1

    def label(self, number: int) -> str:
        """Return what a set is printed as."""
        return self.printed.get(number) or str(number)

    def finished(self) -> dict[int, RuleSet]:
        """Return every set that has a name or an S line."""
        numbers = sorted({*self.rules, *self.numbers.values()})
        return {
            number: RuleSet(
                number,
                self.printed.get(number, ""),
                tuple(self.rules.get(number, ())),
                self.origins.get(number, Origin("(named only)")),
            )
            for number in numbers
        }

    def _wrong(self, wrong: str, right: str) -> None:
        self._complaints.error(wrong, right)
