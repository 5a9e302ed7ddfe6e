"""``posthouse table``: list what tables say, ask them, build their databases."""

import os
from pathlib import Path

import click

from posthouse.cli.errors import CommandError
from posthouse.cli.formats import plural, printable
from posthouse.cli.options import json_option, print_json, site_option
from posthouse.cli.site_access import read_site_file
from posthouse.mail.lookup import Answer
from posthouse.ports import Table
from posthouse.site.model import Site, TableKind


@click.group()
def table() -> None:
    """List, ask and build tables."""


@table.command("list")
@click.argument("name", required=False)
@json_option
@site_option
def list_(site_file: Path, name: str | None, as_json: bool) -> int:
    """List the tables, or every entry of one."""
    site = read_site_file(site_file)
    if name is not None:
        for key, answer in _open(site, name).entries():
            _print_entry(key, answer, as_json=as_json)
        return os.EX_OK
    for source in site.tables.values():
        place = (
            str(source.path) if source.path else f"{plural(len(source.entries), 'entry', 'entries')} in {source.origin}"
        )
        if as_json:
            print_json(
                {"name": source.name, "kind": source.kind.value, "path": source.path, "origin": str(source.origin)}
            )
        else:
            click.echo(f"{source.name:<16} {source.kind.value:<7} {place}")
    return os.EX_OK


@table.command()
@click.argument("name")
@click.argument("keys", nargs=-1, required=True)
@json_option
@site_option
def get(site_file: Path, name: str, keys: tuple[str, ...], as_json: bool) -> int:
    """Ask a table for keys, as routing does.

    The exit code is 0 when all are there, 1 when one is not, 75 when the table cannot answer.
    """
    from posthouse.submit.eager import run

    found = _open(read_site_file(site_file), name)
    code = os.EX_OK
    for key in keys:
        answer = run(found.lookup(key))
        _print_entry(key, answer, as_json=as_json)
        if answer.unavailable:
            code = os.EX_TEMPFAIL
        elif not answer.found and code == os.EX_OK:
            code = 1
    return code


@table.command()
@click.argument("names", nargs=-1)
@site_option
def build(site_file: Path, names: tuple[str, ...]) -> int:
    """Build the databases of dbm tables from their text files; all of them when no name is given."""
    from posthouse.adapters.table_sources import build_databases

    site = read_site_file(site_file)
    wanted = [source for source in site.tables.values() if source.kind is TableKind.DBM]
    unknown = set(names) - {source.name for source in wanted}
    if unknown:
        raise CommandError(f"no dbm table {', '.join(sorted(unknown))} in {site.file}", os.EX_USAGE)
    chosen = {source.name: source for source in wanted if not names or source.name in names}
    for source, target, count in build_databases(tuple(chosen.values())):
        click.echo(f"{source.name}: {count} entries in {target}")
        del chosen[source.name]
    for source in chosen.values():
        click.echo(f"{source.name}: {source.path} is itself the database")
    if not wanted:
        click.echo("This site has no dbm tables.")
    return os.EX_OK


def _open(site: Site, name: str) -> Table:
    from posthouse.wiring.machine import build_tables, system_clock

    tables = build_tables(site, system_clock())
    if name not in tables:
        raise CommandError(f"no table {name!r} in {site.file}; there are: {', '.join(sorted(tables))}", os.EX_USAGE)
    return tables[name]


def _print_entry(key: str, answer: Answer, *, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "key": key,
                "values": answer.values,
                "origin": str(answer.origin) if answer.found else None,
                "unavailable": answer.unavailable or None,
            }
        )
    elif answer.unavailable:
        click.echo(f"{printable(key)}: cannot answer: {printable(answer.unavailable)}")
    elif answer.found:
        click.echo(f"{printable(key)}: {printable(', '.join(answer.values))}  ({answer.origin})")
    else:
        click.echo(f"{printable(key)}: not there")
