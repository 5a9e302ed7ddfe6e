"""``newaliases``: build the databases of alias tables and check what every alias says.

Aliases in text files need no building; they are checked all the same.  Prints one
line for each table, as the classic does.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from posthouse.cli.site_access import read_site_file
from posthouse.mail.address_list import parse_address_list
from posthouse.mail.problem import Problem
from posthouse.ports import Table
from posthouse.site.model import Site


def rebuild_aliases(site_file: Path) -> int:
    """Build and check; return the exit code: 65 when an alias cannot be understood."""
    from posthouse.adapters.table_sources import build_databases, open_tables
    from posthouse.wiring.machine import system_clock

    site = read_site_file(site_file)
    used = {alias.table for alias in site.aliases}
    for _ in build_databases(source for source in site.tables.values() if source.name in used):
        pass  # said below, with all that the table holds
    tables = open_tables(site, system_clock())
    good = True
    for alias in site.aliases:
        problems = _problems(tables[alias.table])
        for problem in problems:
            print(problem, file=sys.stderr)
        good = good and not problems
        print(_summary(_place(site, alias.table), tables[alias.table]))
    if not site.aliases:
        print("no alias tables in this site")
    return os.EX_OK if good else os.EX_DATAERR


def _place(site: Site, table: str) -> str:
    path = site.tables[table].path if table in site.tables else None
    return str(path) if path else f"{site.file} [tables.{table}]"


def _problems(table: Table) -> list[str]:
    checked = getattr(table, "problems", None)
    return [*map(str, checked() if checked is not None else ()), *map(str, alias_problems(table))]


def alias_problems(table: Table) -> Iterator[Problem]:
    """Yield what is wrong in the values of an alias table."""
    for key, answer in table.entries():
        for value in answer.values:
            for problem in parse_address_list(value).problems:
                yield Problem(answer.origin, f"alias {key}: {problem}", "write addresses, with commas between")


def _summary(place: str, table: Table) -> str:
    aliases = longest = total = 0
    for key, answer in table.entries():
        right = len(", ".join(answer.values).encode())
        aliases += 1
        longest = max(longest, right)
        total += len(key.encode()) + right
    return f"{place}: {aliases} aliases, longest {longest} bytes, {total} bytes total"
