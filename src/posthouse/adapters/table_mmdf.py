"""From the tables of an mmdftailor to tables that answer.

Text files are MMDF's to the letter (tables/mmdf.py) and octet text, as the tailor file is.  A dbm table
is read from its text until dbmbuild has made the database.  Kinds that nothing here can serve answer that they are
unavailable: an address that needs them is deferred.
"""

from __future__ import annotations  # so that the ports are imported by the type checker alone

from pathlib import Path
from typing import TYPE_CHECKING

from posthouse.adapters.table_address_file import AddressFileTable
from posthouse.adapters.table_file import FileTable
from posthouse.adapters.table_inline import InlineTable
from posthouse.adapters.table_logins import login_table
from posthouse.mail.lookup import Answer, Origin
from posthouse.routing.mmdf.compiled import INCLUDED_FILES, MAIL_IDS
from posthouse.site.model import LOGIN_NAMES
from posthouse.site.tailor.entries import Lines
from posthouse.tables.mmdf import listed_users, mmdf_entry
from posthouse.tables.passwd import parse_passwd
from posthouse.tables.syntax import read_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from posthouse.adapters.mmdf_database import MmdfDatabase
    from posthouse.mail.problem import Problem
    from posthouse.ports import Clock, Table
    from posthouse.site.tailor.entries import TailorTable
    from posthouse.site.tailor.model import TailorConfiguration
    from posthouse.tables.syntax import Entry

_FILES = frozenset({Lines.FILE, Lines.DBM})
_BY_DNS = frozenset({Lines.NS, Lines.RBL})


def open_mmdf_tables(
    configuration: TailorConfiguration,
    clock: Clock,
    *,
    users: Table | None = None,
    folder: Path | None = None,
    nameservers: Sequence[str] = (),
    seconds: float = 10.0,
) -> dict[str, Table]:
    """Open every table, the login names and the files of addresses, by the names that routing/mmdf asks for.

    ``users`` stands for the accounts; ``folder`` for MTBLDIR; ``seconds`` bounds each question to a name
    server.  Nothing is read here and nothing fails.
    """
    tables: dict[str, Table] = {}
    database = _database(configuration, folder, clock)
    for table in configuration.tables:
        path = folder / table.file if folder is not None else configuration.table_path(table)
        if table.lines is Lines.DBM and database is not None:
            opened: Table = database.table(table.name)
        elif table.lines in _FILES:
            opened = FileTable(table.name, path, clock, mmdf_lines)
        elif table.lines in _BY_DNS:
            opened = _by_dns(table, configuration, nameservers, seconds)
        else:
            opened = _by_others(table, path, clock, seconds)
        tables.setdefault(table.name, opened)
    at_mail_ids = folder or configuration.under(configuration.folders.tables)
    if not any(name.lower() == MAIL_IDS for name in tables):
        tables[MAIL_IDS] = FileTable(MAIL_IDS, at_mail_ids / MAIL_IDS, clock, mmdf_lines)
    tables[LOGIN_NAMES] = users or login_table(configuration.passwd_file, clock)
    tables[INCLUDED_FILES] = AddressFileTable(INCLUDED_FILES, configuration.under(configuration.folders.queue))
    return tables


def mmdf_lines(lines: Iterable[bytes], file: str) -> Iterator[Entry | Problem]:
    """Read the lines of a table file as octet text."""
    return read_lines((line.decode("latin-1").encode() for line in lines), file, mmdf_entry)


def users_table(path: Path, always: Sequence[str]) -> Table:
    """Open a list of users: passwd(5), or the names and homes that a site was recorded with.

    ``always`` are the names that such a list leaves out because every machine has them; passwd(5) has them itself.
    Raises OSError.
    """
    text = path.read_text(encoding="latin-1")
    names = [(account.login, account.home) for account in parse_passwd(text.split("\n"))]
    names = names or [*((name, "") for name in always), *listed_users(text)]
    origin = Origin(str(path))
    return InlineTable(LOGIN_NAMES, [(name, (home or "/",), origin) for name, home in names])


def _database(configuration: TailorConfiguration, folder: Path | None, clock: Clock) -> MmdfDatabase | None:
    """Open the database of the dbm tables; None where dbmbuild has made none, and their texts answer."""
    from posthouse.adapters.mmdf_database import MmdfDatabase

    path = configuration.database_path if folder is None else folder / configuration.database_path.name
    return MmdfDatabase(path, clock) if path.is_file() else None


def _by_dns(
    table: TailorTable, configuration: TailorConfiguration, nameservers: Sequence[str], seconds: float
) -> Table:
    if table.lines is Lines.RBL:
        from posthouse.adapters.table_rbl import BlockListTable

        return BlockListTable(table, nameservers, seconds)
    from posthouse.adapters.table_nameserver import NameserverTable

    return NameserverTable(table, configuration, nameservers, seconds)


def _by_others(table: TailorTable, path: Path, clock: Clock, seconds: float) -> Table:
    """Open what few sites have; each adapter is imported when a site has one."""
    match table.lines:
        case Lines.REGEXP:
            from posthouse.adapters.table_mmdf_regexp import MmdfRegexpTable

            return MmdfRegexpTable(table.name, path, clock, table.regexp)
        case Lines.NIS:
            from posthouse.adapters.table_command import CommandTable

            return CommandTable(table, seconds)
        case Lines.SQL:
            from posthouse.adapters.table_sql import SqlTable

            return SqlTable(table, path.parent / (dict(table.parameters).get("database") or path.name), seconds)
        case Lines.LDAP:
            from posthouse.adapters.table_ldap import LdapTable

            return LdapTable(table, path.parent, seconds)
        case _:
            reason = f"tables of type {table.lines.value} are not served ({table.origin})"
            return UnservedTable(table.name, reason)


class UnservedTable:
    """Port Table on what nothing here can ask."""

    def __init__(self, name: str, reason: str) -> None:
        self.name = name
        self._reason = reason

    async def lookup(self, key: str) -> Answer:  # noqa: ARG002 - the port's signature
        """Say why there is no answer."""
        return Answer(unavailable=self._reason)

    @property
    def version(self) -> object:
        """It never changes."""
        return ()

    def entries(self) -> Iterator[tuple[str, Answer]]:
        """None that could be listed."""
        return iter(())
