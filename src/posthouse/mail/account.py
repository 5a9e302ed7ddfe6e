"""An account: a login name, and who it is.  passwd(5)."""

from msgspec import Struct

from posthouse.mail.errors import PosthouseError


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
        """The name of the person: the first part of the gecos field, ``&`` being the login name with a capital."""
        name = self.gecos.split(",", 1)[0].split(";", 1)[0].split("%", 1)[0]
        return name.replace("&", self.login[:1].upper() + self.login[1:]).strip()
