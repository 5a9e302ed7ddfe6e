"""Table, as entries that stand in the site file itself.

It changes only with the site, so its version never does.
"""

from collections.abc import Iterable, Iterator

from posthouse.mail.lookup import NOT_FOUND, Answer, Origin
from posthouse.mail.problem import Problem
from posthouse.tables.syntax import fold_key


class InlineTable:
    """Port Table on a mapping."""

    def __init__(self, name: str, entries: Iterable[tuple[str, tuple[str, ...], Origin]]) -> None:
        self.name = name
        self._answers: dict[str, Answer] = {}
        for key, values, origin in entries:
            known = self._answers.get(fold_key(key), Answer((), origin))
            self._answers[fold_key(key)] = Answer((*known.values, *values), known.origin)

    async def lookup(self, key: str) -> Answer:
        """Answer from the mapping."""
        return self._answers.get(fold_key(key), NOT_FOUND)

    @property
    def version(self) -> object:
        """Always the same."""
        return 0

    def entries(self) -> Iterator[tuple[str, Answer]]:
        """Every entry, in order."""
        yield from self._answers.items()

    def problems(self) -> tuple[Problem, ...]:
        """None: the reader of the site file has seen to them."""
        return ()
