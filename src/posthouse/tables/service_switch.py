"""The service switch file: which services know hosts, aliases and accounts, and in which order.

Each line is a name and its services (``hosts files dns``).  ``#`` begins a comment.  Sendmail Installation and
Operation Guide, the option ServiceSwitchFile.
"""

from collections.abc import Mapping

# What counts for a name that the file does not have, or when there is no file.
DEFAULT_SERVICES: Mapping[str, tuple[str, ...]] = {
    "hosts": ("dns", "files"),
    "aliases": ("files",),
    "passwd": ("files",),
}


def parse_service_switch(text: str) -> Mapping[str, tuple[str, ...]]:
    """Read a whole file.  The first line of a name counts; nothing raises."""
    found: dict[str, tuple[str, ...]] = {}
    for line in text.split("\n"):
        name, *services = line.partition("#")[0].split() or [""]
        if name and services:
            found.setdefault(name, tuple(services))
    return found


def services_for(switch: Mapping[str, tuple[str, ...]], name: str) -> tuple[str, ...]:
    """Return the services for a name in their order; () when nobody knows of it."""
    return switch.get(name, DEFAULT_SERVICES.get(name, ()))
