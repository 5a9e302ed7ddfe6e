"""From a site file, in whichever language, to a Site; and where its processes meet."""

from __future__ import annotations  # so that the model is imported by the type checker alone

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

    from posthouse.site.cf.machine import Surroundings
    from posthouse.site.model import Listener, Site

SUBMIT_SOCKET: Final = "submit.sock"
PICKUP_SOCKET: Final = "pickup.sock"


def load_site(path: Path) -> Site:
    """Read a site file, in the language that its name tells.  Raises SiteError with every problem in it."""
    if path.suffix == ".cf":
        from posthouse.adapters.frozen_cf import load_cf_site

        return load_cf_site(path)
    if path.name.endswith(("mmdftailor", ".tailor")):
        from posthouse.site.tailor.site import read_site as read_tailor

        return read_tailor(path)
    from posthouse.site.toml import read_site

    return read_site(path, _surroundings)


def _surroundings(hosts_file: Path | None) -> Surroundings:
    """Return what rule sets take from this machine."""
    from posthouse.adapters.cf_surroundings import surroundings_of

    return surroundings_of(hosts_file=hosts_file)


def listeners_of(site: Site) -> tuple[Listener, ...]:
    """Return the declared listeners, and the Unix socket at which local programs hand mail in."""
    address = f"unix:{site.run / SUBMIT_SOCKET}"
    if any(listener.address == address for listener in site.listeners):
        return site.listeners
    from posthouse.site.model import Listener

    return (*site.listeners, Listener(address))
