"""``checkup``: look an MMDF site over.

``-p`` shows problems only.  ``-v1`` to ``-v7`` show nothing and ``-v8`` what -p shows, as they always have.  The exit
code is 0 whatever is found; scripts ask ``posthouse check``.
"""

import grp
import os
import pwd
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from posthouse.cli.errors import CommandError
from posthouse.cli.mmdf.programs import choose_tailor_file, split_options
from posthouse.cli.mmdf.tables import is_alias, table_reader
from posthouse.site.tailor.checkup import PathStatus, check_up, write_list
from posthouse.site.tailor.mistakes import find_mistakes
from posthouse.site.tailor.model import TailorConfiguration

USAGE: Final = "usage: checkup [-p] [-v[1-8]] [-t tailorfile]"
_LEVELS: Final = tuple("12345678")


def run(arguments: Sequence[str]) -> int:
    """Look over; return the exit code."""
    from posthouse.site.tailor.reader import read_tailor_file

    # The level touches its letter, and may be missing.
    levels = [argument[2:] for argument in arguments if argument.startswith("-v")]
    options, rest = split_options([each for each in arguments if not each.startswith("-v")], "p", "t", USAGE)
    if rest or any(level and level not in _LEVELS for level in levels):
        raise CommandError(USAGE, os.EX_USAGE)
    configuration = read_tailor_file(choose_tailor_file(options.get("t")))
    mistakes = find_mistakes(configuration, table_reader(configuration))
    items = check_up(configuration, mistakes, _Machine(configuration))
    level = levels[-1] if levels else ""
    if level and level != "8":
        print()
    else:
        print("\n".join(write_list(items, only_problems="p" in options or level == "8")))
    return os.EX_OK


class _Machine:
    """The Ground of a checkup: this machine."""

    def __init__(self, configuration: TailorConfiguration) -> None:
        self._configuration = configuration

    def status(self, path: Path) -> PathStatus:
        try:
            found = path.stat()
        except (OSError, ValueError) as error:
            return PathStatus(getattr(error, "strerror", None) or str(error))
        return PathStatus(
            mode=stat.S_IMODE(found.st_mode), is_folder=stat.S_ISDIR(found.st_mode), modified=found.st_mtime
        )

    def account(self, login: str) -> tuple[int, int] | None:
        try:
            found = pwd.getpwnam(login)
        except (KeyError, ValueError):
            return None
        return found.pw_uid, found.pw_gid

    def group(self, name: str) -> int | None:
        try:
            return grp.getgrnam(name).gr_gid
        except (KeyError, ValueError):
            return None

    def is_alias(self, name: str) -> bool:
        return is_alias(self._configuration, name)
