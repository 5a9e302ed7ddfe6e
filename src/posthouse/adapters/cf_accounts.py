"""Accounts that a sendmail.cf names, as numbers of this machine."""

from __future__ import annotations  # so that the ports are imported by the type checker alone

import grp
import pwd
from pathlib import Path
from typing import TYPE_CHECKING, Final

from posthouse.adapters.logins_passwd import open_logins
from posthouse.site.cf.declared import CfConfiguration

if TYPE_CHECKING:
    from posthouse.ports import Clock, Logins

NOBODY: Final = 65534


def default_identity(configuration: CfConfiguration) -> tuple[int, int]:
    """Return DefaultUser as uid and gid: a name or a number, alone or with a group behind a colon or a dot.

    What this machine does not know is nobody: no program gets more rights for a name that is spelt wrongly.
    """
    user, _, group = configuration.text("DefaultUser").replace(".", ":", 1).partition(":")
    try:
        uid = int(user) if user.isdigit() else pwd.getpwnam(user).pw_uid
        if group:
            return uid, int(group) if group.isdigit() else grp.getgrnam(group).gr_gid
        return uid, pwd.getpwuid(uid).pw_gid
    except (KeyError, ValueError):
        return NOBODY, NOBODY


def logins_of(configuration: CfConfiguration, clock: Clock, given: Path | None = None) -> Logins:
    """Return who has mail here: the passwd(5) file that is given, or that MailboxDatabase names, or the machine."""
    return open_logins(given or configuration.passwd_file, clock)
