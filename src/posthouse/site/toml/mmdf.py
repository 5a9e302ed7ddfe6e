"""The part ``[mmdf]`` of a site.toml, and what the rest of the file says besides it.

The part decides where addresses go.  A table of this language counts beside the part's own; one that is said
here ([log], [limits], [retry]) takes the place of what the part's keywords would make of it.
"""

from collections.abc import Mapping

from msgspec.structs import replace

from posthouse.site.model import Site
from posthouse.site.problems import SiteError
from posthouse.site.tailor.part import read_part
from posthouse.site.tailor.site import site_of
from posthouse.site.toml.positions import TomlPath
from posthouse.site.toml.walk import Walk

_SECTIONS = {"log": "log", "limits": "limits", "retry": "retry", "listener": "listeners"}  # with their fields of a Site
_OWN = {"postmaster": "postmaster", "user": "user", "dead-letters": "dead_letters"}  # keys of [site], likewise
_ALWAYS = ("name", "home", "file", "spool", "run", "timeouts", "concurrency", "metrics", "nameservers")


def with_mmdf(walk: Walk, site: Site) -> Site:
    """Return the site with its part [mmdf]; mistakes are problems of the walk."""
    part = walk.document.get("mmdf")
    if not isinstance(part, Mapping):
        walk.wrong(("mmdf",), "mmdf is no table", "write [mmdf]")
        return site
    configuration = read_part(
        part, site.file, lambda path: walk.origin(("mmdf", *path)).line, lambda path, *why: _wrong(walk, path, *why)
    )
    if site.passwd is not None:
        configuration = replace(configuration, people=replace(configuration.people, passwd=str(site.passwd)))
    try:
        tailor = site_of(configuration)
    except SiteError as error:
        walk.problems.extend(error.problems)
        return site
    said = walk.document.get("site")
    keys = said if isinstance(said, Mapping) else {}
    kept = [*_ALWAYS, *(field for name, field in _SECTIONS.items() if name in walk.document)]
    kept += [field for key, field in _OWN.items() if key in keys]
    return replace(
        tailor,
        **{field: getattr(site, field) for field in kept},
        domains={**tailor.domains, **site.domains},
        channels={**tailor.channels, **site.channels},
        tables={**tailor.tables, **site.tables},
        aliases=(*tailor.aliases, *site.aliases),
        files=tuple(dict.fromkeys((*site.files, *tailor.files))),
    )


def _wrong(walk: Walk, path: TomlPath, wrong: str, right: str) -> None:
    walk.wrong(("mmdf", *path), wrong, right)
