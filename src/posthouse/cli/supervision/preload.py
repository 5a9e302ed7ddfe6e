"""What the daemon's children need is imported in their parent.

They start in no time then, share the memory, and need not be able to read the
installation once they have given up root.
"""

from importlib import import_module

from posthouse.channels.next_hop import HopKind, parse_next_hop
from posthouse.site.model import ChannelKind, Site

_DAEMON_MODULES = (
    "encodings.idna",  # what the standard library imports behind our backs for a host name
    "posthouse.adapters.clock_system",
    "posthouse.adapters.dead_letters_mbox",
    "posthouse.adapters.drop_folder",
    "posthouse.adapters.event_log_file",
    "posthouse.adapters.meter_none",
    "posthouse.adapters.resolver_late",
    "posthouse.adapters.spawner_asyncio",
    "posthouse.adapters.spool_sqlite.spool",
    "posthouse.adapters.spool_sqlite.leases",
    "posthouse.adapters.spool_sqlite.listing",
    "posthouse.adapters.table_dbm",
    "posthouse.adapters.table_file",
    "posthouse.adapters.table_inline",
    "posthouse.adapters.table_regexp",
    "posthouse.adapters.table_sources",
    "posthouse.adapters.waiter_asyncio",
    "posthouse.channels.open",
    "posthouse.deliver.loop",
    "posthouse.routing.compiled",
    "posthouse.smtpd.worker",
    "posthouse.submit.native",
    "posthouse.submit.pickup",
    "posthouse.submit.report",
)

_TAILOR_MODULES = (
    "posthouse.adapters.authorization_log_file",
    "posthouse.adapters.dialect_mmdf",
    "posthouse.adapters.logins_passwd",
    "posthouse.adapters.mmdf_database",
    "posthouse.adapters.resolver_channel_table",
    "posthouse.adapters.table_address_file",
    "posthouse.adapters.table_mmdf",
    "posthouse.channels.mailer_file",
    "posthouse.channels.qualified",
    "posthouse.channels.resubmit",
    "posthouse.submit.mmdf_lists",
    "posthouse.submit.mmdf_router",
    "posthouse.submit.resubmission",
    "posthouse.wiring.mmdf_site",
)
_CF_MODULES = (
    "dns._asyncio_backend",  # what dnspython imports when it is first asked
    "posthouse.adapters.cf_accounts",
    "posthouse.adapters.cf_maps",
    "posthouse.adapters.cf_world",
    "posthouse.adapters.client_names",
    "posthouse.adapters.dialect_cf",
    "posthouse.adapters.load_system",
    "posthouse.adapters.logins_passwd",
    "posthouse.adapters.map_host",
    "posthouse.adapters.map_text",
    "posthouse.channels.mailer",
    "posthouse.channels.mailer_runs",
    "posthouse.deliver.cf_letters",
    "posthouse.deliver.cf_load",
    "posthouse.deliver.cf_report",
    "posthouse.deliver.mailer_text",
    "posthouse.site.cf.personality",
    "posthouse.smtp.sendmail_session",
    "posthouse.submit.sendmail.queue_start",
    "posthouse.submit.sendmail.reception",
    "posthouse.submit.sendmail.router",
    "posthouse.wiring.sendmail_site",
)

_DNS_MODULES = ("posthouse.adapters.resolver_dns",)


def preload_daemon(site: Site) -> None:
    """Import what the children need, once, before they are forked.  With metrics: after ``prepare_metrics``."""
    for module in (
        *_DAEMON_MODULES,
        *(_DNS_MODULES if may_ask_dns(site) else ()),
        *(_CF_MODULES if site.cf is not None else ()),
        *(_TAILOR_MODULES if site.mmdf is not None else ()),
    ):
        import_module(module)
    if site.metrics:
        for module in ("posthouse.adapters.meter_prometheus_http", "prometheus_client.multiprocess"):
            import_module(module)


def may_ask_dns(site: Site) -> bool:
    """Can the way of any mail depend on DNS?  Not where every route leads to the network address of a relay."""
    if site.cf is not None or site.mmdf is not None or site.mailertables:
        return True
    if not any(rule.pattern == "*" for rule in site.routes):
        return True
    relays = [rule.relay or site.channels[rule.channel].relay for rule in site.routes if _goes_out(site, rule.channel)]
    relays += [
        site.channels[domain.channel].relay for domain in site.domains.values() if _goes_out(site, domain.channel)
    ]
    return not all(relay and parse_next_hop(relay, 25).kind in (HopKind.ADDRESS, HopKind.UNIX) for relay in relays)


def _goes_out(site: Site, channel: str) -> bool:
    return channel in site.channels and site.channels[channel].kind in (ChannelKind.SMTP, ChannelKind.LMTP)
