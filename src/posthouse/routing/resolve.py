"""From an address to where it goes: the engine.  It asks, decides, and does nothing else."""

from collections.abc import Generator

from posthouse.mail.address import Address
from posthouse.mail.lookup import Answer, Decision, Lookup
from posthouse.routing.compiled import Routing
from posthouse.routing.resolution import Resolution

Steps = Generator[Lookup | Decision, Answer | None, Resolution]


def resolve(routing: Routing, address: Address) -> Steps:
    """Resolve one address.  Yields Lookups (send the Answer) and Decisions (send None)."""
    raise NotImplementedError
    yield
