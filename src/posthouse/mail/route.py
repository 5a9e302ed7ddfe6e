"""Where one recipient goes: the one result of every way of routing."""

from msgspec import Struct

from posthouse.mail.address import Address


class Route(Struct, frozen=True):
    """MMDF's (channel, host, address) and sendmail's (mailer, host, user): the same triple.

    ``host`` is the host on the channel: a mail domain whose MX hosts are asked, a
    relay host in square brackets or with ``:port`` (no MX look-up), or "" where the channel has
    no hosts (local, program).
    """

    channel: str
    host: str
    address: Address
