"""The map class user: accounts.  ``-v`` names the field that is the value, the login name unless it says otherwise."""

from __future__ import annotations  # so that the ports are imported by the type checker alone

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from posthouse.adapters.map_flagged import NOT_FOUND
from posthouse.mail.account import Account, LoginsError
from posthouse.mail.lookup import MapAnswer, MapStatus

if TYPE_CHECKING:
    from posthouse.ports import Logins

FIELDS: Final[Mapping[str, Callable[[Account], str]]] = {
    "name": lambda account: account.login,
    "passwd": lambda account: "x",  # noqa: ARG005 - nobody is told
    "uid": lambda account: str(account.uid),
    "gid": lambda account: str(account.gid),
    "gecos": lambda account: account.full_name,
    "dir": lambda account: account.home,
    "shell": lambda account: account.shell,
}


def field_name(text: str) -> str | None:
    """Return the field that ``-v`` names; None when there is no such field."""
    if not text:
        return "name"
    return text.lower() if text.lower() in FIELDS else None


class UserSource:
    """One field of the accounts."""

    kept_seconds = 1.0

    def __init__(self, logins: Logins, field: str) -> None:
        self._logins = logins
        self._field = FIELDS[field]

    async def find(self, key: str, arguments: Sequence[str]) -> MapAnswer:  # noqa: ARG002 - the port's
        """Find an account, by its name as it is or in lower case."""
        try:
            account = self._logins.find(key)
        except LoginsError as error:
            return MapAnswer(MapStatus.TEMPORARY, reason=str(error))
        return NOT_FOUND if account is None else MapAnswer(MapStatus.FOUND, self._field(account))
