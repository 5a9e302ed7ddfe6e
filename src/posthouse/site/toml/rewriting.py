"""The part ``[rewriting]`` of a site.toml, and what the rest of the file says besides it.

The rule sets decide where addresses go.  A table of this language that is said here ([log], [limits], [retry]) takes
the place of what the part's options would make of it; ``name`` of [site] is the macro j where the part does not set it.
"""

from __future__ import annotations  # so that the reader's own types are imported by the type checker alone

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from posthouse.mail.lookup import Origin
from posthouse.site.cf.assemble import assemble
from posthouse.site.cf.declared import CfConfiguration
from posthouse.site.model import Site
from posthouse.site.problems import Problem, SiteError
from posthouse.site.rules.elements import Places
from posthouse.site.rules.part import read_part
from posthouse.site.toml.walk import Walk

if TYPE_CHECKING:
    from posthouse.site.toml.reader import SurroundingsOf

# Tables and keys of [site] that replace what the part would say, with their fields of a Site.
_SECTIONS = {
    "log": "log",
    "limits": "limits",
    "timeouts": "timeouts",
    "retry": "retry",
    "listener": "listeners",
}
_OWN = {
    "spool": "spool",
    "run": "run",
    "postmaster": "postmaster",
    "user": "user",
    "dead-letters": "dead_letters",
    "vrfy": "vrfy",
}
_ALWAYS = ("name", "home", "file", "workers", "concurrency", "metrics", "nameservers")


def with_rewriting(walk: Walk, site: Site, surroundings_of: SurroundingsOf) -> Site:
    """Return the site with its part [rewriting]; mistakes are problems of the walk."""
    part = _part(walk)
    if part is None:
        return site
    if site.mmdf is not None:
        walk.wrong(("rewriting",), "[mmdf] and [rewriting] both say where addresses go", "keep one of them")
        return site
    try:
        rewriting = assemble(_configuration(walk, part, site.name, surroundings_of))
    except SiteError as error:
        walk.problems.extend(error.problems)
        return site
    return _merged(walk, site, rewriting)


def read_rules(path: Path, surroundings_of: SurroundingsOf) -> CfConfiguration:
    """Return the part of a site file alone, with every mistake in it.  Raises SiteError when there is none."""
    from posthouse.site.toml.reader import walk_of

    walk = walk_of(path)
    part = _part(walk) if "rewriting" in walk.document else None
    if part is None:
        wrong = "there is no [rewriting] in this file"
        raise SiteError(
            walk.problems or [Problem(Origin(str(path)), wrong, "its addresses: posthouse explain ADDRESS")]
        )
    said = walk.document.get("site")
    name = said.get("name") if isinstance(said, Mapping) else None
    return _configuration(walk, part, str(name or "localhost"), surroundings_of)


def _part(walk: Walk) -> Mapping[str, object] | None:
    part = walk.document.get("rewriting")
    if isinstance(part, Mapping):
        return part
    walk.wrong(("rewriting",), "rewriting is no table", "write [rewriting]")
    return None


def _configuration(
    walk: Walk, part: Mapping[str, object], name: str, surroundings_of: SurroundingsOf
) -> CfConfiguration:
    surroundings = surroundings_of(_hosts_file(part))
    surroundings = replace(surroundings, macros={"j": name, **surroundings.macros})
    places = Places(lambda path: walk.origin(("rewriting", *path)), lambda path: walk.text_line(("rewriting", *path)))
    return read_part(part, Path(walk.origin(()).file), surroundings, places)


def _merged(walk: Walk, site: Site, rewriting: Site) -> Site:
    said = walk.document.get("site")
    keys = said if isinstance(said, Mapping) else {}
    kept = [*_ALWAYS, *(field for name, field in _SECTIONS.items() if name in walk.document)]
    kept += [field for key, field in _OWN.items() if key in keys]
    return replace(
        rewriting,
        **{field: getattr(site, field) for field in kept},
        domains={**rewriting.domains, **site.domains},
        tables={**rewriting.tables, **site.tables},
        files=tuple(dict.fromkeys((*site.files, *rewriting.files))),
    )


def _hosts_file(part: Mapping[str, object]) -> Path | None:
    """Return the hosts file that the part names: it is needed before anything of the part is read."""
    options = part.get("options")
    named = options.get("HostsFile") if isinstance(options, Mapping) else None
    return Path(named) if isinstance(named, str) and named else None
