"""One mistake in a configuration or a table, said to people."""

from dataclasses import dataclass

from posthouse.mail.lookup import Origin


@dataclass(frozen=True, slots=True)
class Problem:
    """Where, what is wrong, and what would be right."""

    origin: Origin
    wrong: str
    right: str

    def __str__(self) -> str:
        place = self.origin.file
        if self.origin.line:
            place += f":{self.origin.line}:{max(self.origin.column, 1)}"
        return f"{place}: {self.wrong}; {self.right}"
