"""The map class implicit, and the index of an aliases file: aliases by their names.

``newaliases`` writes the index (``aliases.dbm``) from what tables/aliases.py makes of the file.  A look-up asks the
newest of that, a database that sendmail's newaliases left (``aliases.db``), and the text itself, so that
a change counts even before newaliases has run.  Names in the text are then taken as they are, without rules.

A file that cannot be read defers mail: an alias that is not found would be a user unknown.
"""

from __future__ import annotations  # so that the ports are imported by the type checker alone

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from posthouse.adapters.map_database import SUFFIX as BERKELEY_SUFFIX
from posthouse.adapters.map_database import DatabaseSource, written_at
from posthouse.adapters.map_flagged import NOT_FOUND
from posthouse.adapters.table_dbm import SUFFIX as INDEX_SUFFIX
from posthouse.adapters.table_dbm import DbmTable, write_dbm
from posthouse.adapters.table_watch import FileWatch, UnreadableError
from posthouse.mail.lookup import MapAnswer, MapStatus, Origin
from posthouse.mail.map_arguments import MapArguments, fold_octets
from posthouse.tables.aliases import AliasLine, AliasReport, plain_key, read_aliases
from posthouse.tables.syntax import Entry

if TYPE_CHECKING:
    from posthouse.ports import Clock, Table

MAX_TEXT_OCTETS: Final = 64 * 1024 * 1024


def index_path(text: Path) -> Path:
    """Return where the index of an aliases file stands."""
    return text.with_name(text.name + INDEX_SUFFIX)


def write_alias_index(text: Path, report: AliasReport) -> None:
    """Put the index of an aliases file in place.  Raises OSError; then the old one stays."""
    entries = (Entry(entry.key, entry.value, entry.line) for entry in report.entries)
    write_dbm(index_path(text), entries, text.stat())


class AliasSource:
    """One aliases file.  Keys are folded to lower case; values are as in the file."""

    kept_seconds = 1.0

    def __init__(self, path: Path, flags: MapArguments, clock: Clock) -> None:
        self._path = path
        self._flags = flags
        self._clock = clock
        self._watches = [FileWatch(one, clock) for one in (index_path(path), _berkeley_path(path), path)]
        self._index: Table | None = None
        self._database: DatabaseSource | None = None
        self._entries: dict[str, tuple[str, int]] = {}
        self._trouble: MapAnswer | None = None
        self.warning = ""  # what newaliases should be run for

    async def find(self, key: str, arguments: Sequence[str]) -> MapAnswer:
        """Look an alias up."""
        changed = [watch.has_changed() for watch in self._watches]
        if any(changed):
            self._choose()
        if self._trouble is not None:
            return self._trouble
        if self._database is not None:
            return await self._database.find(key, arguments)
        if self._index is not None:
            return await self._from_index(self._index, fold_octets(key))
        value, line = self._entries.get(fold_octets(key), (None, 0))
        return NOT_FOUND if value is None else MapAnswer(MapStatus.FOUND, value, origin=Origin(str(self._path), line))

    async def _from_index(self, index: Table, key: str) -> MapAnswer:
        answer = await index.lookup(key)
        if answer.unavailable:
            return MapAnswer(MapStatus.TEMPORARY, reason=answer.unavailable)
        return MapAnswer(MapStatus.FOUND, answer.values[0], origin=answer.origin) if answer.found else NOT_FOUND

    def _choose(self) -> None:
        """Take the newest of index, database and text."""
        self._index, self._database, self._entries, self._trouble, self.warning = None, None, {}, None, ""
        index, database, text = (written_at(watch.path) for watch in self._watches)
        newest = max(when for when in (index, database, text, -1) if when is not None)
        if newest == -1:
            status = MapStatus.NOT_FOUND if self._flags.is_optional else MapStatus.TEMPORARY
            self._trouble = MapAnswer(status, reason=f"not open: {self._path} cannot be found")
        elif index == newest:
            self._index = DbmTable(self._path.name, index_path(self._path), self._clock)
        elif database == newest:
            self._database = DatabaseSource(_berkeley_path(self._path), self._flags, self._clock)
        else:
            self.warning = f"WARNING: cannot open alias database {self._path}; reading text version"
            self._read_text()

    def _read_text(self) -> None:
        try:
            content = self._watches[2].read(MAX_TEXT_OCTETS)
        except UnreadableError as error:
            self._trouble = MapAnswer(MapStatus.TEMPORARY, reason=f"not open: {error}")
            return
        for line in read_aliases(content.split(b"\n")):
            if isinstance(line, AliasLine) and line.value:
                self._entries.setdefault(plain_key(line.name), (line.value, line.line))


def _berkeley_path(text: Path) -> Path:
    return text.with_name(text.name + BERKELEY_SUFFIX)
