"""Table, as a search in an LDAP directory (``type=ldap``), mmdf_ldap(5).

    MTBL people, type=ldap, server_host=ldap.example, search_base="ou=people,o=example",
        filter="(uid=%s)", attrib=mail

``%s`` in the filter stands for the key, quoted as RFC 4515 wants it; each value of the attribute is a value.  The
library is ldap3, of the extra ``posthouse[ldap]``: it needs no C library, and blocks, so that it is asked in a thread.

Known limits: each question opens a connection of its own, without a password.
"""

import asyncio
from collections.abc import Iterator
from typing import Any

from posthouse.mail.lookup import NOT_FOUND, Answer
from posthouse.site.tailor.entries import TailorTable
from posthouse.tables.syntax import MAX_LINE_OCTETS

MOST_VALUES = 1000
_MOST_SECONDS = 60
_PORT, _TLS_PORT = 389, 636
_ANSWERS = {0, 4, 32}  # RFC 4511 section 4.1.9: success, sizeLimitExceeded, noSuchObject; the rest is no answer
_SCOPES = {"base": "BASE", "one": "LEVEL", "sub": "SUBTREE"}


class LdapTable:
    """Port Table on one directory."""

    def __init__(self, table: TailorTable, seconds: float) -> None:
        self.name = table.name
        said = dict(table.parameters)
        self._origin = table.origin
        self._host = said.get("server_host") or "localhost"
        self._port = _number(said.get("server_port", ""), _PORT, 65535)
        self._seconds = _number(said.get("timeout", ""), int(seconds) or 1, _MOST_SECONDS)
        self._base = said.get("search_base", "")
        self._filter = said.get("filter") or "(uid=%s)"
        self._attribute = said.get("attrib", "")
        self._scope = _SCOPES.get(said.get("scope", "").lower(), "SUBTREE")

    async def lookup(self, key: str) -> Answer:
        """Search, in a thread."""
        if not self._attribute:
            return Answer(unavailable=f"{self._origin}: type=ldap without attrib=")
        try:
            import ldap3.core.exceptions
        except ImportError:
            return Answer(unavailable=f"{self._origin}: type=ldap needs the library ldap3; install posthouse[ldap]")
        try:
            values = await asyncio.to_thread(self._search, key)
        except (ldap3.core.exceptions.LDAPException, OSError) as error:
            return Answer(unavailable=f"{self._host}:{self._port}: {error}")
        return Answer(values, self._origin) if values else NOT_FOUND

    @property
    def version(self) -> object:
        """A new one each time."""
        return object()

    def entries(self) -> Iterator[tuple[str, Answer]]:
        """None that could be listed."""
        return iter(())

    def _search(self, key: str) -> tuple[str, ...]:
        from ldap3.utils.conv import escape_filter_chars

        connection = self._connection()
        try:
            if not connection.bind():
                raise ConnectionError(connection.result["description"])
            connection.search(
                self._base,
                self._filter.replace("%s", escape_filter_chars(key)),
                self._scope,
                attributes=[self._attribute],
                size_limit=MOST_VALUES,
                time_limit=self._seconds,
            )
            result = connection.result
            if result["result"] not in _ANSWERS:
                raise ConnectionError(f"{result['description']} {result['message']}".strip())
            found = [entry for entry in connection.response or () if entry.get("type") == "searchResEntry"]
        finally:
            if connection.bound:
                connection.unbind()
            elif connection.socket is not None:
                connection.socket.close()  # ldap3 leaves it open when nobody listens
        return tuple(self._values(found))[:MOST_VALUES]

    def _connection(self) -> Any:  # ldap3 has no types
        import ldap3

        server = ldap3.Server(
            self._host,
            self._port,
            use_ssl=self._port == _TLS_PORT,
            get_info=ldap3.NONE,
            connect_timeout=self._seconds,
        )
        return ldap3.Connection(server, read_only=True, receive_timeout=self._seconds, raise_exceptions=False)

    def _values(self, found: list[Any]) -> Iterator[str]:
        for entry in found:
            for raw in next(iter(entry["raw_attributes"].values()), ()):
                text = raw.decode("utf-8", "replace")
                if 0 < len(text) <= MAX_LINE_OCTETS:
                    yield " ".join(text.split())


def _number(text: str, default: int, most: int) -> int:
    """Read a number of the tailor file; what is none, or out of bounds, is the default."""
    return int(text) if text.isascii() and text.isdigit() and 0 < int(text[:6]) <= most else default
