"""The mailers of a site, ready to deliver for a command."""

from __future__ import annotations  # so that the ports are imported by the type checker alone

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from posthouse.channels.mailer_runs import MailerRuns, MailerSettings
from posthouse.cli.classic.cf_network import NetworkMailers
from posthouse.cli.classic.cf_recipients import Reports
from posthouse.deliver.cf_compatible import NAME, Compatibility
from posthouse.deliver.cf_delivery import Delivery
from posthouse.deliver.cf_report import ReportWriter

if TYPE_CHECKING:
    from posthouse.cli.classic.cf_site import CfSite
    from posthouse.ports import Channel


def delivery_of(site: CfSite, draw_name: Callable[[], str]) -> Delivery:
    """Join what a delivery needs."""
    configuration = site.configuration
    settings = MailerSettings(
        timeouts=site.site.timeouts,
        default_identity=site.default_identity,
        file_mode=configuration.number("TempFileMode") or 0o600,
    )
    mailers = NetworkMailers(
        MailerRuns(site.renderer, settings), site.renderer, site.clock, partial(_smtp_channels, site)
    )
    site.close_later(mailers.close)
    return Delivery(
        configuration,
        mailers,
        Reports(site),
        ReportWriter(site.renderer),
        site.clock,
        say=lambda words: print(words, flush=True),
        draw_name=draw_name,
        compatible=_compatibility(site),
    )


def _compatibility(site: CfSite) -> Compatibility | None:
    """Return who asks check_compat; None where there is no such rule set."""
    program = site.routing.program
    number = program.number_of(NAME)
    if number is None or not site.routing.has_rule_set(number):
        return None
    return Compatibility(program, site.routing_world, site.environment)


def _smtp_channels(site: CfSite) -> dict[str, Channel]:
    """Open the channels that connect."""
    from random import Random

    from posthouse.channels.open import open_channels
    from posthouse.wiring.machine import build_resolver, light_event_log

    random = Random()  # noqa: S311 - the order of equal MX hosts, no secret
    log = light_event_log(site.site, site.clock, "sendmail")
    return open_channels(site.site, build_resolver(site.site, site.clock), site.clock, log, random)
