"""The native language: ``site.toml``.

Everything about it (what is read, the JSON Schema, docs/site.md) comes from the one
description in language.py, so that they can't disagree.
"""

from pathlib import Path

from posthouse.site.model import Site
from posthouse.site.problems import Problem, SiteError

__all__ = ["Problem", "SiteError", "read_site", "site_reference", "site_schema"]


def read_site(path: Path) -> Site:
    """Read a site file.  Raises SiteError with every problem in it."""
    from posthouse.site.toml.reader import read

    return read(path)


def site_schema() -> dict[str, object]:
    """Return the JSON Schema of a site file."""
    from posthouse.site.toml.schema import compose

    return compose()


def site_reference() -> str:
    """Return docs/site.md."""
    from posthouse.site.toml.reference import compose

    return compose()
