"""The map class ldap: a search in a directory, whose attributes are the value.

    Kpeople ldap -k (&(objectClass=person)(mail=%0)) -v uid -h ldap.example -b ou=people,o=example

``%0`` or ``%s`` in the filter is the key, ``%1`` to ``%9`` are arguments, quoted as RFC 4515 wants it.  Several values
are joined by what ``-z`` says; without it the first one is the answer.  With ``-1`` more than one entry is none.
A directory that does not answer defers mail.  Sendmail Installation and Operation Guide, section 5.9.

Known limits: each question opens a connection of its own; of ``-M`` there are none and simple.
"""

from __future__ import annotations  # so that the ports are imported by the type checker alone

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from posthouse.adapters.ldap_directory import (
    HIGHEST_PORT,
    MISSING,
    MOST_ENTRIES,
    PORT,
    TLS_PORT,
    DirectoryError,
    DirectoryServer,
    Search,
    escaped,
    search,
)
from posthouse.adapters.map_flagged import NOT_FOUND
from posthouse.mail.errors import MalformedError
from posthouse.mail.lookup import MapAnswer, MapStatus
from posthouse.mail.map_arguments import MapArguments

MAX_VALUE_OCTETS: Final = 64 * 1024
MOST_SERVERS: Final = 10
_MOST_PASSWORD_OCTETS: Final = 1024
_MOST_SECONDS: Final = 60
_MOST_DIGITS: Final = 9
_USUAL_SECONDS: Final = 15
_PLACE: Final = re.compile(r"%([s0-9%])")
_URI: Final = re.compile(r"(ldaps?)://([^/:]*|\[[^\]]*\])(?::([0-9]+))?(?:/(.*))?", re.IGNORECASE)
_SCOPES: Final = {"base": "BASE", "one": "LEVEL", "sub": "SUBTREE", "": "SUBTREE"}
_ALIASES: Final = {"never": "NEVER", "always": "ALWAYS", "search": "SEARCH", "find": "FINDING_BASE", "": "NEVER"}


class Question(Struct, frozen=True):
    """What a K line asks.  ``separator``: what joins several values, None for the first one alone."""

    servers: tuple[DirectoryServer, ...]
    search: Search
    separator: str | None = None
    name_separator: str | None = None  # -V: each value is preceded by its attribute and this
    names_only: bool = False  # -n
    wants_one: bool = False  # -1
    password_file: str = ""


def read_question(flags: MapArguments) -> Question:
    """Return what the flags of a K line ask.  Raises MalformedError."""
    given = flags.others
    if not flags.key_column:
        raise MalformedError("no filter; write one such as -k (uid=%0)")
    attributes = tuple(word for word in flags.value_column.split(",") if word)
    if any(":" in word for word in attributes):
        raise MalformedError("-v with a colon: only plain attributes are asked for; write -v mail,uid")
    method = given.get("M", "").lower().removeprefix("ldap_auth_")
    if method not in ("", "none", "simple"):
        raise MalformedError(f"-M {given['M']}: there are -M none and -M simple")
    name = given.get("d", "") if method == "simple" else ""
    seconds = _number(given, "l", _USUAL_SECONDS, _MOST_SECONDS)
    server = DirectoryServer("", seconds=seconds, name=name, follows_referrals="R" not in given)
    return Question(
        servers=tuple(_servers(given, server)),
        search=Search(
            given.get("b", ""),
            flags.key_column,
            _choice(given, "s", _SCOPES),
            attributes or ("*",),
            _choice(given, "r", _ALIASES),
            _number(given, "Z", MOST_ENTRIES, MOST_ENTRIES),
        ),
        separator=flags.delimiter or None,
        name_separator=given.get("V"),
        names_only="n" in given,
        wants_one="1" in given,
        password_file=given.get("P", "") if name else "",
    )


def _servers(given: Mapping[str, str], usual: DirectoryServer) -> Iterator[DirectoryServer]:
    """Yield the servers, in the order in which they are asked."""
    for word in given.get("H", "").split()[:MOST_SERVERS]:
        found = _URI.fullmatch(word)
        if found is None:
            raise MalformedError(f"-H {word} is no place; write ldap://host:port or ldaps://host")
        uses_tls = found[1].lower() == "ldaps"
        port = _port(word, found[3]) if found[3] else TLS_PORT if uses_tls else PORT
        yield replace(usual, host=found[2] or "localhost", port=port, uses_tls=uses_tls)
    if "H" in given:
        return
    port = _number(given, "p", PORT, HIGHEST_PORT)
    for word in (given.get("h", "").split() or ["localhost"])[:MOST_SERVERS]:
        host, colon, own = word.rpartition(":")
        is_place = colon and own.isascii() and own.isdigit()
        yield replace(usual, host=host if is_place else word, port=_port(word, own) if is_place else port)


def _port(place: str, text: str) -> int:
    number = int(text) if len(text) < 6 else 0
    if not 0 < number <= HIGHEST_PORT:
        raise MalformedError(f"{place}: a port is a number from 1 to {HIGHEST_PORT}")
    return number


def _number(given: Mapping[str, str], flag: str, usual: int, most: int) -> int:
    text = given.get(flag, "")
    if not text:
        return usual
    if not text.isascii() or not text.isdigit() or len(text) > _MOST_DIGITS or not 0 < int(text) <= most:
        raise MalformedError(f"-{flag} {text}: a number from 1 to {most} is needed")
    return int(text)


def _choice(given: Mapping[str, str], flag: str, choices: Mapping[str, str]) -> str:
    found = choices.get(given.get(flag, "").lower())
    if found is None:
        raise MalformedError(f"-{flag} {given[flag]}: one of {', '.join(filter(None, choices))} is needed")
    return found


class LdapSource:
    """One K line."""

    kept_seconds = 1.0

    def __init__(self, question: Question) -> None:
        self._question = question

    async def find(self, key: str, arguments: Sequence[str]) -> MapAnswer:
        """Search, in a thread."""
        try:
            values = await asyncio.to_thread(self._search, key, arguments)
        except ImportError:
            return MapAnswer(MapStatus.TEMPORARY, reason=MISSING)
        except OSError as error:  # DirectoryError, and a password that cannot be read
            return MapAnswer(MapStatus.TEMPORARY, reason=str(error))
        if not values:
            return NOT_FOUND
        question = self._question
        text = values[0] if question.separator is None else question.separator.join(values)
        if len(text) > MAX_VALUE_OCTETS:
            return MapAnswer(MapStatus.TEMPORARY, reason=f"the value is longer than {MAX_VALUE_OCTETS} octets")
        return MapAnswer(MapStatus.FOUND, text)

    def _search(self, key: str, arguments: Sequence[str]) -> list[str]:
        question = replace(self._question.search, filter=_filled(self._question.search.filter, key, arguments))
        password = self._password()
        entries: Sequence[Mapping[str, Sequence[bytes]]] = ()
        for number, server in enumerate(self._question.servers, start=1):
            try:
                entries = search(replace(server, password=password), question)
                break
            except DirectoryError:
                if number == len(self._question.servers):
                    raise
        if self._question.wants_one and len(entries) > 1:
            return []
        return [value for entry in entries for value in self._values(entry)]

    def _values(self, entry: Mapping[str, Sequence[bytes]]) -> Iterator[str]:
        for name, values in entry.items():
            if self._question.names_only:
                yield name
                continue
            for value in values:
                text = value.decode("latin-1")
                if text and not set(text) & set("\0\r\n"):
                    separator = self._question.name_separator
                    yield text if separator is None else f"{name}{separator}{text}"

    def _password(self) -> str:
        """Return the first line of -P.  Raises OSError."""
        if not self._question.password_file:
            return ""
        with Path(self._question.password_file).open("rb") as file:
            return file.readline(_MOST_PASSWORD_OCTETS).decode("utf-8", "replace").strip("\r\n")


def _filled(template: str, key: str, arguments: Sequence[str]) -> str:
    def value(found: re.Match[str]) -> str:
        sign = found[1]
        if sign == "%":
            return "%"
        if sign in "s0":
            return escaped(_characters(key))
        number = int(sign)
        return escaped(_characters(arguments[number - 1])) if number <= len(arguments) else ""

    return _PLACE.sub(value, template)


def _characters(text: str) -> str:
    """Return octet text as what it says: a directory speaks UTF-8."""
    return text.encode("latin-1", "replace").decode("utf-8", "replace")
