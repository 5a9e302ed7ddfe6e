"""What is wrong with a configuration, said to people.

Every reader collects all the problems that it can find and raises them together:
nobody should have to start a mail router ten times to learn of ten mistakes.
"""

from dataclasses import dataclass

from posthouse.mail.errors import PosthouseError
from posthouse.mail.lookup import Origin


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake: where, what is wrong, and what would be right."""

    origin: Origin
    wrong: str
    right: str

    def __str__(self) -> str:
        place = self.origin.file
        if self.origin.line:
            place += f":{self.origin.line}:{max(self.origin.column, 1)}"
        return f"{place}: {self.wrong}; {self.right}"


class SiteError(PosthouseError):
    """A configuration that can't be used.  Start-up and ``check`` print it and exit 78; a reload changes nothing."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__(problems)
        self.problems = problems

    def __str__(self) -> str:
        """Return one line per problem."""
        return "\n".join(map(str, self.problems))
