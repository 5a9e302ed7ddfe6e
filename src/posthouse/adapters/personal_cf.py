"""Reads ``.mailcf`` in the home of whoever hands a message in.

The rule: it counts only when nobody but its owner can have written it, and it is never waited for.
"""

import errno
import os
import stat
from pathlib import Path

from posthouse.mail.account import Account
from posthouse.mail.lookup import Origin
from posthouse.mail.problem import Problem
from posthouse.site.cf.declared import CfConfiguration
from posthouse.site.cf.personal import MOST_OCTETS, with_personal

NAME = ".mailcf"


def read_personal(configuration: CfConfiguration, user: Account) -> tuple[CfConfiguration, list[Problem]]:
    """Return the configuration with the user's own lines, and why lines, or the whole file, are ignored."""
    path = Path(user.home) / NAME
    if not path.is_absolute():
        return configuration, []
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR):
            return configuration, []
        return configuration, [_ignored(path, f"it can't be read: {error.strerror}", "let it be a file of your own")]
    with os.fdopen(descriptor, "rb") as file:
        wrong = _doubt(os.fstat(descriptor), user.uid)
        if wrong is not None:
            return configuration, [_ignored(path, *wrong)]
        return with_personal(configuration, str(path), file.read(MOST_OCTETS))


def _doubt(status: os.stat_result, owner: int) -> tuple[str, str] | None:
    """Return why a file is not believed, and what would be right; None when it is."""
    if not stat.S_ISREG(status.st_mode):
        return "it is no plain file", "write a file"
    if status.st_uid != owner:
        return "it belongs to somebody else", "let it belong to you"
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return "others may write it", "chmod go-w"
    if status.st_size > MOST_OCTETS:
        return f"it is larger than {MOST_OCTETS} octets", "take something out"
    return None


def _ignored(path: Path, wrong: str, right: str) -> Problem:
    return Problem(Origin(str(path)), f"{wrong}: it is ignored", right)
