"""Maps that F lines name, asked while a sendmail.cf is read: ``F{Name}key@class:arguments``.

A configuration is read where no event loop runs, and where one does; so the map is asked in a thread with a loop of its
own.  What takes too long has not answered.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from posthouse.mail.lookup import MapAnswer, MapStatus

PATIENCE_SECONDS: Final = 60.0
NAME: Final = "class"


def ask_class_map(kind: str, arguments: str, key: str) -> MapAnswer:
    """Ask a map for a key."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, _asked(kind, arguments, key)).result()


async def _asked(kind: str, arguments: str, key: str) -> MapAnswer:
    # Few configurations have such lines, and maps take long to import.
    from posthouse.adapters.clock_system import SystemClock
    from posthouse.adapters.logins_passwd import MachineLogins
    from posthouse.adapters.map_sources import Surroundings, open_map
    from posthouse.adapters.resolver_memory import MemoryResolver
    from posthouse.rewriting.program import MapDeclaration

    clock = SystemClock()
    surroundings = Surroundings(
        clock=clock, logins=MachineLogins(clock), resolver=MemoryResolver(), folder=Path("/"), host_services=("files",)
    )
    opened, _ = open_map(MapDeclaration(NAME, kind.lower(), arguments), surroundings)
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await opened.lookup(key, ())
    except TimeoutError:
        return MapAnswer(MapStatus.TEMPORARY, reason=f"no answer in {PATIENCE_SECONDS:g} s")
    finally:
        opened.close()
