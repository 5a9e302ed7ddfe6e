"""The daemons of DaemonPortOptions as listeners of a Site."""

from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_address
from pathlib import Path
from typing import Final

from msgspec import Struct

from posthouse.mail.lookup import BUILTIN, Origin
from posthouse.mail.problem import Problem
from posthouse.site.cf.declared import CfConfiguration
from posthouse.site.model import Listener

PORTS: Final = {"smtp": 25, "smtps": 465, "submission": 587}
_LOOPBACK: Final = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))
_KEYS: Final = {
    "a": "address",
    "f": "family",
    "p": "port",
    "n": "name",
    "m": "modifiers",
    "l": "backlog",
    "r": "receive buffer",
    "s": "send buffer",
    "c": "children",
    "d": "delivery mode",
    "i": "filters",
}


class Daemon(Struct, frozen=True):
    """What the rules are told of the daemon at which a client has come in: the macros {daemon_...}."""

    name: str
    address: str  # as it listens; IPv6 with its tag
    family: str  # inet or inet6
    flags: str = ""  # of M=: parted by blanks, those in upper case doubled


def read_listeners(configuration: CfConfiguration, run: Path, complaints: list[Problem]) -> tuple[Listener, ...]:
    """Return a listener for each daemon, port 25 when there is none, and the Unix socket for local programs."""
    listeners: dict[str, Listener] = {}
    for setting in configuration.settings.get("DaemonPortOptions", ()):
        address = _address(daemon_fields(setting.text), setting.origin, complaints)
        if address in listeners:
            complaints.append(
                Problem(setting.origin, f"{address} is listened on twice", "keep one of the DaemonPortOptions")
            )
        elif address:
            listeners[address] = Listener(address, _LOOPBACK, setting.origin)
    if not configuration.is_set("DaemonPortOptions"):
        listeners["0.0.0.0:25"] = Listener("0.0.0.0:25", _LOOPBACK, BUILTIN)
    if not any(address.startswith("unix:") for address in listeners):
        listeners["submit"] = Listener(f"unix:{run}/submit.sock")
    return tuple(listeners.values())


def daemons_of(configuration: CfConfiguration) -> Mapping[str, Daemon]:
    """Return the daemons by the addresses of their listeners."""
    daemons: dict[str, Daemon] = {}
    for number, setting in enumerate(configuration.settings.get("DaemonPortOptions", ())):
        fields = daemon_fields(setting.text)
        address = _address(fields, setting.origin, [])  # read_listeners has complained already
        if address and not address.startswith("unix:"):
            host = address.rpartition(":")[0]
            is_six = host.startswith("[")
            modifiers = fields.get("modifiers", "").replace(" ", "")
            flags = " ".join(flag * 2 if flag.isupper() else flag for flag in modifiers)
            daemons[address] = Daemon(
                fields.get("name") or f"Daemon{number}",
                f"IPv6:{host.strip('[]')}" if is_six else host,
                "inet6" if is_six else "inet",
                flags,
            )
    return daemons or {"0.0.0.0:25": Daemon("Daemon0", "0.0.0.0", "inet")}  # noqa: S104 - as read_listeners


def daemon_fields(text: str) -> dict[str, str]:
    """Return the fields of ``Name=MTA, Addr=..., Port=...`` by the meaning of their first letter."""
    fields: dict[str, str] = {}
    for part in text.split(","):
        key, equals, value = part.partition("=")
        meaning = _KEYS.get(key.strip()[:1].lower())
        if equals and meaning:
            fields[meaning] = value.strip()
    return fields


def _address(fields: dict[str, str], origin: Origin, complaints: list[Problem]) -> str:
    """Return ``host:port`` or ``unix:/path``; "" when the fields cannot be used."""
    family = fields.get("family", "inet").lower()
    host = fields.get("address", "")
    if family in ("unix", "local"):
        if host.startswith("/"):
            return f"unix:{host}"
        complaints.append(Problem(origin, "a daemon of family unix without a path", "write Addr=/path/of/socket"))
        return ""
    port = _port(fields.get("port", "smtp"))
    if port is None:
        complaints.append(Problem(origin, f'"{fields["port"]}" is no port', f"write a number, or {', '.join(PORTS)}"))
        return ""
    try:
        number = ip_address(host.strip("[]") or ("::" if family == "inet6" else "0.0.0.0"))  # noqa: S104 - as asked for
    except ValueError:
        complaints.append(Problem(origin, f'"{host}" is no IP address', "write Addr= with a number, as 192.0.2.1"))
        return ""
    return f"[{number}]:{port}" if number.version == 6 else f"{number}:{port}"


def _port(text: str) -> int | None:
    if text.lower() in PORTS:
        return PORTS[text.lower()]
    is_number = text.isascii() and text.isdigit() and len(text) < 6 and int(text) <= 65535
    return int(text) if is_number else None
