"""The text tables of an MMDF site as the checks read them: entry by entry, never whole."""

from collections.abc import Iterator

from msgspec.structs import replace

from posthouse.adapters.clock_system import SystemClock
from posthouse.adapters.table_logins import login_table
from posthouse.mail.lookup import Origin
from posthouse.mail.problem import Problem
from posthouse.site.model import Site
from posthouse.site.tailor.entries import TailorTable
from posthouse.site.tailor.mistakes import HASHED, ReadTable, TableEntry, find_mistakes
from posthouse.site.tailor.model import TailorConfiguration
from posthouse.site.tailor.site import tailor_of
from posthouse.tables.mmdf import mmdf_entry
from posthouse.tables.syntax import MAX_LINE_OCTETS, read_lines


def table_reader(configuration: TailorConfiguration) -> ReadTable:
    """Return what reads a table of this site; it raises OSError."""

    def read(table: TailorTable) -> Iterator[TableEntry | Problem]:
        path = configuration.table_path(table)

        def entry(line: str, origin: Origin) -> TableEntry | Problem:
            found = mmdf_entry(line, origin)
            return found if isinstance(found, Problem) else TableEntry(found.key, found.value, origin)

        with path.open("rb") as text:
            lines = iter(lambda: text.readline(MAX_LINE_OCTETS + 2), b"")
            yield from read_lines((line.decode("latin-1").encode() for line in lines), str(path), entry)

    return read


def is_alias(configuration: TailorConfiguration, name: str) -> bool:
    """Is this name in one of the alias tables?  A table that can't be read has nobody."""
    read = table_reader(configuration)
    for alias in configuration.aliases:
        table = configuration.table(alias.table)
        if table is None or table.lines not in HASHED:
            continue
        try:
            if any(isinstance(each, TableEntry) and each.key == name.lower() for each in read(table)):
                return True
        except OSError:
            continue  # find_mistakes says so
    return False


def with_mistakes(site: Site) -> Site:
    """Return a site with what is wrong between the parts of its tailor file, and in its tables, among its complaints.

    All of it is what MMDF itself would only warn of, or meet with the first address that it concerns.
    """
    configuration = tailor_of(site)
    if configuration is None:
        return site
    mistakes = find_mistakes(configuration, table_reader(configuration))
    accounts = login_table(configuration.passwd_file, SystemClock()).problems()
    return replace(site, complaints=(*site.complaints, *mistakes, *accounts))
