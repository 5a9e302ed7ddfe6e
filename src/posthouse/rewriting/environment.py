"""What changes while a program runs: macros, the delivery mode, and who listens."""

from collections.abc import Callable, Mapping

from msgspec import Struct

from posthouse.mail.lookup import Origin
from posthouse.rewriting.complaint import Complaint


class RuleSetEntered(Struct, frozen=True):
    """A rule set was called with these tokens."""

    name: str
    tokens: tuple[str, ...]


class RuleSetLeft(Struct, frozen=True):
    """A rule set returned these tokens."""

    name: str
    tokens: tuple[str, ...]


class RuleApplied(Struct, frozen=True):
    """A rule matched, and made these tokens (before maps and calls) of what was there."""

    rule_set: str
    number: int  # of the rule in its set; the first is 1
    origin: Origin
    tokens: tuple[str, ...]


class RuleTried(Struct, frozen=True):
    """A rule is about to be compared with the workspace."""

    left: tuple[str, ...]  # its left side
    origin: Origin


class RuleFailed(Struct, frozen=True):
    """The rule tried last does not match."""


class RuleMatched(Struct, frozen=True):
    """The rule tried last matches."""

    right: tuple[str, ...]  # its right side, as it stands


class MacroInserted(Struct, frozen=True):
    """A right side holds ``$&x``; this is what it stands for now, None when it is not defined."""

    name: str
    value: str | None


class RuleFinished(Struct, frozen=True):
    """A rule was applied, with every map asked and every rule set called that it names."""

    tokens: tuple[str, ...]


Event = (
    RuleSetEntered
    | RuleSetLeft
    | RuleApplied
    | RuleTried
    | RuleFailed
    | RuleMatched
    | MacroInserted
    | RuleFinished
    | Complaint
)


class Environment:
    """The macros of one envelope or test session.

    ``switch`` gives the methods of a service (``hosts``: files, dns) to maps of the class switch; ``listener`` is
    told every step, if there is one, and every rule that is tried, too, while ``is_watching_rules``; ``draw`` gives a
    number between two, both included, to the map arith.
    """

    def __init__(
        self,
        macros: Mapping[str, str] | None = None,
        *,
        switch: Mapping[str, tuple[str, ...]] | None = None,
        listener: Callable[[Event], None] | None = None,
        is_deferring: bool = False,
        draw: Callable[[int, int], int] = min,
    ) -> None:
        self._given = dict(macros or {})
        self.macros: dict[str, str] = dict(self._given)
        self.switch = dict(switch or {})
        self.listener = listener
        self.is_watching_rules = False
        self.draw = draw
        self.is_deferring = is_deferring  # DeliveryMode=defer: maps with -D are not asked
        self._noticed: set[str] = set()

    def notice(self, text: str) -> None:
        """Tell the listener, once, of a map that cannot be opened."""
        if self.listener is not None and text not in self._noticed:
            self._noticed.add(text)
            self.listener(Complaint(text, "451", "4.3.5"))

    def define(self, name: str, value: str | None) -> None:
        """Give a macro (by its name without braces) a value; None brings back what the configuration gives it."""
        if value is None:
            self.macros.pop(name, None)
            if name in self._given:
                self.macros[name] = self._given[name]
        else:
            self.macros[name] = value
