"""What a configuration says of rewriting, as values: rules, rule sets, classes, macros, maps.

``site/cf`` reads one of these; ``rewriting/compile`` makes it fast.  Text is octet text (symbols.py).
"""

from collections.abc import Mapping

from msgspec import Struct, field

from posthouse.mail.lookup import BUILTIN, Origin


class Rule(Struct, frozen=True):
    """One R line.  Both sides are as read: macros expanded where that happens at reading, not yet cut into tokens."""

    left: str
    right: str
    origin: Origin = BUILTIN


class RuleSet(Struct, frozen=True):
    """A rule set: its number, the name it is printed by ("" for the number alone), and its rules in order."""

    number: int
    name: str = ""
    rules: tuple[Rule, ...] = ()
    origin: Origin = BUILTIN


class MapDeclaration(Struct, frozen=True):
    """One K line: ``Kname kind arguments``; flags and file are still in ``arguments``."""

    name: str
    kind: str  # lower case: hash, text, regex, arith ...
    arguments: str = ""
    origin: Origin = BUILTIN


class RewritingProgram(Struct, frozen=True):
    """Everything that rewriting needs to know of a configuration.

    ``names`` leads from the name of a rule set to its number; several names may have one number, and upper and lower
    case make two names.
    Macro values are unexpanded octet text, by the name without braces; classes hold lower-case words.
    """

    level: int = 10  # of the V line; 0 when there is none
    operators: str = ".:%@!^/[]+"  # the option OperatorChars
    blank_substitute: str = " "  # the option BlankSub
    rule_sets: Mapping[int, RuleSet] = field(default_factory=dict)
    names: Mapping[str, int] = field(default_factory=dict)
    macros: Mapping[str, str] = field(default_factory=dict)
    classes: Mapping[str, frozenset[str]] = field(default_factory=dict)
    maps: Mapping[str, MapDeclaration] = field(default_factory=dict)  # by lower-case name
    deepest_recursion: int = 50  # the option MaxRuleRecursion
