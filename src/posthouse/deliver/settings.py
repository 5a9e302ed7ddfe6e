"""The site's values that the way out needs, in one frozen value."""

from collections.abc import Mapping
from datetime import timedelta

from msgspec import Struct, field

from posthouse.mail.limits import Concurrency, RetryPolicy


class ChannelLimits(Struct, frozen=True):
    """What one channel bears, whatever the site allows in all."""

    concurrency: int = 20  # attempts at once to one host
    recipients_per_attempt: int = 50


class Settings(Struct, frozen=True):
    """What wiring takes from the Site.

    ``owner`` names this process's leases: a draining generation and its
    successor need different ones.  ``gone`` are owners known to have died.
    """

    name: str  # this host, as reports name it
    owner: str
    gone: tuple[str, ...] = ()
    postmaster: str = "postmaster"
    default_domain: str = ""  # what completes a postmaster without a domain; "" = name
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    concurrency: Concurrency = field(default_factory=Concurrency)
    channels: Mapping[str, ChannelLimits] = field(default_factory=dict)
    lease: timedelta = timedelta(minutes=10)
    drain: timedelta = timedelta(seconds=30)
    # A failure report brings the whole message back up to the first limit when the sender asked
    # for it (RET=FULL), up to the second when nothing was asked; beyond, its header.
    returned_octets: int = 1024 * 1024
    unasked_octets: int = 64 * 1024
    header_octets: int = 64 * 1024

    def __post_init__(self) -> None:
        if not self.name or not self.owner:
            raise ValueError("deliver needs the host's name and an owner for its leases")

    @property
    def postmaster_address(self) -> str:
        """The postmaster with a domain."""
        if "@" in self.postmaster:
            return self.postmaster
        return f"{self.postmaster}@{self.default_domain or self.name}"

    def limits_of(self, channel: str) -> ChannelLimits:
        """Return a channel's limits; channels of our own (reports) have the default ones."""
        return self.channels.get(channel, ChannelLimits())
