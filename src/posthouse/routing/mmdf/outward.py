"""From the hops of an address to the channel that takes it away."""

from msgspec import Struct

from posthouse.mail.lookup import Decision
from posthouse.rewriting.mmdf.text import as_822
from posthouse.routing.mmdf.authorization import Authorization
from posthouse.routing.mmdf.channels import find_channel, in_form, is_reached, written_for
from posthouse.routing.mmdf.compiled import BAD_HOSTS, MmdfRouting, Steps
from posthouse.routing.mmdf.domains import FoundDomain, find_domain
from posthouse.routing.mmdf.envelope import Envelope
from posthouse.routing.mmdf.verdict import Code
from posthouse.site.tailor.entries import TailorChannel


class Hops(Struct):
    """What is left of an address while its hops are taken off one by one."""

    route: list[str]
    domain: str

    def take(self) -> str:
        """Take the next hop off; "" when there is none."""
        if self.route:
            return self.route.pop(0)
        taken, self.domain = self.domain, ""
        return taken

    def put(self, hop: str) -> None:
        """Put a hop in front."""
        if self.domain:
            self.route.insert(0, hop)
        else:
            self.domain = hop


class Target(Struct, frozen=True):
    """A channel, the host on it, and the domain that goes back in front of the address."""

    channel: TailorChannel
    host: str
    domain: str


class Outward:
    """What leads away from this machine."""

    def __init__(self, routing: MmdfRouting, authorization: Authorization, envelope: Envelope) -> None:
        self._routing = routing
        self._authorization = authorization
        self._envelope = envelope

    def is_on(self, channel: TailorChannel, host: str) -> Steps[bool]:
        at = self._routing.position(channel)
        return (yield from is_reached(channel, host, is_nameserver=self._routing.channels[at][1]))

    def named_channel(self, hop: str) -> TailorChannel | None:
        """An explicit channel: ``name#``; classic MMDF took the bare name, too."""
        before, sharp, _ = hop.rpartition("#")
        if sharp:
            return self._routing.channel(before)
        return None if self._routing.is_snapshot else self._routing.channel(hop)

    def unknown_host(self, hop: str, local: str, hops: Hops) -> Steps[Code]:
        channel = self._routing.channel(BAD_HOSTS)
        if channel is None:
            yield Decision(f"{hop} is in no domain table")
            return Code.BHST
        yield Decision(f"{hop} is in no domain table: channel {channel.name} takes it", channel.origin)
        return (yield from self.store(Target(channel, channel.host, hop), local, hops))

    def on_explicit(self, channel: TailorChannel, found: FoundDomain, local: str, hops: Hops) -> Steps[Code]:
        if len(found.hosts) != 1 or not (yield from self.is_on(channel, found.next_host)):
            yield Decision(f"{found.official} is not on channel {channel.name}", channel.origin)
            return Code.BHST
        return (yield from self.store(Target(channel, found.next_host, found.official), local, hops))

    def next_hop(self, found: FoundDomain, hops: Hops) -> Steps[Target | Code | None]:
        """Look for the channel of a domain's host.  None: there is another hop to be looked at first."""
        for hop in found.hosts[:-1]:
            hops.put(hop)
        host = found.next_host
        hit = yield from find_channel(self._routing, host)
        if hit is None:
            if (yield from find_domain(self._routing, host)) is None:
                yield Decision(f"{host} is on no channel and in no domain table")
                return Code.BHST
            hops.route.insert(0, host)
            return None
        if hit[1] is not self._routing.local_channel:
            return Target(hit[1], host, host if len(found.hosts) > 1 else found.official)
        if len(found.hosts) > 1 and found.hosts[-2].lower() == found.official.lower():
            return (yield from self._our_subdomain(found, hops))
        yield Decision(f"{host} is this machine")
        return None

    def _our_subdomain(self, found: FoundDomain, hops: Hops) -> Steps[Target | Code]:
        """A name below our own is only good if it is a host on a channel itself; this finds mistyped ones."""
        subdomain = found.hosts[-2]
        hit = yield from find_channel(self._routing, subdomain)
        if hit is None or hit[1] is self._routing.local_channel:
            yield Decision(f"{subdomain} is an unknown subdomain of this machine")
            return Code.BHST
        if hops.route:
            hops.route.pop(0)
        else:
            hops.domain = ""
        return Target(hit[1], subdomain, subdomain)

    def store(self, target: Target, local: str, hops: Hops) -> Steps[Code]:
        """Queue an address, on the first channel with the host that may take it."""
        hops.put(target.domain)
        channel: TailorChannel | None = target.channel
        if self._routing.asks_authorization:
            self._authorization.begin(as_822(local, hops.domain, hops.route))
            channel = yield from self._allowed_channel(target)
        if channel is None:
            yield from self._authorization.refuse()
            return Code.NAUTH
        style, route, domain = channel.ap, hops.route, hops.domain
        if style.rejsrcrt and route:
            yield Decision(f"channel {channel.name} refuses routes", channel.origin)
            return Code.BHST
        if style.big or style.nodots or style.nosrcrt:
            address = yield from written_for(self._routing, channel, local, domain, route)
        else:
            address = in_form(channel, local, domain, route)
        self._envelope.queue(channel, target.host, address)
        return Code.AOK

    def _allowed_channel(self, target: Target) -> Steps[TailorChannel | None]:
        """Return the channel itself, or the first of the further ones with the host that may carry the address."""
        if (yield from self._authorization.allows(target.channel, target.host)):
            return target.channel
        local = self._routing.local_channel
        hit = yield from find_channel(self._routing, target.host)
        while hit is not None:
            hit = yield from find_channel(self._routing, target.host, after=hit[0])
            if hit is not None and hit[1] is not local and (yield from self._authorization.allows(hit[1], target.host)):
                return hit[1]
        return None
