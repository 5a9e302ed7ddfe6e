"""Who may connect, how often, and who may relay.

The rule: every connection is counted in before its greeting and counted out exactly once.

Known limits: each worker counts for itself; the bound on all connections is divided among the
workers, the bound per client is not.
"""

from collections import Counter
from collections.abc import Sequence
from ipaddress import ip_address

from msgspec import Struct

from posthouse.mail.limits import Limits
from posthouse.mail.reply import Reply, reply
from posthouse.site.model import Network

# RFC 5321 section 3.8 allows 421 as the greeting of a server that will not serve.
TOO_MANY = reply(421, "4.3.2", "Too many connections, try again later")
TOO_MANY_OF_YOURS = reply(421, "4.7.0", "Too many connections from your address, try again later")


class Peer(Struct, frozen=True):
    """Who is at the other end, as the kernel says."""

    address: str = ""  # "" on a Unix socket
    port: int = 0
    user: str = ""  # the login name on a Unix socket
    is_local: bool = False

    def __str__(self) -> str:
        return f"unix:{self.user}" if self.is_local else self.address


class Admission:
    """Counts connections, in all and by client."""

    def __init__(self, limits: Limits, workers: int = 1) -> None:
        self._most = -(-limits.connections // max(workers, 1))
        self._most_per_client = limits.connections_per_client
        self._clients: Counter[str] = Counter()
        self._total = 0

    def enter(self, client: str) -> Reply | None:
        """Count a connection in; return the refusal when there are too many, and then it is not counted."""
        if self._total >= self._most:
            return TOO_MANY
        if self._clients.get(client, 0) >= self._most_per_client:
            return TOO_MANY_OF_YOURS
        self._clients[client] += 1
        self._total += 1
        return None

    def leave(self, client: str) -> None:
        """Count it out."""
        self._total -= 1
        self._clients[client] -= 1
        if not self._clients[client]:
            # A client that is gone leaves nothing behind: the table is bounded by the connections.
            del self._clients[client]

    @property
    def total(self) -> int:
        """How many are connected."""
        return self._total


def may_relay(peer: Peer, networks: Sequence[Network]) -> bool:
    """May this peer send to other people's domains?  A local user may; others by their network."""
    if peer.is_local:
        return True
    try:
        address = ip_address(peer.address.partition("%")[0])
    except ValueError:
        return False
    return any(address.version == network.version and address in network for network in networks)
