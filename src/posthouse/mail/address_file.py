"""What a ``.forward`` or ``:include:`` file held: addresses, and for whom programs among them would run."""

from msgspec import Struct


class AddressFile(Struct, frozen=True):
    """One file, read; or ``error`` says why not, in the words of the system ("No such file or directory").

    ``lines`` are numbered from 1; each is a list of addresses as written, octet text, without comments.
    """

    path: str
    lines: tuple[tuple[int, str], ...] = ()
    uid: int = -1  # of its owner, as group and name
    gid: int = -1
    owner: str = ""  # "" when no account has that number
    is_safe: bool = True  # nobody but its owner can write it: programs and files may be named in it
    error: str = ""
    is_temporary: bool = False  # the error may go away: whatever needs the file waits
