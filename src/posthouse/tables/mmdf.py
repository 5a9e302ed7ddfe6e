"""What MMDF's tables have of their own: the entry of a text file.

An entry is MMDF's to the letter, where tables/syntax.py forgives: the key ends at the first colon, blank or tab
and nothing more of the separator belongs to it, so that ``spaced : value`` has the value ``: value``.  MMDF tables(5).
"""

import re
from collections.abc import Iterator

from posthouse.mail.lookup import Origin
from posthouse.mail.problem import Problem
from posthouse.tables.syntax import MAX_KEY_LENGTH, Entry, fold_key

_ENTRY = re.compile(r"((?:[^\\: \t]|\\.)+)(?:[: \t](.*))?", re.DOTALL)
_PIECE = re.compile(r"(\\.)|[ \t]+", re.DOTALL)
_QUOTED = re.compile(r"\\(.)", re.DOTALL)


def mmdf_entry(text: str, origin: Origin) -> Entry | Problem:
    """Read one line of a table; for tables/syntax.read_lines."""
    match = _ENTRY.fullmatch(text)
    if match is None:
        return Problem(origin, "an entry without a key", "begin the line with the key, then a colon")
    key, value = match[1], match[2] or ""
    if "\\" in text:
        key = _QUOTED.sub(r"\1", key)
        value = _QUOTED.sub(r"\1", _PIECE.sub(lambda piece: piece[1] or " ", value)).strip(" ")
    else:
        value = " ".join(value.split())
    if len(key) > MAX_KEY_LENGTH:
        return Problem(origin, f"a key of {len(key)} characters", f"at most {MAX_KEY_LENGTH}")
    return Entry(fold_key(key), value, origin.line)


def listed_users(text: str) -> Iterator[tuple[str, str]]:
    """Yield the names and homes of a list of users: name, what else is said, and home, with tabs between."""
    for line in text.split("\n"):
        if line.strip() and not line.startswith("#"):
            parts = line.split("\t")
            yield parts[0].strip(), parts[-1].strip() if len(parts) > 1 else ""
