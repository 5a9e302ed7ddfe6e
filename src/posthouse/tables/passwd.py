"""Accounts as passwd(5) has them: one line each, seven fields between colons."""

from collections.abc import Iterable, Iterator
from typing import Final

from posthouse.mail.account import Account
from posthouse.mail.lookup import Origin
from posthouse.mail.problem import Problem
from posthouse.tables.syntax import Entry, fold_key

MAX_ID = 2**32 - 2  # the last one means "no change" to chown(2)
_NO_ACCOUNTS: Final = ("#", "+", "-")  # comments, and where a name service of old came in
_FIELDS: Final = 7


def parse_passwd(lines: Iterable[str]) -> Iterator[Account]:
    """Read accounts; lines that are none are skipped, as the C library does."""
    for line in lines:
        found = _account(line.rstrip("\r\n"))
        if isinstance(found, Account):
            yield found


def passwd_entries(lines: Iterable[bytes], file: str) -> Iterator[Entry | Problem]:
    """Read a file of accounts as a table: the key is the login name, the value the home.

    Of two accounts with one name the first counts, here as for the C library.
    """
    seen: dict[str, int] = {}
    for number, octets in enumerate(lines, start=1):
        line = octets.decode("utf-8", "surrogateescape").rstrip("\r\n")
        if not line.strip() or line.startswith(_NO_ACCOUNTS):
            continue
        origin = Origin(file, number, 1)
        found = _account(line)
        if isinstance(found, str):
            yield Problem(origin, found, "login:x:uid:gid:name:home:shell")
            continue
        key = fold_key(found.login)
        if key in seen:
            yield Problem(origin, f"the login name {found.login} is in line {seen[key]} already", "keep one of them")
            continue
        seen[key] = number
        yield Entry(key, found.home, number)


def shells_in(text: str) -> frozenset[str]:
    """Return the shells that a shells(5) file lists."""
    words = (line.partition("#")[0].split() for line in text.split("\n"))
    return frozenset(line[0] for line in words if line and line[0].startswith("/"))


def _account(line: str) -> Account | str:
    """Return the account of a line, or what is wrong with it."""
    fields = line.split(":")
    if len(fields) != _FIELDS:
        return f"an account has {_FIELDS} fields with colons between them, and this line has {len(fields)}"
    login, _, uid, gid, gecos, home, shell = fields
    if not login or login.startswith(_NO_ACCOUNTS):
        return "the account has no login name"
    if not (_is_id(uid) and _is_id(gid)):
        return f"the account {login} has no numbers of user and group"
    return Account(login, int(uid), int(gid), gecos, home, shell)


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 11 and int(text) <= MAX_ID
