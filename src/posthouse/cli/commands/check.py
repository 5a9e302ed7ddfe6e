"""``posthouse check``, ``schema`` and ``version``: what does not need mail."""

import os
from collections.abc import Sequence
from pathlib import Path

import click

from posthouse.cli.errors import CommandError
from posthouse.cli.options import json_option, print_json, site_option
from posthouse.mail.problem import Problem
from posthouse.site.model import ChannelKind, DomainKind, Site
from posthouse.site.problems import SiteError


@click.command()
@json_option
@site_option
def check(site_file: Path, as_json: bool) -> int:
    """Check a site file and say what is configured.

    Every problem is printed, as file:line:column: what is wrong; what would be right. Tables are read, too, and what
    aliases stand for; the examples of rule sets are run. Of a sendmail.cf or an mmdftailor it also lists what is
    accepted without having an effect, and what such a file is only warned of.
    The exit code is 0 when all is well and 78 when not.
    """
    try:
        site: Site | None = raise_problems(site_file)
        # An alias that cannot be read is refused alone when mail comes for it; it keeps nobody from a reload.
        problems: Sequence[Problem] = (*_alias_problems(site), *_example_problems(site)) if site else ()
        site = None if problems else site
    except SiteError as error:
        site, problems = None, error.problems
    except CommandError as error:
        if not as_json:
            raise
        print_json({"file": str(site_file), "error": str(error), "problems": [], "summary": None})
        return error.code
    if as_json:
        print_json(
            {
                "file": str(site_file),
                "problems": [_problem_as_json(problem) for problem in problems],
                "complaints": [_problem_as_json(problem) for problem in site.complaints] if site else [],
                "without_effect": [_problem_as_json(problem) for problem in site.without_effect] if site else [],
                "summary": dict(summary(site)) if site else None,
            }
        )
    elif site:
        width = max(len(name) for name, _ in summary(site))
        click.echo("\n".join(f"{name + ':':<{width + 2}}{text}" for name, text in summary(site)))
        _show_list("warnings", site.complaints)
        _show_list("accepted, but without effect", site.without_effect)
    else:
        click.echo("\n".join(map(str, problems)), err=True)
    return os.EX_CONFIG if problems else os.EX_OK


def _show_list(title: str, problems: Sequence[Problem]) -> None:
    if problems:
        click.echo("\n".join((f"\n{title}:", *(f"  {problem}" for problem in problems))))


def _alias_problems(site: Site) -> list[Problem]:
    from posthouse.adapters.table_sources import open_tables
    from posthouse.cli.classic.newaliases import alias_problems
    from posthouse.wiring.machine import system_clock

    if site.mmdf is not None:
        return []  # MMDF's aliases are no lists of addresses; their table has been read
    tables = open_tables(site, system_clock())
    return [problem for alias in site.aliases for problem in alias_problems(tables[alias.table])]


def _example_problems(site: Site) -> list[Problem]:
    """Run the examples of rule sets: one that fails keeps nobody from a reload either."""
    if site.cf is None:
        return []
    from posthouse.cli.rewriting.examples import example_problems
    from posthouse.site.cf.declared import CfConfiguration

    return example_problems(site.cf) if isinstance(site.cf, CfConfiguration) else []


def raise_problems(site_file: Path) -> Site:
    """Read a site and all of its tables.  Raises SiteError with every problem, CommandError when there is no site."""
    from posthouse.adapters.table_sources import table_problems
    from posthouse.cli.site_access import read_site_file
    from posthouse.wiring.machine import system_clock

    site = read_site_file(site_file)
    if site.mmdf is not None:
        from posthouse.cli.mmdf.tables import with_mistakes

        return with_mistakes(site)
    problems = table_problems(site, system_clock())
    if problems:
        raise SiteError(problems)
    return site


def summary(site: Site) -> list[tuple[str, str]]:
    """Return what is configured, in a few lines."""
    log = f"{site.log.path or 'standard error'} ({site.log.format.value})"
    return [
        ("site", f"{site.name} ({site.file})"),
        ("listens", ", ".join(listener.address for listener in site.listeners) or "nowhere"),
        ("local", _domains(site, DomainKind.LOCAL)),
        ("relay", _domains(site, DomainKind.RELAY)),
        ("channels", ", ".join(f"{c.name} ({_channel(c.kind, c.relay)})" for c in site.channels.values())),
        ("routes", f"{len(site.routes)}"),
        ("tables", ", ".join(f"{t.name} ({t.kind.value})" for t in site.tables.values()) or "none"),
        ("aliases", ", ".join(alias.table for alias in site.aliases) or "none"),
        ("postmaster", site.postmaster),
        ("spool", str(site.spool)),
        ("log", log),
        ("metrics", site.metrics or "none"),
    ]


def _domains(site: Site, kind: DomainKind) -> str:
    names = [
        domain.name + (" and below" if domain.subdomains else "")
        for domain in site.domains.values()
        if domain.kind is kind
    ]
    shown = ", ".join(names[:10])
    return f"{shown} and {len(names) - 10} more" if len(names) > 10 else shown or "none"


def _channel(kind: ChannelKind, relay: str) -> str:
    return f"{kind.value} to {relay}" if relay else kind.value


def _problem_as_json(problem: Problem) -> dict[str, object]:
    origin = problem.origin
    return {
        "file": origin.file,
        "line": origin.line,
        "column": origin.column,
        "wrong": problem.wrong,
        "right": problem.right,
    }


@click.command()
def schema() -> int:
    """Print the JSON Schema of the site file."""
    import json

    from posthouse.site.toml import site_schema

    click.echo(json.dumps(site_schema(), indent=2))
    return os.EX_OK


@click.command()
def version() -> int:
    """Print the version."""
    import platform

    from posthouse import __version__

    click.echo(f"posthouse {__version__} on Python {platform.python_version()}")
    return os.EX_OK
