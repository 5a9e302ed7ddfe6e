"""Drive the routing engine against real tables, and remember what it found."""

from collections.abc import Mapping

from posthouse.mail.address import Address
from posthouse.ports import Table
from posthouse.routing.compiled import Routing
from posthouse.routing.resolution import Resolution
from posthouse.routing.resolve import Steps


async def answer_all(steps: Steps, tables: Mapping[str, Table]) -> Resolution:
    """Drive a generator to its end and return the resolution with its trace."""
    raise NotImplementedError


class Lookups:
    """Resolutions by address, kept while no table changes."""

    def __init__(self, routing: Routing, tables: Mapping[str, Table], size: int = 10_000) -> None:
        raise NotImplementedError

    async def resolve(self, address: Address) -> Resolution:
        """Return the resolution, from the cache if no table has changed."""
        raise NotImplementedError
