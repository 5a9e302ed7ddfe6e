"""Accounts that a sendmail.cf names, as numbers of this machine."""

import grp
import pwd
from typing import Final

from posthouse.site.cf.declared import CfConfiguration

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
