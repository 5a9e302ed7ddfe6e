"""Table of login names: the machine's accounts, or those of a passwd(5) file.  The value is the home directory.

The machine is asked through its name service each time, so that accounts from a directory count
too; it is never listed to answer a look-up.
"""

from __future__ import annotations  # so that the ports are imported by the type checker alone

import pwd
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from posthouse.adapters.table_watch import FileWatch, UnreadableError
from posthouse.mail.lookup import NOT_FOUND, Answer, Origin
from posthouse.mail.problem import Problem
from posthouse.tables.syntax import fold_key

if TYPE_CHECKING:
    from posthouse.ports import Clock

MAX_OCTETS = 16 * 1024 * 1024
MACHINE = Path("/etc/passwd")
LOGIN_NAMES = "login-names"


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


class PasswdFileTable:
    """Port Table on a file in the form of passwd(5)."""

    def __init__(self, path: Path, clock: Clock, name: str = LOGIN_NAMES) -> None:
        self.name = name
        self._watch = FileWatch(path, clock)
        self._homes: dict[str, tuple[int, str]] = {}  # login name: line, home directory
        self._problems: tuple[Problem, ...] = ()
        self._unavailable = ""

    async def lookup(self, key: str) -> Answer:
        """Answer from memory."""
        self._refresh()
        if self._unavailable:
            return Answer(unavailable=self._unavailable)
        known = self._homes.get(fold_key(key))
        return self._answer(*known) if known else NOT_FOUND

    @property
    def version(self) -> object:
        """The file's state."""
        self._refresh()
        return self._watch.stamp

    def entries(self) -> Iterator[tuple[str, Answer]]:
        """Every account, in the order of the file."""
        self._refresh()
        for login, known in list(self._homes.items()):
            yield login, self._answer(*known)

    def problems(self) -> tuple[Problem, ...]:
        """What is wrong with the file now."""
        self._refresh()
        return self._problems

    def _answer(self, line: int, home: str) -> Answer:
        return Answer((home,), Origin(str(self._watch.path), line))

    def _refresh(self) -> None:
        if not self._watch.has_changed():
            return
        self._homes, self._problems, self._unavailable = {}, (), ""
        file = str(self._watch.path)
        try:
            content = self._watch.read(MAX_OCTETS)
        except UnreadableError as error:
            self._unavailable = str(error)
            self._problems = (Problem(Origin(file), str(error), "a passwd(5) file that can be read"),)
            return
        problems = []
        for number, line in enumerate(content.decode("utf-8", "replace").split("\n"), start=1):
            fields = line.split(":")
            if not line.strip() or line.startswith("#"):
                continue
            if len(fields) == 7 and fields[0]:
                self._homes.setdefault(fold_key(fields[0]), (number, fields[5]))
            else:
                problems.append(Problem(Origin(file, number, 1), "not a line of passwd(5)", "seven fields with colons"))
        self._problems = tuple(problems[:100])
