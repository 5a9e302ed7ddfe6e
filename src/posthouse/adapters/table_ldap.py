"""Table, as a search in an LDAP directory (``type=ldap``), mmdf_ldap(5).

    MTBL people, type=ldap, server_host=ldap.example, search_base="ou=people,o=example",
        filter="(uid=%s)", attrib=mail

``%s`` in the filter stands for the key, quoted as RFC 4515 wants it; each value of the attribute is a value.  The
directory is asked in a thread: ldap_directory.py.  ``bind_dn`` is who asks (nobody without it), ``password_file`` a
file beside the tables whose first line is the password: a tailor file is for everybody to read.

Known limits: each question opens a connection of its own.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from msgspec.structs import replace

from posthouse.adapters.ldap_directory import (
    HIGHEST_PORT,
    MISSING,
    PORT,
    TLS_PORT,
    DirectoryError,
    DirectoryServer,
    Search,
    escaped,
    search,
)
from posthouse.adapters.table_watch import UnreadableError, read_whole
from posthouse.mail.lookup import NOT_FOUND, Answer
from posthouse.site.tailor.entries import TailorTable
from posthouse.tables.syntax import MAX_LINE_OCTETS

MOST_VALUES = 1000
_MOST_SECONDS = 60
_MOST_DIGITS = 9
_MOST_PASSWORD_OCTETS = 4096
_SCOPES = {"base": "BASE", "one": "LEVEL", "sub": "SUBTREE"}


class LdapTable:
    """Port Table on one directory."""

    def __init__(self, table: TailorTable, folder: Path, seconds: float) -> None:
        """``folder`` is where a relative ``password_file`` is."""
        self.name = table.name
        said = dict(table.parameters)
        self._origin = table.origin
        port = _number(said.get("server_port", ""), PORT, HIGHEST_PORT)
        self._server = DirectoryServer(
            said.get("server_host") or "localhost",
            port,
            _number(said.get("timeout", ""), int(seconds) or 1, _MOST_SECONDS),
            uses_tls=port == TLS_PORT,
            name=said.get("bind_dn", ""),
        )
        self._password_file = folder / said["password_file"] if said.get("password_file") else None
        self._base = said.get("search_base", "")
        self._filter = said.get("filter") or "(uid=%s)"
        self._attribute = said.get("attrib", "")
        self._scope = _SCOPES.get(said.get("scope", "").lower(), "SUBTREE")

    async def lookup(self, key: str) -> Answer:
        """Search, in a thread."""
        if not self._attribute:
            return Answer(unavailable=f"{self._origin}: type=ldap without attrib=")
        try:
            values = await asyncio.to_thread(self._search, key)
        except ImportError:
            return Answer(unavailable=f"{self._origin}: type=ldap: {MISSING}")
        except (DirectoryError, UnreadableError) as error:
            return Answer(unavailable=str(error))
        return Answer(values, self._origin) if values else NOT_FOUND

    @property
    def version(self) -> object:
        """A new one each time."""
        return object()

    def entries(self) -> Iterator[tuple[str, Answer]]:
        """None that could be listed."""
        return iter(())

    def _search(self, key: str) -> tuple[str, ...]:
        question = Search(
            self._base, self._filter.replace("%s", escaped(key)), self._scope, (self._attribute,), most=MOST_VALUES
        )
        return tuple(self._values(search(self._server_as_asked(), question)))[:MOST_VALUES]

    def _server_as_asked(self) -> DirectoryServer:
        """Add the password, as it is now.  Raises UnreadableError."""
        if self._password_file is None:
            return self._server
        first, _, _ = read_whole(self._password_file, _MOST_PASSWORD_OCTETS).partition(b"\n")
        return replace(self._server, password=first.decode("utf-8", "replace").rstrip("\r"))

    def _values(self, found: Sequence[Mapping[str, Sequence[bytes]]]) -> Iterator[str]:
        for attributes in found:
            for raw in next(iter(attributes.values()), ()):
                text = raw.decode("utf-8", "replace")
                if 0 < len(text) <= MAX_LINE_OCTETS:
                    yield " ".join(text.split())


def _number(text: str, default: int, most: int) -> int:
    """Read a number of the tailor file; what is none, or out of bounds, is the default."""
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else 0
    return number if 0 < number <= most else default
