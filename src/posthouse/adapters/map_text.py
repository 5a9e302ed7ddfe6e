"""The map class text: the lines of a file, looked through in their order.

``-k`` and ``-v`` number the columns of key and value (from 0, which both are unless said otherwise), ``-z`` is what
stands between columns.
The file is kept in memory and read again when it changes.
"""

from __future__ import annotations  # so that the ports are imported by the type checker alone

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from posthouse.adapters.map_flagged import NOT_FOUND
from posthouse.adapters.table_watch import FileWatch, UnreadableError
from posthouse.mail.lookup import MapAnswer, MapStatus, Origin
from posthouse.mail.map_arguments import MapArguments, fold_octets
from posthouse.tables.syntax import MAX_LINE_OCTETS
from posthouse.tables.text_columns import column

if TYPE_CHECKING:
    from posthouse.ports import Clock

MAX_OCTETS: Final = 64 * 1024 * 1024
_MOST_COLUMNS: Final = 1000


def column_number(text: str, otherwise: int) -> int | None:
    """Read the number of a column; None when it is no number."""
    if not text:
        return otherwise
    return int(text) if text.isascii() and text.isdigit() and int(text) < _MOST_COLUMNS else None


class TextSource:
    """One text file.  The first line of a key counts."""

    kept_seconds = 1.0

    def __init__(self, path: Path, flags: MapArguments, clock: Clock, *, keys: int, values: int) -> None:
        self._flags = flags
        self._keys, self._values = keys, values
        self._watch = FileWatch(path, clock)
        self._entries: dict[str, tuple[str | None, int]] = {}
        self._trouble: MapAnswer | None = None

    async def find(self, key: str, arguments: Sequence[str]) -> MapAnswer:  # noqa: ARG002 - the port's
        """Look a key up, without regard to case."""
        if self._watch.has_changed():
            self._read()
        if self._trouble is not None:
            return self._trouble
        value, line = self._entries.get(fold_octets(key), (None, 0))
        if value is None:
            return NOT_FOUND  # also a line without that column
        return MapAnswer(MapStatus.FOUND, value, origin=Origin(str(self._watch.path), line))

    def _read(self) -> None:
        self._entries, self._trouble = {}, None
        try:
            content = self._watch.read(MAX_OCTETS).decode("latin-1")
        except UnreadableError as error:
            is_missing = isinstance(error.__cause__, FileNotFoundError | NotADirectoryError)
            status = MapStatus.NOT_FOUND if is_missing and self._flags.is_optional else MapStatus.TEMPORARY
            notice = f"unsafe map file {self._watch.path}" if status is MapStatus.TEMPORARY else ""
            self._trouble = MapAnswer(status, reason=f"not open: {error}", notice=notice)
            return
        for number, line in enumerate(content.split("\n"), start=1):
            if len(line) > MAX_LINE_OCTETS:  # its key may be the one that is asked for
                reason = f"not open: line {number} of {self._watch.path} has more than {MAX_LINE_OCTETS} octets"
                self._trouble = MapAnswer(MapStatus.TEMPORARY, reason=reason)
                return
            found = None if line.startswith("#") else column(line, self._keys, self._flags.delimiter)
            if found is not None:
                value = column(line, self._values, self._flags.delimiter)
                self._entries.setdefault(fold_octets(found), (value, number))
