"""Who a client is, in the macros that the rules of a sendmail site ask for.

The name of a client is looked up once for each message, by the map ``host`` of the site, so that it comes from where
all its names come from; a name that does not lead back to the address is one that anybody could have made up.
"""

from __future__ import annotations  # so that the ports are imported by the type checker alone

from typing import TYPE_CHECKING, Final

from posthouse.mail.lookup import MapQuestion, MapStatus

if TYPE_CHECKING:
    from posthouse.rewriting.environment import Environment
    from posthouse.submit.client import Client
    from posthouse.submit.sendmail.driver import World

_HOST_MAP: Final = "host"


async def describe(environment: Environment, world: World, client: Client) -> None:
    """Define the macros about a client: {client_addr}, {client_name}, {client_resolve}, ``$s``, ``$r``, ``$_``."""
    describe_hello(environment, client)
    if not client.address:
        return
    literal = f"[IPv6:{client.address}]" if ":" in client.address else f"[{client.address}]"
    answer = await world.maps.ask(MapQuestion(_HOST_MAP, literal))
    name = (answer.value or "").removesuffix(".")
    found = {MapStatus.FOUND: "OK", MapStatus.TEMPORARY: "TEMP"}.get(answer.status, "FAIL")
    if not name or name.startswith("["):
        name, found = literal, "FAIL" if found == "OK" else found
    environment.define("client_name", name)
    environment.define("client_ptr", name)
    environment.define("client_resolve", found)
    shown = literal if name == literal else f"{name} {literal}"
    environment.define("_", shown)


def describe_hello(environment: Environment, client: Client) -> None:
    """Define what is known without asking anybody."""
    environment.define("client_addr", "0" if client.over_pipe else client.address)
    environment.define("r", client.protocol or None)
    environment.define("s", client.name or None)
    environment.define("daemon_name", None if client.over_pipe else "MTA")
    environment.define("opMode", "s" if client.over_pipe else "d")
