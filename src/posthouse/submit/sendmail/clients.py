"""Who a client is, in the macros that the rules of a sendmail site ask for, and what check_relay says to it.

Sendmail Installation and Operation Guide, section 5.2.  A name that does not lead back to its address is one that
anybody could have made up: such a client is known by its address in brackets, and {client_resolve} is FORGED.

Known limits: a name that leads back to nothing now, because the name servers of its domain do not answer, is TEMP.
The users of other hosts are not asked for (ident); {auth_type}, {tls_version}, {cert_...} and their kind are never
defined, since this server offers neither AUTH nor STARTTLS to clients of such a site.
"""

from __future__ import annotations  # so that the ports are imported by the type checker alone

import re
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

from posthouse.mail.lookup import MapQuestion
from posthouse.submit.client import OWN_REPORTS, SENT_AGAIN, Client, Welcome
from posthouse.submit.sendmail.policy import Policy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from posthouse.rewriting.environment import Environment
    from posthouse.routing.sendmail.compiled import SendmailRouting
    from posthouse.site.cf.listeners import Daemon
    from posthouse.submit.sendmail.driver import World

_HOST_MAP: Final = "host"
_ANY_DAEMON: Final = "MTA"
_OF_CLIENT: Final = frozenset("rs_")
_ABOUT_CLIENT: Final = ("client_", "daemon_", "if_")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
MOST_KEPT: Final = 24  # macros; there are 17
MOST_KEPT_OCTETS: Final = 512  # of each: a host's name has 255


async def welcome_client(
    routing: SendmailRouting, world: World, environment: Environment, client: Client, daemons: Mapping[str, Daemon]
) -> Welcome:
    """Find out who has connected, and ask check_relay.  The macros of ``environment`` are those of its message."""
    before = dict(environment.macros)
    environment.define("opMode", "d")
    describe_daemon(environment, client, daemons.get(client.listener))
    address = plain_address(client.address)
    literal = f"[{tagged(address)}]"
    found = await world.names.name_of(address)
    environment.define("client_addr", tagged(address))
    environment.define("client_port", str(client.port) if client.port else None)
    environment.define("client_ptr", found.name or literal)
    environment.define("client_resolve", found.ruling)
    environment.define("client_name", found.name if found.ruling == "OK" else literal)
    shown = f"{found.name} {literal}" if found.name else literal
    environment.define("_", f"{shown} (may be forged)" if found.ruling == "FORGED" else shown)
    await _describe_interface(environment, world, client)
    policy = Policy(routing, world, environment)
    refusal = await policy.ask("check_relay", environment.macros.get("client_name", ""), tagged(address))
    return Welcome(
        {name: value for name, value in environment.macros.items() if before.get(name) != value},
        environment.macros.get("_", literal),
        refusal,
        policy.discards,
        policy.quarantine,
    )


def describe_hello(environment: Environment, client: Client) -> None:
    """Define what is known without asking anybody: ``$r``, ``$s``, and who hands in what comes from this machine."""
    environment.define("opMode", "s" if client.over_pipe else "d")
    environment.define("r", None if client.protocol in (OWN_REPORTS, SENT_AGAIN) else client.protocol or None)
    if client.protocol == OWN_REPORTS:
        environment.define("s", "localhost")
        environment.define("_", "localhost")
        return
    environment.define("s", client.name or None)
    if client.address:
        return
    environment.define("client_addr", "0" if client.over_pipe else None)
    environment.define("daemon_name", None if client.over_pipe else _ANY_DAEMON)
    if client.user:
        environment.define("_", f"{client.user}@localhost")


def arrival_of(environment: Environment, client: Client) -> tuple[tuple[str, str], ...]:
    """Return the macros that tell of a client, to be kept with its message; none of what this site sends by itself."""
    if client.protocol in (OWN_REPORTS, SENT_AGAIN):
        return ()
    told = [name for name in environment.macros if name in _OF_CLIENT or name.startswith(_ABOUT_CLIENT)]
    return tuple([(name, _kept(environment.macros[name])) for name in sorted(told, key=len)[:MOST_KEPT]])


def _kept(value: str) -> str:
    # A control character would begin a field of its own where the value stands in an H line.
    return _CONTROL.sub("?", value)[:MOST_KEPT_OCTETS].encode("latin-1", "replace").decode("latin-1")


def describe_daemon(environment: Environment, client: Client, daemon: Daemon | None) -> None:
    """Define the macros {daemon_...}."""
    environment.define("daemon_name", _ANY_DAEMON if daemon is None else daemon.name)
    environment.define("daemon_info", "SMTP")
    environment.define("daemon_port", str(client.reached[1]) if client.reached[1] else None)
    if daemon is not None:
        environment.define("daemon_addr", daemon.address)
        environment.define("daemon_family", daemon.family)
        environment.define("daemon_flags", daemon.flags)


async def _describe_interface(environment: Environment, world: World, client: Client) -> None:
    """Define {if_name}, and {if_addr} and {if_family} outside the loopback network."""
    if not client.reached[0]:
        return
    ours = plain_address(client.reached[0])
    name = (await world.maps.ask(MapQuestion(_HOST_MAP, f"[{tagged(ours)}]"))).value
    environment.define("if_name", (name or f"[{tagged(ours)}]").removesuffix("."))
    if not ip_address(ours).is_loopback:
        environment.define("if_addr", tagged(ours))
        environment.define("if_family", "inet6" if ":" in ours else "inet")


def plain_address(address: str) -> str:
    """Return an address without its zone, and as IPv4 where it is that in the clothes of IPv6."""
    number = ip_address(address.partition("%")[0])
    inner = getattr(number, "ipv4_mapped", None)
    return str(inner or number)


def tagged(address: str) -> str:
    """Return an address as the rules see it."""
    return f"IPv6:{address}" if ":" in address else address
