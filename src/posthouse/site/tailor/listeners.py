"""Where an MMDF site listens, and who may relay there: LISTEN and RELAYFROM, which MMDF itself does not have.

A classic tailor file says nothing of it: smtpd(8) was told by its arguments.  MMDF passes over keywords that it does
not know, so that the file stays good for both.
"""

from collections.abc import Iterator
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


def read_listeners(configuration: TailorConfiguration, run: Path, complaints: list[Problem]) -> tuple[Listener, ...]:
    """Return the listeners, and the Unix socket for local programs; what is wrong is left out with a complaint."""
    origin = configuration.origins.get("LISTEN", Origin(str(configuration.file)))
    networks = tuple(_networks(configuration, complaints)) or _LOOPBACK
    listeners: dict[str, Listener] = {}
    for text in configuration.switches.listen or (_EVERYWHERE,):
        try:
            address = socket_address(text, configuration.file.parent)
        except ValueError as error:
            complaints.append(Problem(origin, f"LISTEN: {error}", 'write "address:port", in quotes'))
            continue
        # Port 0, which the system replaces by a free one, may be asked for more than once.
        listeners[f"{address} {len(listeners)}" if address.endswith(":0") else address] = Listener(
            address, networks, origin
        )
    socket = f"unix:{run}/submit.sock"
    return (*listeners.values(), Listener(socket))


def _networks(configuration: TailorConfiguration, complaints: list[Problem]) -> Iterator[Network]:
    origin = configuration.origins.get("RELAYFROM", Origin(str(configuration.file)))
    for text in configuration.switches.relay_from:
        try:
            yield ip_network(text)
        except ValueError as error:
            complaints.append(Problem(origin, f"RELAYFROM: {error}", 'write a network, as in "192.0.2.0/24"'))
