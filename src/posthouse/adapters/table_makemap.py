"""Table, as a database of makemap(8) or the text that it is made of.

``/etc/mail/mailertable`` names the text; ``/etc/mail/mailertable.db`` answers unless there is none or the text is
newer.  Values are octets, UTF-8 where they are that.  A database cannot be listed; its text can.
"""

from __future__ import annotations  # so that the ports are imported by the type checker alone

from pathlib import Path
from typing import TYPE_CHECKING

from posthouse.adapters.map_database import MAX_TEXT_OCTETS, DatabaseSource
from posthouse.adapters.table_watch import UnreadableError, read_whole
from posthouse.mail.lookup import NOT_FOUND, Answer, MapStatus, Origin
from posthouse.mail.map_arguments import MapArguments
from posthouse.mail.problem import Problem
from posthouse.tables.makemap_text import MakemapText, parse_makemap_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from posthouse.ports import Clock


class MakemapTable:
    """Port Table on one database, or its text."""

    def __init__(self, name: str, path: Path, clock: Clock) -> None:
        self.name = name
        self._path = path
        self._source = DatabaseSource(path, MapArguments(), clock)

    async def lookup(self, key: str) -> Answer:
        """Answer from the database, or the text."""
        found = await self._source.find(key.encode("utf-8", "replace").decode("latin-1"), ())
        if found.status is MapStatus.NOT_FOUND:
            return NOT_FOUND
        if found.value is None or found.status is not MapStatus.FOUND:
            return Answer(unavailable=found.reason)
        return Answer((_shown(found.value.encode("latin-1")),), found.origin)

    @property
    def version(self) -> object:
        """The state of the files that answer."""
        return self._source.version

    def entries(self) -> Iterator[tuple[str, Answer]]:
        """Yield what the text says."""
        for key, (value, line) in self._text().entries.items():
            yield _shown(key), Answer((_shown(value),), Origin(str(self._path), line))

    def problems(self) -> tuple[Problem, ...]:
        """Return what is wrong with the text; of a database alone nothing can be said."""
        if not self._path.exists() and self._path.with_name(f"{self._path.name}.db").exists():
            return ()
        return self._text().problems

    def _text(self) -> MakemapText:
        try:
            return parse_makemap_text(read_whole(self._path, MAX_TEXT_OCTETS), str(self._path))
        except UnreadableError as error:
            wrong = Problem(Origin(str(self._path)), f"the table {self.name} can't be read: {error}", "make its file")
            return MakemapText({}, (wrong,))


def _shown(octets: bytes) -> str:
    return octets.decode("utf-8", "replace")
