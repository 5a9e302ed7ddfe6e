"""Table of login names: the machine's accounts, or those of a passwd(5) file.  The value is the home directory.

The machine is asked through its name service each time, so that accounts from a directory count
too; it is never listed to answer a look-up.
"""

from __future__ import annotations  # so that the ports are imported by the type checker alone

import pwd
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from posthouse.adapters.table_watch import FileWatch
from posthouse.mail.lookup import NOT_FOUND, Answer, Origin
from posthouse.mail.problem import Problem
from posthouse.site.model import LOGIN_NAMES
from posthouse.tables.syntax import fold_key

if TYPE_CHECKING:
    from posthouse.adapters.table_file import FileTable
    from posthouse.ports import Clock

MACHINE = Path("/etc/passwd")


def login_table(passwd: Path | None, clock: Clock) -> MachineLoginTable | FileTable:
    """Return the accounts of a passwd(5) file, or the machine's."""
    if passwd is None:
        return MachineLoginTable(clock)
    from posthouse.adapters.table_file import FileTable
    from posthouse.tables.passwd import passwd_entries

    return FileTable(LOGIN_NAMES, passwd, clock, passwd_entries)


class MachineLoginTable:
    """Port Table on the machine's accounts.

    Known limits: accounts that come and go in a directory service do not change ``version``; a name
    service that waits for the network makes the look-up wait.
    """

    def __init__(self, clock: Clock, name: str = LOGIN_NAMES) -> None:
        self.name = name
        self._watch = FileWatch(MACHINE, clock)
        self._origin = Origin(str(MACHINE))

    async def lookup(self, key: str) -> Answer:
        """Ask for the name as it is, then in lower case."""
        for login in dict.fromkeys((key, fold_key(key))):
            try:
                return Answer((pwd.getpwnam(login).pw_dir,), self._origin)
            except (KeyError, ValueError):  # ValueError: a NUL, or what the locale can't say; no such name then
                continue
            except OSError as error:
                return Answer(unavailable=f"cannot look up login names: {error.strerror or error}")
        return NOT_FOUND

    @property
    def version(self) -> object:
        """The state of the machine's own file."""
        self._watch.has_changed()
        return self._watch.stamp

    def entries(self) -> Iterator[tuple[str, Answer]]:
        """Every account that the machine lists."""
        for account in pwd.getpwall():
            yield account.pw_name, Answer((account.pw_dir,), self._origin)

    def problems(self) -> tuple[Problem, ...]:
        """None that this table would know of."""
        return ()
