"""Logins, from the machine or from a passwd(5) file of one's own (``--users``), and shells(5).

A name of digits alone is no login name: it would be taken for a number.
"""

from __future__ import annotations  # so that the ports are imported by the type checker alone

import pwd
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from posthouse.adapters.table_watch import FileWatch, UnreadableError
from posthouse.mail.account import Account, LoginsError
from posthouse.tables.passwd import parse_passwd, shells_in

if TYPE_CHECKING:
    from posthouse.ports import Clock, Logins

MAX_OCTETS: Final = 64 * 1024 * 1024
SHELLS_FILE: Final = Path("/etc/shells")
# getusershell(3): what counts when there is no shells(5) file.
_SHELLS_OTHERWISE: Final = frozenset({"/bin/sh", "/bin/csh"})
_ANY_SHELL: Final = "/SENDMAIL/ANY/SHELL/"  # in shells(5): every shell is as good as a listed one


class Shells:
    """The shells(5) file, read again when it changes."""

    def __init__(self, clock: Clock, path: Path = SHELLS_FILE) -> None:
        self._watch = FileWatch(path, clock)
        self._listed = _SHELLS_OTHERWISE

    def is_listed(self, shell: str) -> bool:
        """Say whether a shell is listed; "" is what the machine takes for /bin/sh."""
        if self._watch.has_changed():
            try:
                self._listed = shells_in(self._watch.read(MAX_OCTETS).decode("utf-8", "replace"))
            except UnreadableError:
                self._listed = _SHELLS_OTHERWISE
        return not shell or shell in self._listed or _ANY_SHELL in self._listed


def open_logins(passwd: Path | None, clock: Clock) -> Logins:
    """Return the accounts of a passwd(5) file, or the machine's."""
    return MachineLogins(clock) if passwd is None else FileLogins(passwd, clock)


class MachineLogins:
    """Port Logins on the machine's name service.

    Known limits: a name service that waits for the network makes the process wait.
    """

    def __init__(self, clock: Clock, shells_file: Path = SHELLS_FILE) -> None:
        self._shells = Shells(clock, shells_file)

    def find(self, login: str) -> Account | None:
        """Ask for the name as it is, then in lower case."""
        return _first(login, lambda name: _asked(lambda: pwd.getpwnam(name)))

    def by_uid(self, uid: int) -> Account | None:
        """Ask for a number."""
        return _asked(lambda: pwd.getpwuid(uid))

    def accounts(self) -> Iterator[Account]:
        """List what the machine lists."""
        try:
            entries = pwd.getpwall()
        except OSError as error:
            raise LoginsError(f"cannot list accounts: {error.strerror or error}") from error
        yield from map(_account, entries)

    def shell_is_listed(self, shell: str) -> bool:
        """Look into shells(5)."""
        return self._shells.is_listed(shell)


class FileLogins:
    """Port Logins on a passwd(5) file, read again when it changes.  A file that cannot be read says nothing at all."""

    def __init__(self, path: Path, clock: Clock, shells_file: Path = SHELLS_FILE) -> None:
        self._watch = FileWatch(path, clock)
        self._shells = Shells(clock, shells_file)
        self._by_login: dict[str, Account] = {}
        self._by_uid: dict[int, Account] = {}
        self._trouble = ""

    def find(self, login: str) -> Account | None:
        """Look for the name as it is, then in lower case."""
        self._refresh()
        return _first(login, self._by_login.get)

    def by_uid(self, uid: int) -> Account | None:
        """Look for the first account with a number."""
        self._refresh()
        return self._by_uid.get(uid)

    def accounts(self) -> Iterator[Account]:
        """Every account, in the order of the file."""
        self._refresh()
        yield from self._by_login.values()

    def shell_is_listed(self, shell: str) -> bool:
        """Look into shells(5)."""
        return self._shells.is_listed(shell)

    def _refresh(self) -> None:
        if self._watch.has_changed():
            self._by_login, self._by_uid, self._trouble = {}, {}, ""
            try:
                lines = self._watch.read(MAX_OCTETS).decode("utf-8", "surrogateescape").split("\n")
            except UnreadableError as error:
                self._trouble = str(error)
                lines = []
            for account in parse_passwd(lines):
                self._by_login.setdefault(account.login, account)
                self._by_uid.setdefault(account.uid, account)
        if self._trouble:
            raise LoginsError(self._trouble)


def _first(login: str, ask: Callable[[str], Account | None]) -> Account | None:
    if login.isdigit():
        return None
    for name in dict.fromkeys((login, login.lower())):
        account = ask(name)
        if account is not None:
            return account
    return None


def _asked(ask: Callable[[], pwd.struct_passwd]) -> Account | None:
    try:
        return _account(ask())
    except (KeyError, ValueError, OverflowError):  # ValueError: a NUL, or what the locale can't say; no such name then
        return None
    except OSError as error:
        raise LoginsError(f"cannot look up accounts: {error.strerror or error}") from error


def _account(entry: pwd.struct_passwd) -> Account:
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, entry.pw_gecos, entry.pw_dir, entry.pw_shell)
