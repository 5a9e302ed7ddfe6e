"""Table, as a query to a SQLite database (``type=sql``).

    MTBL users, type=sql, database="users.db", query="SELECT home FROM users WHERE login = lower(:key)"

``database`` is relative to MTBLDIR and stands for ``file`` if it is missing; ``:key`` is what is looked for.  The first
column of each row is a value.  The database is opened to be read only, and a query that takes too long is stopped.

Known limits: SQLite only; for other databases ``type=nis`` with a command.
"""

import asyncio
import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from urllib.parse import quote

from posthouse.mail.lookup import NOT_FOUND, Answer
from posthouse.site.tailor.entries import TailorTable
from posthouse.tables.syntax import MAX_LINE_OCTETS

MOST_VALUES = 1000
_STEPS = 10_000  # of SQLite's machine, between two looks at the clock: less than a millisecond


class SqlTable:
    """Port Table on one query."""

    def __init__(self, table: TailorTable, path: Path, seconds: float) -> None:
        self.name = table.name
        self._origin = table.origin
        self._path = path
        self._query = dict(table.parameters).get("query", "")
        self._seconds = seconds

    async def lookup(self, key: str) -> Answer:
        """Run the query, in a thread."""
        if not self._query:
            return Answer(unavailable=f"{self._origin}: type=sql without query=")
        try:
            values = await asyncio.to_thread(self._ask, key)
        except sqlite3.Error as error:
            return Answer(unavailable=f"cannot ask {self._path}: {error}")
        except UnicodeEncodeError:
            return NOT_FOUND  # a lone surrogate
        return Answer(values, self._origin) if values else NOT_FOUND

    @property
    def version(self) -> object:
        """A new one each time."""
        return object()

    def entries(self) -> Iterator[tuple[str, Answer]]:
        """None that could be listed."""
        return iter(())

    def _ask(self, key: str) -> tuple[str, ...]:
        location = f"file:{quote(os.fsencode(self._path.absolute()))}?mode=ro"
        end = monotonic() + self._seconds
        with contextlib.closing(sqlite3.connect(location, uri=True, timeout=self._seconds)) as database:
            database.set_progress_handler(lambda: monotonic() > end, _STEPS)
            rows = database.execute(self._query, {"key": key}).fetchmany(MOST_VALUES)
        texts = (str(row[0]) for row in rows if row[0] is not None)
        return tuple(" ".join(text.split()) for text in texts if len(text) <= MAX_LINE_OCTETS)
