"""Searches in an LDAP directory, RFC 4511, by the library ldap3 of the extra ``posthouse[ldap]``.

The library needs no C library, and blocks: who asks does it in a thread.

Known limits: each search opens a connection of its own.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

MOST_ENTRIES: Final = 1000
MISSING: Final = "the library ldap3 is not installed; install posthouse[ldap]"
PORT: Final = 389
TLS_PORT: Final = 636
HIGHEST_PORT: Final = 65535
_ANSWERS: Final = {0, 4, 32}  # RFC 4511 section 4.1.9: success, sizeLimitExceeded, noSuchObject; the rest is no answer


class DirectoryError(OSError):
    """A directory does not answer, or not a question like this.  Caught by the adapters that ask."""


class DirectoryServer(Struct, frozen=True):
    """Where a directory is, and as whom it is asked: ``name`` "" for nobody.  ``seconds`` bound each step."""

    host: str
    port: int = PORT
    seconds: int = 15
    uses_tls: bool = False
    name: str = ""
    password: str = ""
    follows_referrals: bool = True


class Search(Struct, frozen=True):
    """What is asked.  ``scope``: BASE, LEVEL or SUBTREE; ``aliases``: NEVER, SEARCH, FINDING_BASE or ALWAYS."""

    base: str
    filter: str
    scope: str = "SUBTREE"
    attributes: tuple[str, ...] = ("*",)
    aliases: str = "ALWAYS"
    most: int = MOST_ENTRIES


def escaped(key: str) -> str:
    """Return a key as it may stand in a filter, RFC 4515.  Raises ImportError without the library."""
    from ldap3.utils.conv import escape_filter_chars

    return str(escape_filter_chars(key))


def search(server: DirectoryServer, question: Search) -> list[Mapping[str, Sequence[bytes]]]:
    """Return the attributes of each entry that is found.  Raises DirectoryError, ImportError without the library."""
    import ldap3.core.exceptions

    try:
        return _search(server, question)
    except (ldap3.core.exceptions.LDAPException, OSError) as error:
        raise DirectoryError(f"{server.host}:{server.port}: {error}") from error


def _search(server: DirectoryServer, question: Search) -> list[Mapping[str, Sequence[bytes]]]:
    connection = _connection(server)
    try:
        if not connection.bind():
            raise ConnectionError(connection.result["description"])
        connection.search(
            question.base,
            question.filter,
            question.scope,
            dereference_aliases=question.aliases,
            attributes=list(question.attributes),
            size_limit=question.most,
            time_limit=server.seconds,
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
    return [entry["raw_attributes"] for entry in found[: question.most]]


def _connection(server: DirectoryServer) -> Any:  # ldap3 has no types
    import ldap3

    place = ldap3.Server(
        server.host, server.port, use_ssl=server.uses_tls, get_info=ldap3.NONE, connect_timeout=server.seconds
    )
    return ldap3.Connection(
        place,
        user=server.name or None,
        password=server.password or None,
        read_only=True,
        receive_timeout=server.seconds,
        raise_exceptions=False,
        auto_referrals=server.follows_referrals,
    )
