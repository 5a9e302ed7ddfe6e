"""The native language: ``site.toml``.

Everything about it (what is read, the JSON Schema, docs/site.md) comes from the one
description in language.py, so that they can't disagree.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from posthouse.site.model import Site
from posthouse.site.problems import Problem, SiteError

if TYPE_CHECKING:
    from posthouse.site.toml.reader import SurroundingsOf

__all__ = ["Problem", "SiteError", "read_site", "site_reference", "site_schema"]


def read_site(path: Path, surroundings: "SurroundingsOf | None" = None) -> Site:
    """Read a site file.  Raises SiteError with every problem in it.

    ``surroundings`` gives what rule sets take from the machine; without it they are read as on one without a name.
    """
    from posthouse.site.toml.reader import read

    return read(path, surroundings) if surroundings else read(path)


def site_schema() -> dict[str, object]:
    """Return the JSON Schema of a site file."""
    from posthouse.site.toml.schema import compose

    return compose()


def site_reference() -> str:
    """Return docs/site.md."""
    from posthouse.site.toml.reference import compose

    return compose()
