"""Find out where an address goes, by the code that routes live mail.

The one rule: nothing is decided here.  Routing explains itself (submit/router.py), the intake
answers as it would answer a client, the resolver says what it tells the smtp channel, whose choice is made of it.
"""

from pathlib import Path as FilePath

from msgspec import Struct

from posthouse.channels.mail_exchangers import without_ourselves
from posthouse.channels.next_hop import HopKind, choose_hop
from posthouse.channels.open import our_identity
from posthouse.mail.address import Address, Path
from posthouse.mail.errors import MalformedError, SpoolError
from posthouse.mail.reply import Reply
from posthouse.mail.route import Route
from posthouse.ports import Draft, MailHosts, Resolver
from posthouse.routing.resolution import Resolution, Resolved
from posthouse.site.model import ChannelDeclaration, ChannelKind, Site
from posthouse.smtp.parameters import NO_MAIL_PARAMETERS, NO_RCPT_PARAMETERS
from posthouse.submit.client import Client

_WITH_HOSTS = frozenset({ChannelKind.SMTP, ChannelKind.LMTP})
# RFC 5737: an address that is nobody's, for the client that is not there.
_SOMEWHERE = "192.0.2.1"


class NextStop(Struct, frozen=True):
    """Where one recipient goes, and what DNS says of its host.

    ``hosts`` is None when DNS was not asked, ``tried`` what the channel leaves of them.
    """

    route: Route
    channel: ChannelDeclaration | None
    hosts: MailHosts | None = None
    tried: MailHosts | None = None


class Explanation(Struct, frozen=True):
    """Everything that can be said of one address."""

    address: Address
    resolution: Resolution
    stops: tuple[NextStop, ...]
    outside: Reply  # to RCPT from a client that may not relay
    relaying: Reply  # from one that may


class Explainer:
    """Explains addresses of one site."""

    def __init__(self, site: Site, resolver: Resolver | None) -> None:
        """Open the site's tables; without a resolver DNS is not asked."""
        from posthouse.wiring.accepting import build_intake
        from posthouse.wiring.delivering import channel_resolvers
        from posthouse.wiring.machine import system_clock
        from posthouse.wiring.metrics import no_meter

        clock = system_clock()
        stage = _Rehearsal()
        self._site = site
        self._intake = build_intake(site, stage, clock=clock, log=stage, meter=no_meter(), wakeup=stage)
        self._resolver = resolver
        self._resolvers = {} if resolver is None else channel_resolvers(site, resolver, clock)

    async def explain(self, address: Address, reverse_path: Path) -> Explanation:
        """Explain one address, for mail from this reverse-path."""
        resolution = await self._intake.parts.router.explain(address, reverse_path)
        routed = resolution.recipients if isinstance(resolution, Resolved) else ()
        return Explanation(
            address=address,
            resolution=resolution,
            stops=tuple([await self._stop(one.route) for one in routed]),
            outside=await self._answer(address, reverse_path, may_relay=False),
            relaying=await self._answer(address, reverse_path, may_relay=True),
        )

    async def _stop(self, route: Route) -> NextStop:
        channel = self._site.channels.get(route.channel)
        if channel is None or channel.kind not in _WITH_HOSTS or self._resolver is None:
            return NextStop(route, channel)
        try:
            hop = choose_hop(route.host, channel.relay, channel.port, by_mx=channel.kind is ChannelKind.SMTP)
        except MalformedError:
            return NextStop(route, channel)
        resolver = self._resolvers.get(route.channel, self._resolver)
        if hop.kind is HopKind.DOMAIN:
            hosts = await resolver.mail_hosts(hop.name)
            tried = hosts
            if route.channel not in self._resolvers:
                tried = without_ourselves(hop.name, hosts, our_identity(self._site, channel), hop.port)
            return NextStop(route, channel, hosts, tried)
        if hop.kind is HopKind.HOST:
            hosts = await resolver.addresses(hop.name)
            return NextStop(route, channel, hosts, hosts)
        return NextStop(route, channel)

    async def _answer(self, address: Address, reverse_path: Path, *, may_relay: bool) -> Reply:
        """Return what RCPT would be answered."""
        client = Client(name="client.example", address=_SOMEWHERE, protocol="ESMTP", may_relay=may_relay)
        transaction = self._intake.begin(client)
        try:
            reply = await transaction.sender(reverse_path, NO_MAIL_PARAMETERS)
            if reply.is_positive:
                reply = await transaction.recipient(Path(address), NO_RCPT_PARAMETERS)
            return reply
        finally:
            await transaction.abandon()


class _Rehearsal:
    """Spool, log and wake-up of an intake that is only asked what it would answer."""

    def begin(self) -> Draft:
        raise SpoolError("nothing is written in a rehearsal")

    def event(self, name: str, /, **fields: object) -> None:
        """Leave the log alone: nothing happened."""

    def notify(self) -> None:
        """Wake nobody."""


def short_file(text: str, home: FilePath) -> str:
    """Shorten the file names in a line to what the site's directory leaves of them."""
    return text.replace(f"{home}/", "")
