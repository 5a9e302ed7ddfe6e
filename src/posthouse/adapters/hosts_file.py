"""The machine's own table of hosts: ``/etc/hosts``.  hosts(5).

Read when a name is asked for, so that a change counts at once; lines that
make no sense are skipped, as the C library does.
"""

from ipaddress import ip_address
from pathlib import Path

_MOST_OCTETS = 1024 * 1024


def addresses_in(hosts: str, name: str) -> tuple[str, ...]:
    """Return the addresses that a hosts file's text gives a name."""
    addresses = []
    for line in hosts.split("\n"):
        address, *names = line.partition("#")[0].split() or [""]
        if name in (one.lower().removesuffix(".") for one in names) and _is_address(address):
            addresses.append(address)
    return tuple(dict.fromkeys(addresses))


def read_addresses(path: Path, name: str) -> tuple[str, ...]:
    """Do the same with a file; one that cannot be read says nothing.  Blocks: run it in a thread."""
    try:
        with path.open("rb") as file:
            text = file.read(_MOST_OCTETS).decode("utf-8", "replace")
    except OSError:
        return ()
    return addresses_in(text, name)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
