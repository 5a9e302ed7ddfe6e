"""What a configuration takes from the machine it is read on, as values the caller brings.

Reading asks no network and no interface itself, so that a test, a check for another machine
and a cache all know what went in.
"""

import os
import stat
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from msgspec import Struct

from posthouse.mail.lookup import MapAnswer

SENDMAIL_VERSION: Final = "8.17.1.9"  # whose language this is; the macro $v


class Machine(Struct, frozen=True):
    """The names of this machine.

    ``full_name`` is the canonical name (the host name itself when nobody knows better), ``other_names`` the rest of
    its line in the hosts file, ``addresses`` are texts without brackets.  ``interfaces`` are the names and addresses
    of network interfaces, which count unless DontProbeInterfaces says otherwise.
    """

    host_name: str
    full_name: str = ""
    other_names: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    interfaces: tuple[str, ...] = ()
    loopback: tuple[str, ...] = ()

    @property
    def official_name(self) -> str:
        """``$w`` before level 5, and ``$j`` where the file does not set it."""
        return self.full_name or self.host_name

    @property
    def domain(self) -> str:
        """``$m``: the official name without its first label; "" when it has one only."""
        return self.official_name.partition(".")[2]

    def own_names(self) -> tuple[str, ...]:
        """Return what ``$=w`` holds before the file is read."""
        literals = (f"[{address}]" for address in self.addresses)
        return (self.official_name, *self.other_names, *literals)


def machine_of(host_name: str, hosts: Sequence[tuple[str, Sequence[str]]]) -> Machine:
    """Return what a hosts file says of this host: address and names of each line, in order.

    The official name is the first one with a dot of the first line that names the host.
    """
    wanted = host_name.lower()
    for address, names in hosts:
        if wanted in (name.lower() for name in names):
            full = next((name for name in names if "." in name), names[0])
            others = tuple(name for name in names if name != full)
            return Machine(host_name, full, others, (address,))
    return Machine(host_name)


def parse_hosts(text: str) -> list[tuple[str, list[str]]]:
    """Return the lines of a hosts file, hosts(5): address and names."""
    lines = (line.partition("#")[0].split() for line in text.split("\n"))
    return [(words[0], words[1:]) for words in lines if len(words) > 1]


def read_plain_file(path: str, most: int) -> bytes:
    """Return the octets of a plain file, one more than ``most`` at the longest.  Raises OSError, ValueError."""
    with open(path, "rb", opener=_open_without_waiting) as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise OSError(0, "not a plain file", path)
        return stream.read(most + 1)


def _open_without_waiting(path: str, flags: int) -> int:
    # A pipe to which nobody writes must not hold up a start for ever.
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)


class Surroundings(Struct, frozen=True):
    """How a reader reaches the world: files, programs, maps and accounts.

    ``read(path, most)`` returns at most one octet more than ``most`` and raises OSError or ValueError; ``run(argv)``
    returns what a program writes, bounded in time and size, and raises OSError; ``look_up(kind, arguments, key)``
    asks a map; ``account(name)`` returns uid and gid of a login name, ``group(name)`` a gid.  ``macros`` are defined
    before the file is read: ``opMode`` and what the command line gives.
    """

    machine: Machine
    read: Callable[[str, int], bytes] = read_plain_file
    run: Callable[[Sequence[str]], bytes] | None = None
    look_up: Callable[[str, str, str], MapAnswer] | None = None
    account: Callable[[str], tuple[int, int] | None] | None = None
    group: Callable[[str], int | None] | None = None
    macros: Mapping[str, str] = {}
