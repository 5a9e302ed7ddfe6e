"""Drive the routing engine against real tables, and remember what it found.

The rule: a remembered resolution is never older than the tables.  Their
versions are compared when a transaction begins (``refresh``); any change
forgets everything.  Deferrals are never remembered.
"""

from collections import OrderedDict
from collections.abc import Mapping

from msgspec.structs import replace

from posthouse.mail.address import Address
from posthouse.mail.lookup import Answer, Asked, Decision, Lookup
from posthouse.ports import Table
from posthouse.routing.compiled import Routing
from posthouse.routing.resolution import Deferred, Resolution
from posthouse.routing.resolve import Steps, resolve
from posthouse.routing.trace import as_via

_RECIPIENTS_PER_ENTRY = 100  # wider expansions are resolved each time: one entry must not cost megabytes


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


class Lookups:
    """Resolutions by address, kept while no table changes."""

    def __init__(self, routing: Routing, tables: Mapping[str, Table], size: int = 10_000) -> None:
        self.routing = routing
        self._tables = tables
        self._size = size
        self._known: OrderedDict[tuple[str, str], Resolution] = OrderedDict()
        self._versions: tuple[object, ...] = ()
        self.refresh()

    def refresh(self) -> None:
        """Forget everything if a table has changed."""
        versions = tuple([table.version for table in self._tables.values()])
        if versions != self._versions:
            self._versions = versions
            # A new dictionary: an answer that is still under way goes into the old one.
            self._known = OrderedDict()

    def cached(self, address: Address) -> Resolution | None:
        """Return what is remembered of an address."""
        key = address.key
        known = self._known.get(key)
        if known is not None:
            self._known.move_to_end(key)
        return known

    async def resolve(self, address: Address) -> Resolution:
        """Return the resolution, remembered or new, without its trace."""
        known = self.cached(address)
        if known is not None:
            return known
        memory = self._known
        resolution = replace(await self.explain(address), trace=())
        if not isinstance(resolution, Deferred) and len(getattr(resolution, "recipients", ())) <= _RECIPIENTS_PER_ENTRY:
            memory[address.key] = resolution
            if len(memory) > self._size:
                memory.popitem(last=False)
        return resolution

    async def explain(self, address: Address) -> Resolution:
        """Resolve an address afresh, with its trace."""
        return await answer_all(resolve(self.routing, address), self._tables)

    async def ask(self, table: str, key: str) -> Answer:
        """Ask one table, without routing."""
        return await _answer(Lookup(table, key), self._tables)
