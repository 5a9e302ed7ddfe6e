"""The language of sendmail: ``sendmail.cf``, levels 1 to 10."""

from pathlib import Path

from posthouse.site.cf.machine import Surroundings
from posthouse.site.model import Site


def read_site(path: Path, surroundings: Surroundings) -> Site:
    """Read a configuration file as a Site.  Raises SiteError with every error in it."""
    from posthouse.site.cf.assemble import assemble
    from posthouse.site.cf.reader import read_cf

    return assemble(read_cf(path, surroundings))
