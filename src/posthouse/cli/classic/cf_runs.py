"""The mailers of a site, ready to deliver for a command."""

from __future__ import annotations  # so that the ports are imported by the type checker alone

from collections.abc import Callable
from typing import TYPE_CHECKING

from posthouse.channels.mailer_runs import MailerRuns, MailerSettings
from posthouse.cli.classic.cf_recipients import Reports
from posthouse.deliver.cf_delivery import Delivery
from posthouse.deliver.cf_report import ReportWriter

if TYPE_CHECKING:
    from posthouse.cli.classic.cf_site import CfSite


def delivery_of(site: CfSite, draw_name: Callable[[], str]) -> Delivery:
    """Join what a delivery needs."""
    configuration = site.configuration
    settings = MailerSettings(
        timeouts=site.site.timeouts,
        default_identity=site.default_identity,
        file_mode=configuration.number("TempFileMode") or 0o600,
    )
    return Delivery(
        configuration,
        MailerRuns(site.renderer, settings),
        Reports(site),
        ReportWriter(site.renderer),
        site.clock,
        say=lambda words: print(words, flush=True),
        draw_name=draw_name,
        prints_errors=configuration.text("ErrorMode") == "print",
    )
