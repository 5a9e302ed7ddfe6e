"""An account: a login name, and who it is.  passwd(5)."""

import re

from msgspec import Struct

from posthouse.mail.errors import PosthouseError

_ASIDE = re.compile(r"\([^)]*\)")


class LoginsError(PosthouseError):
    """Nobody can say whether an account exists.  Caught where accounts are asked for: what depends on it waits."""


class Account(Struct, frozen=True):
    """One line of passwd(5), without the password."""

    login: str
    uid: int
    gid: int
    gecos: str = ""
    home: str = ""
    shell: str = ""

    @property
    def full_name(self) -> str:
        """The name of the person: the first part of the gecos field, ``&`` being the login name with a capital.

        What stands in parentheses is left out.
        """
        name = _ASIDE.sub("", re.split("[,;%]", self.gecos.removeprefix("*"), maxsplit=1)[0])
        return " ".join(name.replace("&", self.login[:1].upper() + self.login[1:]).split())
