"""What the daemon's children need is imported in their parent.

They start in no time then, share the memory, and need not be able to read the
installation once they have given up root.
"""

from importlib import import_module

from posthouse.site.model import Site

_DAEMON_MODULES = (
    "encodings.idna",  # what the standard library imports behind our backs for a host name
    "posthouse.adapters.dead_letters_mbox",
    "posthouse.adapters.drop_folder",
    "posthouse.adapters.event_log_file",
    "posthouse.adapters.resolver_dns",
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
    "posthouse.submit.pickup",
    "posthouse.submit.report",
)


def preload_daemon(site: Site) -> None:
    """Import what the children need, once, before they are forked.  With metrics: after ``prepare_metrics``."""
    for module in _DAEMON_MODULES:
        import_module(module)
    if site.metrics:
        for module in ("posthouse.adapters.meter_prometheus_http", "prometheus_client.multiprocess"):
            import_module(module)
