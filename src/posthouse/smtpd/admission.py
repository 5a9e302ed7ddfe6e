"""Who may connect, how often, and who may relay.

The rule: every connection is counted in before its greeting and counted out exactly once.
"""

from functools import lru_cache, partial
from ipaddress import ip_address

from msgspec import Struct

from posthouse.mail.limits import Limits
from posthouse.mail.reply import Reply, reply
from posthouse.site.model import Network
from posthouse.smtpd.board import Seat

# RFC 5321 section 3.8 allows 421 as the greeting of a server that will not serve.
TOO_MANY = reply(421, "4.3.2", "Too many connections, try again later")
TOO_MANY_OF_YOURS = reply(421, "4.7.0", "Too many connections from your address, try again later")

_OTHER_FILES = 200  # of the spool, the log and the tables, and large texts that are coming in


class Peer(Struct, frozen=True):
    """Who is at the other end, as the kernel says."""

    address: str = ""  # "" on a Unix socket
    port: int = 0
    user: str = ""  # the login name on a Unix socket
    is_local: bool = False

    def __str__(self) -> str:
        return f"unix:{self.user}" if self.is_local else self.address


class Admission:
    """Counts connections, in all and by client, together with the other workers."""

    def __init__(self, limits: Limits, seat: Seat, files: int | None = None) -> None:
        """``files`` is how many this process may have open; None: as many as it likes."""
        self._most = limits.connections
        # Beyond it the system would end connections without a word, and the spool could open no text.
        self._most_here = limits.connections if files is None else max(files - _OTHER_FILES, files // 2)
        self._most_per_client = limits.connections_per_client
        self._seat = seat
        seat.clear()

    def enter(self, client: str) -> Reply | None:
        """Count a connection in; return the refusal when there are too many, and then it is not counted."""
        if self._seat.total() >= self._most or self._seat.of_this_worker() >= self._most_here:
            return TOO_MANY
        if self._seat.of_client(client) >= self._most_per_client:
            return TOO_MANY_OF_YOURS
        self._seat.enter(client)
        return None

    def leave(self, client: str) -> None:
        """Count it out."""
        self._seat.leave(client)

    @property
    def total(self) -> int:
        """How many are connected, to all workers."""
        return self._seat.total()


class Relaying:
    """Who may send to other people's domains through one listener: local users, and clients of these networks."""

    def __init__(self, networks: tuple[Network, ...], listener: str = "") -> None:
        self.listener = listener  # its address, as the site declares it
        # One memory for each listener: to hash the networks takes longer than to compare with them.
        self._is_allowed = lru_cache(maxsize=4096)(partial(_is_among, networks=networks))

    def allows(self, peer: Peer) -> bool:
        """May this peer relay?"""
        return peer.is_local or self._is_allowed(peer.address)


def _is_among(address: str, networks: tuple[Network, ...]) -> bool:
    try:
        number = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    return any(number.version == network.version and number in network for network in networks)
