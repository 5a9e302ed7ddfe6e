"""Where an MMDF site listens, and who may relay there: LISTEN and RELAYFROM, which MMDF itself does not have.

A classic tailor file says nothing of it: smtpd(8) was told by its arguments.  MMDF passes over keywords that it does
not know, so that the file stays good for both.

``RELAYFROM "network@address:port"`` is about one listener alone, which then has no other networks; without a network
nobody may relay there.
"""

from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Final

from posthouse.mail.lookup import Origin
from posthouse.mail.problem import Problem
from posthouse.site.model import Listener, Network
from posthouse.site.names import socket_address
from posthouse.site.tailor.model import TailorConfiguration

_LOOPBACK: Final = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))
_EVERYWHERE: Final = "0.0.0.0:25"
_ANYWHERE: Final = ""  # every listener that no word of RELAYFROM names


def read_listeners(configuration: TailorConfiguration, run: Path, complaints: list[Problem]) -> tuple[Listener, ...]:
    """Return the listeners, and the Unix socket for local programs; what is wrong is left out with a complaint."""
    origin = configuration.origins.get("LISTEN", Origin(str(configuration.file)))
    networks = _networks(configuration, complaints)
    listeners: dict[str, Listener] = {}
    for text in configuration.switches.listen or (_EVERYWHERE,):
        try:
            address = socket_address(text, configuration.file.parent)
        except ValueError as error:
            complaints.append(Problem(origin, f"LISTEN: {error}", 'write "address:port", in quotes'))
            continue
        allowed = tuple(networks.get(address, networks.get(_ANYWHERE) or _LOOPBACK))
        # Port 0, which the system replaces by a free one, may be asked for more than once.
        listeners[f"{address} {len(listeners)}" if address.endswith(":0") else address] = Listener(
            address, allowed, origin
        )
    for address in networks.keys() - {listener.address for listener in listeners.values()} - {_ANYWHERE}:
        wrong, right = f"RELAYFROM: nothing listens at {address}", "name an address of LISTEN, as it stands there"
        complaints.append(Problem(_relay_origin(configuration), wrong, right))
    socket = f"unix:{run}/submit.sock"
    return (*listeners.values(), Listener(socket))


def _relay_origin(configuration: TailorConfiguration) -> Origin:
    return configuration.origins.get("RELAYFROM", Origin(str(configuration.file)))


def _networks(configuration: TailorConfiguration, complaints: list[Problem]) -> dict[str, list[Network]]:
    """Return the networks of RELAYFROM by the listener that they are about; those of _ANYWHERE are every other's."""
    networks: dict[str, list[Network]] = {}
    for text in configuration.switches.relay_from:
        network, at, listener = text.partition("@")
        try:
            address = socket_address(listener, configuration.file.parent) if at else _ANYWHERE
            allowed = [ip_network(network)] if network or not at else []  # "@listener" alone: nobody
        except ValueError as error:
            right = 'write a network, as in "192.0.2.0/24", and "@address:port" behind it for one listener alone'
            complaints.append(Problem(_relay_origin(configuration), f"RELAYFROM: {error}", right))
            continue
        networks.setdefault(address, []).extend(allowed)
    return networks
