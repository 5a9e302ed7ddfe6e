"""A configuration that can't be used, with everything that is wrong with it.

Every reader collects all the problems that it can find and raises them together:
nobody should have to start a mail router ten times to learn of ten mistakes.
"""

from collections.abc import Iterable

from posthouse.mail.errors import PosthouseError
from posthouse.mail.problem import Problem

__all__ = ["Problem", "SiteError"]


class SiteError(PosthouseError):
    """Start-up and ``check`` print it and exit 78; a reload changes nothing."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        """Return one line per problem."""
        return "\n".join(map(str, self.problems))
