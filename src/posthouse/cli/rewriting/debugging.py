"""``-d21.N`` in address test mode: every rule that is tried, as the real program shows it."""

import re
from collections.abc import Callable
from typing import Final

from posthouse.rewriting.environment import (
    Event,
    MacroInserted,
    RuleFailed,
    RuleFinished,
    RuleMatched,
    RuleTried,
)
from posthouse.site.cf.printing import visible

_CATEGORY: Final = 21  # of what is shown: rewriting
_SETTING: Final = re.compile(r"([0-9]{1,3})(?:-([0-9]{1,3}))?(?:\.([0-9]{1,3}))?")
_MACROS, _RESULTS, _FAILURES, _TRIALS, _PLACES = 2, 4, 10, 12, 15  # levels from which on something is shown


class RuleWatch:
    """Prints what its level asks for."""

    def __init__(self, show: Callable[[str], None]) -> None:
        self._show = show
        self._level = 0

    @property
    def is_watching(self) -> bool:
        """Is anything to be shown?"""
        return self._level >= _MACROS

    def set_levels(self, text: str) -> None:
        """Take the text behind ``-d``: ``21.12``, ``0-99.1,21.4``.  Other categories show nothing here."""
        for setting in text.split(","):
            found = _SETTING.fullmatch(setting.strip())
            if found is None:
                continue
            first = int(found[1])
            last = int(found[2]) if found[2] else first
            if first <= _CATEGORY <= last:
                self._level = int(found[3]) if found[3] else 1

    def hear(self, event: Event) -> None:
        """Show an event, if the level is high enough."""
        line, level = self._shown(event)
        if line and self._level >= level:
            self._show(line)

    def _shown(self, event: Event) -> tuple[str, int]:
        """Return what an event is shown as, and from which level on."""
        match event:
            case RuleTried(left, origin):
                place = f" (line {origin.line})" if self._level >= _PLACES else ""
                return f"-----trying rule{place}:{_listed(left)}", _TRIALS
            case RuleFailed():
                return "----- rule fails", _FAILURES
            case RuleMatched(right):
                return f"-----rule matches:{_listed(right)}", _TRIALS
            case RuleFinished(tokens):
                return f"rewritten as:{_listed(tokens)}", _RESULTS
            case MacroInserted(name, value):
                shown = "(NULL)" if value is None else visible(value)
                return f'rewrite: RHS $&{{{name}}} => "{shown}"', _MACROS
        return "", 0


def _listed(tokens: tuple[str, ...]) -> str:
    return "".join(f" {visible(token)}" for token in tokens)
