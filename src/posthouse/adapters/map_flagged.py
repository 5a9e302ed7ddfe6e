"""Map, as a source of answers with the flags of its K line around it.

Every class of maps is a Source, which looks a key up and knows nothing of ``-m``, ``%1``, ``-a``, ``-T``
and ``-t``; those are the same for all and belong to mail/map_arguments.py.
"""

from __future__ import annotations  # so that the ports are imported by the type checker alone

from collections.abc import Sequence
from typing import Final, Protocol, runtime_checkable

from msgspec.structs import replace

from posthouse.mail.lookup import MapAnswer, MapStatus
from posthouse.mail.map_arguments import MapArguments, finish_answer, fold_octets

NOT_FOUND: Final = MapAnswer(MapStatus.NOT_FOUND)


class Source(Protocol):
    """Where a class of maps has its answers from.  Text is octet text.  Never raises for a broken source."""

    kept_seconds: float  # how long an answer may be remembered; 0: ask each time

    async def find(self, key: str, arguments: Sequence[str]) -> MapAnswer: ...


@runtime_checkable
class Connected(Protocol):
    """A source that keeps a connection."""

    def close(self) -> None:
        """Let go of it; the next question makes a new one."""


class FlaggedMap:
    """Port Map on one source."""

    def __init__(self, name: str, flags: MapArguments, source: Source, kind: str = "") -> None:
        """``kind`` is the map's class, for what is said of a map that cannot be opened."""
        self.name = name
        self.kind = kind
        self.flags = flags
        self.kept_seconds = source.kept_seconds
        self._source = source

    async def lookup(self, key: str, arguments: Sequence[str]) -> MapAnswer:
        """Ask the source, and let the flags finish its answer."""
        raw = await self._source.find(key, arguments)
        if raw.reason:
            raw = replace(raw, reason=f"map {self.name}: {raw.reason}")
        answer = finish_answer(self.flags, key, arguments, raw)
        return replace(answer, notice=f'{self.kind} map "{self.name}": {raw.notice}') if raw.notice else answer

    def close(self) -> None:
        """Let go of what the source keeps open.  The loop that asked it must still run."""
        if isinstance(self._source, Connected):
            self._source.close()


class SilentSource:
    """The classes that nobody can ask any more, and maps whose declaration makes no sense.

    It is no "not found": who wrote the map into the configuration relies on it, and mail that
    is sent on without it may go to the wrong place.  So what needs the map waits (TEMPORARY), or,
    where only a change of the configuration can help, its status is BROKEN.  An optional one (``-o``) is empty.
    """

    kept_seconds = 1.0

    def __init__(self, reason: str, status: MapStatus = MapStatus.TEMPORARY, *, is_optional: bool = False) -> None:
        self._answer = MapAnswer(MapStatus.NOT_FOUND if is_optional else status, reason=reason)

    async def find(self, key: str, arguments: Sequence[str]) -> MapAnswer:  # noqa: ARG002 - the port's
        """Say why there is no answer."""
        return self._answer


class EntriesSource:
    """Classes whose entries are in memory alone (``stab``): nothing fills them but what is given here."""

    kept_seconds = 1.0

    def __init__(self, entries: dict[str, str], *, keeps_case: bool) -> None:
        self._fold = str if keeps_case else fold_octets
        self._entries = {self._fold(key): value for key, value in entries.items()}

    async def find(self, key: str, arguments: Sequence[str]) -> MapAnswer:  # noqa: ARG002 - the port's
        """Look into the entries."""
        value = self._entries.get(self._fold(key))
        return NOT_FOUND if value is None else MapAnswer(MapStatus.FOUND, value)
