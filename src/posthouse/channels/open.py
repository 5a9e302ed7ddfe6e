"""Makes the channels that a site declares."""

from collections.abc import Callable, Mapping
from random import Random

from posthouse.channels.discard import DiscardChannel
from posthouse.channels.local import LocalChannel
from posthouse.channels.mail_exchangers import Ourselves
from posthouse.channels.program import ProgramChannel
from posthouse.channels.smtp import SmtpChannel
from posthouse.channels.smtp_dialer import DialSettings
from posthouse.ports import Channel, Clock, EventLog, Meter, Resolver
from posthouse.site.model import ChannelDeclaration, ChannelKind, Site
from posthouse.smtp.client import Dialect


def open_channels(
    site: Site,
    resolver: Resolver,
    clock: Clock,
    log: EventLog,
    random: Random,
    *,
    meter: Meter | None = None,
    resolvers: Mapping[str, Resolver] | None = None,
) -> dict[str, Channel]:
    """Return every declared channel by name.  Nothing is connected or started before the first attempt.

    ``resolvers`` are those of channels, by their names, that do not ask ``resolver``: what they say was written down by
    the site's own administrator, so that hosts which could be this one are not left out.
    """

    def smtp(declaration: ChannelDeclaration) -> Channel:
        return SmtpChannel(
            declaration,
            _dial_settings(site, declaration, Dialect.SMTP),
            (resolvers or {}).get(declaration.name, resolver),
            random,
            ourselves=Ourselves() if declaration.name in (resolvers or {}) else our_identity(site, declaration),
            meter=meter,
        )

    def lmtp(declaration: ChannelDeclaration) -> Channel:
        return SmtpChannel(declaration, _dial_settings(site, declaration, Dialect.LMTP), resolver, random, meter=meter)

    makers: Mapping[ChannelKind, Callable[[ChannelDeclaration], Channel]] = {
        ChannelKind.SMTP: smtp,
        ChannelKind.LMTP: lmtp,
        ChannelKind.LOCAL: lambda declaration: LocalChannel(declaration, site.name, clock, log),
        ChannelKind.PROGRAM: lambda declaration: ProgramChannel(
            declaration, log, most_output_octets=site.limits.programs_octets
        ),
        ChannelKind.DISCARD: lambda _: DiscardChannel(),
    }
    return {name: makers[declaration.kind](declaration) for name, declaration in site.channels.items()}


def our_identity(site: Site, declaration: ChannelDeclaration) -> Ourselves:
    """Return how a list of MX hosts may name this site: its names and the endpoints it listens on."""
    names = {site.name.lower(), declaration.helo.lower()} - {""}
    endpoints = {_endpoint(listener.address) for listener in site.listeners}
    return Ourselves(frozenset(names), frozenset(endpoint for endpoint in endpoints if endpoint is not None))


def _endpoint(address: str) -> tuple[str, int] | None:
    host, colon, port = address.rpartition(":")
    if not colon or address.startswith("unix:") or not (port.isascii() and port.isdigit()):
        return None
    return host.strip("[]"), int(port)


def _dial_settings(site: Site, declaration: ChannelDeclaration, dialect: Dialect) -> DialSettings:
    return DialSettings(
        name=declaration.helo or site.name,
        timeouts=site.timeouts,
        dialect=dialect,
        tls=declaration.tls,
        source_address=declaration.source_address,
    )
