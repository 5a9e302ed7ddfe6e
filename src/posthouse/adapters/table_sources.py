"""From declared tables to tables that answer.

The one place that knows which adapter serves which kind of table.  An adapter is imported
when a site declares a table of its kind: the sendmail command comes through here and has to start fast.
"""

from __future__ import annotations  # the ports are for the type checker alone

from pathlib import Path
from typing import TYPE_CHECKING

from posthouse.adapters.table_logins import login_table
from posthouse.site.model import LOGIN_NAMES, TableKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Protocol

    from posthouse.mail.problem import Problem
    from posthouse.ports import Clock, Table
    from posthouse.site.model import Site, TableSource

    class CheckedTable(Table, Protocol):
        """A table that can also say what is wrong with its source."""

        def problems(self) -> tuple[Problem, ...]: ...


def open_tables(site: Site, clock: Clock) -> dict[str, Table]:
    """Open every table of the site, and ``login-names``.

    Nothing is read here and nothing fails: a table whose source is missing answers that it is
    unavailable, until it is there.
    """
    return dict(_open_all(site, clock))


def table_problems(site: Site, clock: Clock) -> tuple[Problem, ...]:
    """Read every table and return what is wrong in them, for ``posthouse check``."""
    return tuple(problem for _, table in _open_all(site, clock) for problem in table.problems())


def build_databases(sources: Iterable[TableSource]) -> Iterator[tuple[TableSource, Path, int]]:
    """Build the database of each dbm table among these; yield table, database and how many entries it has.

    A table that names its database itself has no text to build it from.  Raises as build_dbm does: SiteError, OSError.
    """
    from posthouse.adapters.table_dbm import build_dbm, database_path

    for source in sources:
        is_ours = source.kind is TableKind.DBM and not source.member  # dbmbuild builds those of several tables
        if is_ours and source.path is not None and database_path(source.path) != source.path:
            target = database_path(source.path)
            yield source, target, build_dbm(source.path, target)


def _open_all(site: Site, clock: Clock) -> Iterator[tuple[str, CheckedTable]]:
    for name, source in site.tables.items():
        yield name, _open(source, clock)
    yield LOGIN_NAMES, login_table(site.passwd, clock)


def _open(source: TableSource, clock: Clock) -> CheckedTable:
    path = source.path or Path()  # the reader lets no file, regexp or dbm table pass without one
    match source.kind:
        case TableKind.FILE if source.is_aliases_file:
            from posthouse.adapters.table_file import FileTable
            from posthouse.tables.aliases import alias_entries

            return FileTable(source.name, path, clock, alias_entries)
        case TableKind.FILE:
            from posthouse.adapters.table_file import FileTable

            return FileTable(source.name, path, clock)
        case TableKind.REGEXP:
            from posthouse.adapters.table_regexp import RegexpFileTable

            return RegexpFileTable(source.name, path, clock)
        case TableKind.DBM if source.member:
            from posthouse.adapters.mmdf_database import MmdfDatabase

            return MmdfDatabase(path, clock).table(source.member)
        case TableKind.DBM:
            from posthouse.adapters.table_dbm import DbmTable

            return DbmTable(source.name, path, clock)
        case TableKind.HASH:
            from posthouse.adapters.table_makemap import MakemapTable

            return MakemapTable(source.name, path, clock)
        case TableKind.INLINE:
            from posthouse.adapters.table_inline import InlineTable

            return InlineTable(source.name, source.entries)
