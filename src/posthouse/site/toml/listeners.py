"""The listeners of a document, and what must not be offered to the whole Internet."""

from ipaddress import IPv4Network, ip_address
from pathlib import Path

from posthouse.site.model import Listener, Network
from posthouse.site.toml import language
from posthouse.site.toml.positions import TomlPath
from posthouse.site.toml.walk import Walk

# Wider than any organisation's own network: relaying for it means relaying for strangers.
_WIDEST_V4 = 8  # 10.0.0.0/8, RFC 1918
_WIDEST_V6 = 16  # registries hand out /20 at most


def read_listeners(walk: Walk, run: Path) -> tuple[Listener, ...]:
    """Read every listener; add the Unix socket of the way in where none is declared."""
    listeners: list[Listener] = []
    for values, path in walk.repeated(language.LISTENER):
        address, networks = values.get("address"), values.get("relay_from", ())
        if not isinstance(address, str) or not isinstance(networks, tuple):
            continue
        _check(walk, address, networks, path)
        if any(listener.address == address and not address.endswith(":0") for listener in listeners):
            walk.wrong((*path, "address"), f"{address} is listened on twice", "keep one of them")
        listeners.append(Listener(address, networks, walk.origin(path)))
    if not any(listener.address.startswith("unix:") for listener in listeners):
        listeners.append(Listener(f"unix:{run}/submit.sock"))
    return tuple(listeners)


def _check(walk: Walk, address: str, networks: tuple[Network, ...], path: TomlPath) -> None:
    if address.startswith("unix:"):
        if networks:
            wrong = "relay-from means nothing for a Unix socket"
            walk.wrong((*path, "relay-from"), wrong, "leave it out: its clients may always relay")
        return
    for index, network in enumerate(networks):
        widest = _WIDEST_V4 if isinstance(network, IPv4Network) else _WIDEST_V6
        if network.prefixlen < widest and not _is_loopback(address):
            wrong = f"{network} lets strangers relay through {address}"
            walk.wrong((*path, "relay-from", index), wrong, "name your own networks only")


def _is_loopback(address: str) -> bool:
    host = address.rpartition(":")[0].strip("[]")
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
