"""The text of ``.forward`` and ``:include:`` files: lists of addresses, one or more on a line.

A line that begins with ``#`` is a comment; so is what stands after ``#@#`` between blanks.
"""

import re
from typing import Final

_COMMENT: Final = re.compile(r"[ \t]+#@#(?=[ \t]|$).*", re.DOTALL)


def address_lines(text: bytes) -> tuple[tuple[int, str], ...]:
    """Return the lines that hold addresses, numbered from 1, as octet text."""
    found = []
    for number, line in enumerate(text.split(b"\n"), start=1):
        shown = line.decode("latin-1").rstrip("\r")
        if not shown.startswith("#"):
            shown = _COMMENT.sub("", shown)
            if shown.strip():
                found.append((number, shown))
    return tuple(found)
