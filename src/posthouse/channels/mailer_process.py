"""The process of a mailer: whom it runs as, where, and what it finds in its environment.

Rights are dropped in the child, before the program begins; nothing of our own environment is passed on but TZ.
F=S keeps the rights that we have (or U= gives them), F=o takes those of the recipient; else they are the controlling
user's, or DefaultUser's.  Sendmail Installation and Operation Guide, section 5.4.
"""

import os
from collections.abc import Mapping, Sequence
from typing import Final

from posthouse.mail.envelope import MailerUser
from posthouse.programs.identity import Identity
from posthouse.site.cf.declared import MailerDeclaration

UMASK: Final = 0o022


def identity_of(mailer: MailerDeclaration, who: MailerUser, default: tuple[int, int]) -> Identity | None:
    """Say whom a mailer's program runs as for a recipient; ``default`` is DefaultUser.  None: as we do.

    Without root's rights nobody else can be chosen.
    """
    if os.geteuid() != 0:
        return None
    if mailer.uid >= 0:
        return Identity(mailer.uid, mailer.gid if mailer.gid >= 0 else mailer.uid)
    if mailer.has("o") or not mailer.has("S"):
        return Identity(who.uid, who.gid) if who.controller and who.uid else Identity(*default)
    return None


def clean_environment(declared: Mapping[str, str | None]) -> dict[str, str]:
    """Return AGENT, what the E lines say, and TZ; an E line without a value takes ours."""
    environment = {"AGENT": "sendmail"}
    for name, value in declared.items():
        found = os.environ.get(name) if value is None else value
        if found is not None:
            environment[name] = found
    if "TZ" in os.environ:
        environment.setdefault("TZ", os.environ["TZ"])
    return environment


def octet_words(arguments: Sequence[str], path: str) -> list[bytes]:
    """Return the words of a command line from octet text; never none, and without what no argument can hold."""
    words = [word.encode("iso8859-1", "replace").replace(b"\0", b"") for word in arguments]
    return words or [os.fsencode(path)]


def first_directory(directories: Sequence[str]) -> str:
    """Return the first of D= that can be entered."""
    return next((one for one in directories if one.startswith("/") and os.access(one, os.X_OK)), "/")
