"""Drive the routing engine against real tables, and remember what it found.

The rule: a remembered resolution is never older than the tables.  Their
versions are compared when a transaction begins (``refresh``); any change
forgets everything.  Deferrals are never remembered.
"""

from __future__ import annotations  # so that the ports are imported by the type checker alone

from collections import OrderedDict
from collections.abc import Mapping
from typing import TYPE_CHECKING

from msgspec.structs import replace

from posthouse.mail.address import Address
from posthouse.mail.lookup import Answer, Asked, Decision, Lookup
from posthouse.routing.compiled import Routing
from posthouse.routing.resolution import Deferred, Resolution, Resolved
from posthouse.routing.resolve import Steps, resolve
from posthouse.routing.trace import as_via

if TYPE_CHECKING:
    from posthouse.ports import Table


async def answer_all(steps: Steps, tables: Mapping[str, Table]) -> Resolution:
    """Drive a generator to its end and return the resolution with its trace."""
    trace: list[Decision | Asked] = []
    answer: Answer | None = None
    while True:
        try:
            step = steps.send(answer)
        except StopIteration as end:
            resolution: Resolution = end.value
            return replace(resolution, trace=tuple(trace), via=as_via(tuple(trace)))
        if isinstance(step, Lookup):
            answer = await _answer(step, tables)
            trace.append(Asked(step, answer))
        else:
            answer = None
            trace.append(step)


async def _answer(lookup: Lookup, tables: Mapping[str, Table]) -> Answer:
    table = tables.get(lookup.table)
    if table is None:
        return Answer(unavailable=f"there is no table {lookup.table}")
    return await table.lookup(lookup.key)


class _Memory:
    """Resolutions by address; ``size`` bounds the recipients in all of them, a refusal counting as one."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._weight = 0
        self._known: OrderedDict[tuple[str, str], Resolution] = OrderedDict()

    def get(self, key: tuple[str, str]) -> Resolution | None:
        known = self._known.get(key)
        if known is not None:
            self._known.move_to_end(key)
        return known

    def keep(self, key: tuple[str, str], resolution: Resolution) -> None:
        """Remember one, and forget those that were used longest ago; one that is larger than all is not kept."""
        if key in self._known or _weight(resolution) > self._size:
            return
        self._known[key] = resolution
        self._weight += _weight(resolution)
        while self._weight > self._size:
            self._weight -= _weight(self._known.popitem(last=False)[1])


def _weight(resolution: Resolution) -> int:
    return len(resolution.recipients) if isinstance(resolution, Resolved) else 1


class Lookups:
    """Resolutions by address, kept while no table changes.  ``size``: about half a kilobyte each."""

    def __init__(self, routing: Routing, tables: Mapping[str, Table], size: int = 20_000) -> None:
        self.routing = routing
        self._tables = tables
        self._size = size
        self._memory = _Memory(size)
        self._versions: tuple[object, ...] = ()
        self.refresh()

    def refresh(self) -> None:
        """Forget everything if a table has changed."""
        versions = tuple([table.version for table in self._tables.values()])
        if versions != self._versions:
            self._versions = versions
            # A new one: an answer that is still under way goes into the old one.
            self._memory = _Memory(self._size)

    def cached(self, address: Address) -> Resolution | None:
        """Return what is remembered of an address."""
        return self._memory.get(address.key)

    async def resolve(self, address: Address) -> Resolution:
        """Return the resolution, remembered or new, without its trace."""
        known = self.cached(address)
        if known is not None:
            return known
        memory = self._memory
        resolution = replace(await self.explain(address), trace=())
        if not isinstance(resolution, Deferred):
            memory.keep(address.key, resolution)
        return resolution

    async def explain(self, address: Address) -> Resolution:
        """Resolve an address afresh, with its trace."""
        return await answer_all(resolve(self.routing, address), self._tables)

    async def ask(self, table: str, key: str) -> Answer:
        """Ask one table, without routing."""
        return await _answer(Lookup(table, key), self._tables)
