"""A rewriting program made ready: each rule set is compiled when it is first called, once."""

import re
from collections.abc import Callable

from msgspec import Struct

from posthouse.mail.lookup import Origin
from posthouse.mail.map_arguments import MapArguments, read_map_arguments
from posthouse.rewriting.patterns import END, Pattern, elements_of
from posthouse.rewriting.plans import Plan, plan_of
from posthouse.rewriting.program import MapDeclaration, RewritingProgram, Rule, RuleSet
from posthouse.rewriting.quotes import strip_quotes
from posthouse.rewriting.right_sides import RightSide
from posthouse.rewriting.tokens import Syntax, Table, fold

HIGHEST_RULE_SET = 99  # that may be called by its number
_MOST_REMEMBERED = 1024  # sets of tokens, for each rule set
_FEW_RULES = 3  # a rule set of so few is not worth choosing from
_HOST_MAP = MapDeclaration("host", "host", "-a. -D")  # what $[ $] asks when the configuration declares no map host


_RULE_SET_NAME = re.compile(r"[0-9]+|[A-Za-z][A-Za-z0-9_]*")


def named_rule_set(text: str) -> str:
    """Return the name or number of a rule set that text begins with; "" when it is neither."""
    found = _RULE_SET_NAME.match(text)
    return found[0] if found else ""


def called_name(token: str) -> str:
    """Return what a token behind ``$>`` says: quotes are taken off, and what follows a blank."""
    text = strip_quotes(token)
    return text.partition(" ")[0] or text


class CompiledRule(Struct, frozen=True):
    """One rule: its needles (cheap to look for), its pattern and its right side."""

    needles: tuple[str, ...]
    quick: Callable[[str], re.Match[str] | None] | None  # decides for a short workspace
    pattern: Pattern
    right: RightSide
    plan: Plan | None  # how to do the right side at once
    origin: Origin
    left: tuple[str, ...]  # tokens of the left side, to be shown


class CompiledRuleSet:
    """One rule set.

    Most rules are ruled out by a token that they must find and a workspace does not hold.  Which ones remain
    depends on the rules' own tokens alone, and the same few sets of them come again and again: they are remembered.
    """

    def __init__(self, number: int, label: str, rules: tuple[CompiledRule, ...]) -> None:
        self.number = number
        self.label = label  # what it is printed as
        self.rules = rules
        self._required = [frozenset(token for token in "".join(rule.needles).split(END) if token) for rule in rules]
        self._literals = frozenset[str]().union(*self._required)
        self._candidates: dict[frozenset[str], tuple[int, ...]] = {}
        self._all = tuple(range(len(rules))) if len(rules) <= _FEW_RULES else ()

    def candidates(self, folded: str) -> tuple[int, ...]:
        """Return the places of the rules that may match a workspace, which is given in lower case."""
        if self._all:
            return self._all
        present = self._literals.intersection(folded.split(END))
        found = self._candidates.get(present)
        if found is None:
            if len(self._candidates) >= _MOST_REMEMBERED:
                self._candidates.clear()
            found = tuple(place for place, required in enumerate(self._required) if required <= present)
            self._candidates[present] = found
        return found


class CompiledMap(Struct, frozen=True):
    """One map: its declaration, and its arguments read."""

    declaration: MapDeclaration
    arguments: MapArguments


class CompiledProgram:
    """A program, its character tables, and the rule sets and maps that have been used so far."""

    def __init__(self, program: RewritingProgram) -> None:
        self.program = program
        self.syntax = Syntax(program.operators, program.blank_substitute)
        self.rule_table = Table.VERBATIM if program.level >= 9 else Table.INTERNAL
        self._rule_sets: dict[int, CompiledRuleSet | None] = {}
        self._maps: dict[str, CompiledMap | None] = {}

    def number_of(self, text: str) -> int | None:
        """Return the number of the rule set whose name or number the text begins with; None when there is none."""
        name = named_rule_set(text)
        if name.isdigit():
            return int(name) if len(name) < 10 and int(name) <= HIGHEST_RULE_SET else None
        return self.program.names.get(name)

    def earlier_maps(self, name: str) -> frozenset[str]:
        """Return the maps that were declared before this one: no others can be members of a sequence."""
        names = list(self.program.maps)
        return frozenset(names[: names.index(name)] if name in names else names)

    def label(self, number: int) -> str:
        """Return what the rule set is printed as."""
        rule_set = self.program.rule_sets.get(number)
        return (rule_set.name if rule_set else "") or str(number)

    def rule_set(self, number: int) -> CompiledRuleSet | None:
        """Return the rule set; None when it has no rules."""
        if number not in self._rule_sets:
            rule_set = self.program.rule_sets.get(number)
            self._rule_sets[number] = self._compile(rule_set) if rule_set and rule_set.rules else None
        return self._rule_sets[number]

    def map(self, name: str) -> CompiledMap | None:
        """Return the map of this name, in whatever case; None when it is not declared."""
        name = fold(name)
        if name not in self._maps:
            declaration = self.program.maps.get(name, _HOST_MAP if name == "host" else None)
            self._maps[name] = _compile_map(declaration) if declaration else None
        return self._maps[name]

    def _callable_number(self, token: str) -> int | None:
        """Return the number of the rule set that a token behind ``$>`` names, if it has any rules."""
        number = self.number_of(called_name(token))
        rule_set = None if number is None else self.program.rule_sets.get(number)
        return number if rule_set is not None and rule_set.rules else None

    def _compile(self, rule_set: RuleSet) -> CompiledRuleSet:
        return CompiledRuleSet(rule_set.number, self.label(rule_set.number), tuple(map(self._rule, rule_set.rules)))

    def _rule(self, rule: Rule) -> CompiledRule:
        left = self.syntax.scan(rule.left, self.rule_table, "\t", lenient=True).tokens or ()
        right = self.syntax.scan(rule.right, self.rule_table, "\t", lenient=True).tokens or ()
        pattern = Pattern(elements_of(left, self.program.classes), self.syntax)
        side = RightSide(right)
        plan = plan_of(side.applied, self._callable_number)
        return CompiledRule(pattern.needles, pattern.quick, pattern, side, plan, rule.origin, left)


def _compile_map(declaration: MapDeclaration) -> CompiledMap:
    return CompiledMap(declaration, read_map_arguments(declaration.kind, declaration.arguments))
