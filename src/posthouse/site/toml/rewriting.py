"""The part ``[rewriting]`` of a site.toml, and what the rest of the file says besides it.

The rule sets decide where addresses go; rule_settings.py gives them what the rest of the file says of that.  [log],
[limits], [retry] and their like take the place of what the part's options would make of them; ``name`` of [site] is the
macro j where the part does not set it.
"""

from __future__ import annotations  # so that the reader's own types are imported by the type checker alone

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from posthouse.mail.lookup import Origin
from posthouse.site.cf.assemble import assemble
from posthouse.site.cf.declared import CfConfiguration
from posthouse.site.model import Domain, DomainKind, Site
from posthouse.site.problems import Problem, SiteError
from posthouse.site.rules.elements import Places
from posthouse.site.rules.part import read_part
from posthouse.site.toml.assemble import assemble as assemble_native
from posthouse.site.toml.rule_settings import complain_of_unheeded, with_settings
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
    "accounts": "passwd",
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
        rewriting = assemble(_configuration(walk, part, site, surroundings_of))
    except SiteError as error:
        walk.problems.extend(error.problems)
        return site
    return _merged(walk, site, rewriting)


def read_rules(path: Path, surroundings_of: SurroundingsOf) -> CfConfiguration:
    """Return the part of a site file alone, with every mistake in it.  Raises SiteError when there is none."""
    from posthouse.site.toml.reader import walk_of

    walk = walk_of(path)
    found = rules_of(walk, surroundings_of)
    if walk.problems:
        raise SiteError(walk.problems)
    return found


def rules_of(walk: Walk, surroundings_of: SurroundingsOf) -> CfConfiguration:
    """Return the part of a document alone, with every mistake in it.  Raises SiteError when there is none."""
    path = Path(walk.origin(()).file)
    part = _part(walk) if "rewriting" in walk.document else None
    if part is None:
        wrong = "there is no [rewriting] in this file"
        raise SiteError(
            walk.problems or [Problem(Origin(str(path)), wrong, "its addresses: posthouse explain ADDRESS")]
        )
    return _configuration(walk, part, assemble_native(walk, path.absolute()), surroundings_of)


def _part(walk: Walk) -> Mapping[str, object] | None:
    part = walk.document.get("rewriting")
    if isinstance(part, Mapping):
        return part
    walk.wrong(("rewriting",), "rewriting is no table", "write [rewriting]")
    return None


def _configuration(
    walk: Walk, part: Mapping[str, object], site: Site, surroundings_of: SurroundingsOf
) -> CfConfiguration:
    surroundings = surroundings_of(_hosts_file(part))
    surroundings = replace(surroundings, macros={"j": site.name, **surroundings.macros})
    places = Places(lambda path: walk.origin(("rewriting", *path)), lambda path: walk.text_line(("rewriting", *path)))
    configuration = read_part(with_settings(walk, site, part), Path(walk.origin(()).file), surroundings, places)
    complain_of_unheeded(walk, configuration.program)
    return configuration


def _merged(walk: Walk, site: Site, rewriting: Site) -> Site:
    said = walk.document.get("site")
    keys = said if isinstance(said, Mapping) else {}
    kept = [*_ALWAYS, *(field for name, field in _SECTIONS.items() if name in walk.document)]
    kept += [field for key, field in _OWN.items() if key in keys]
    return replace(
        rewriting,
        **{field: getattr(site, field) for field in kept},
        domains={**_relayed(site), **rewriting.domains},
        files=tuple(dict.fromkeys((*site.files, *rewriting.files))),
    )


def _relayed(site: Site) -> dict[str, Domain]:
    return {name: domain for name, domain in site.domains.items() if domain.kind is DomainKind.RELAY}


def _hosts_file(part: Mapping[str, object]) -> Path | None:
    """Return the hosts file that the part names: it is needed before anything of the part is read."""
    options = part.get("options")
    named = options.get("HostsFile") if isinstance(options, Mapping) else None
    return Path(named) if isinstance(named, str) and named else None
