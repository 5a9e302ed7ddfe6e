"""From a site file, in whichever language, to a Site; and where its processes meet."""

from __future__ import annotations  # so that the model is imported by the type checker alone

from typing import TYPE_CHECKING, Final

from posthouse.mail.lookup import Origin
from posthouse.mail.problem import Problem
from posthouse.site.problems import SiteError

if TYPE_CHECKING:
    from pathlib import Path

    from posthouse.site.cf.declared import CfConfiguration
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


def load_rules(path: Path) -> tuple[CfConfiguration, Site | None]:
    """Read the rule sets of a site file, with every mistake of a sendmail.cf among its complaints.

    A site.toml comes with its Site; a sendmail.cf becomes one when the command line has had its say.  Raises SiteError.
    """
    if path.suffix == ".cf":
        from posthouse.adapters.cf_surroundings import surroundings_of
        from posthouse.adapters.frozen_cf import FROZEN, read_cf_frozen

        return read_cf_frozen(path, surroundings_of(path), FROZEN), None
    from posthouse.site.cf.declared import CfConfiguration

    site = load_site(path)
    if not isinstance(site.cf, CfConfiguration):
        raise SiteError(
            [Problem(Origin(str(path)), "there is no [rewriting] in this file", "name a file with rule sets")]
        )
    return site.cf, site


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
