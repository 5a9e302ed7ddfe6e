"""Run the way in inside a command: without an event loop where nothing ever waits, which native sites never do."""

from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

from posthouse.site.model import Site
from posthouse.submit.eager import run

Drive = Callable[[Coroutine[Any, Any, Any]], Any]


@contextmanager
def driver(site: Site) -> Iterator[Drive]:
    """Yield what runs a coroutine to its end; the tables of the old languages may wait for a network."""
    if site.mmdf is None and site.cf is None:
        yield run
        return
    import asyncio  # a tenth of a second that other sites need not spend

    with asyncio.Runner() as runner:
        yield runner.run
