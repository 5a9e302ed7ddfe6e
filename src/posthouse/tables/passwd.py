"""Accounts as passwd(5) has them: one line each, seven fields between colons."""

from collections.abc import Iterable, Iterator

from posthouse.mail.account import Account

MAX_ID = 2**32 - 2  # the last one means "no change" to chown(2)


def parse_passwd(lines: Iterable[str]) -> Iterator[Account]:
    """Read accounts; lines that are none are skipped, as the C library does."""
    for line in lines:
        fields = line.rstrip("\r\n").split(":")
        if len(fields) != 7 or not fields[0] or fields[0][0] in "#+-":
            continue
        login, _, uid, gid, gecos, home, shell = fields
        if _is_id(uid) and _is_id(gid):
            yield Account(login, int(uid), int(gid), gecos, home, shell)


def shells_in(text: str) -> frozenset[str]:
    """Return the shells that a shells(5) file lists."""
    words = (line.partition("#")[0].split() for line in text.split("\n"))
    return frozenset(line[0] for line in words if line and line[0].startswith("/"))


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 11 and int(text) <= MAX_ID
