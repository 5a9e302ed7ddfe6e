"""One mistake in a configuration or a table, said to people."""

from msgspec import Struct

from posthouse.mail.lookup import Origin


class Problem(Struct, frozen=True):
    """Where, what is wrong, and what would be right."""

    origin: Origin
    wrong: str
    right: str

    def __str__(self) -> str:
        place = self.origin.file
        if self.origin.line:
            place += f":{self.origin.line}:{max(self.origin.column, 1)}"
        return f"{place}: {self.wrong}; {self.right}"
