"""The maps of a sendmail.cf, opened as the configuration and the service switch that it names say."""

from __future__ import annotations  # so that the ports are imported by the type checker alone

from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from posthouse.adapters.cf_accounts import default_identity
from posthouse.adapters.map_sources import OpenMaps, Surroundings, open_maps
from posthouse.adapters.resolver_memory import MemoryResolver
from posthouse.programs.identity import Identity
from posthouse.site.cf.machine import read_plain_file
from posthouse.tables.service_switch import parse_service_switch, services_for

if TYPE_CHECKING:
    from posthouse.adapters.client_names import LookedUpNames
    from posthouse.adapters.map_host import Records
    from posthouse.ports import Clock, Logins, Resolver
    from posthouse.rewriting.program import MapDeclaration
    from posthouse.site.cf.declared import CfConfiguration

_MOST_SWITCH_OCTETS: Final = 256 * 1024
_DNS_PATIENCE: Final = timedelta(seconds=15)


def service_switch(configuration: CfConfiguration) -> Mapping[str, tuple[str, ...]]:
    """Return what the file of the option ServiceSwitchFile says; nothing when it cannot be read."""
    try:
        octets = read_plain_file(configuration.text("ServiceSwitchFile"), _MOST_SWITCH_OCTETS)
    except (OSError, ValueError):
        return {}
    return parse_service_switch(octets.decode("iso8859-1"))


def open_cf_maps(
    configuration: CfConfiguration,
    clock: Clock,
    logins: Logins,
    hosts_file: Path | None = None,
    further: Sequence[MapDeclaration] = (),
) -> OpenMaps:
    """Open every map of a configuration, and further ones.

    ``hosts_file`` stands for the one that the configuration names.
    """
    services = services_for(service_switch(configuration), "hosts")
    resolver, records = _dns(clock) if "dns" in services else (MemoryResolver(), None)
    declared = (*configuration.program.maps.items(), *((one.name, one) for one in further))
    return open_maps(
        {name: _with_defaults(one, configuration.text("LDAPDefaultSpec")) for name, one in declared},
        Surroundings(
            clock=clock,
            logins=logins,
            resolver=resolver,
            records=records,
            hosts_file=hosts_file or _hosts_file(configuration),
            host_services=services,
            domain=configuration.program.macros.get("m", ""),
            folder=configuration.file.parent,
            identity=Identity(*default_identity(configuration)),
        ),
    )


def open_client_names(configuration: CfConfiguration, clock: Clock, hosts_file: Path | None = None) -> LookedUpNames:
    """Return the names of clients, from where the map ``host`` has its names."""
    from posthouse.adapters.client_names import LookedUpNames
    from posthouse.adapters.map_host import HostsFile

    services = services_for(service_switch(configuration), "hosts")
    records = _dns(clock)[1] if "dns" in services else None
    return LookedUpNames(services, HostsFile(hosts_file or _hosts_file(configuration), clock), records)


def _hosts_file(configuration: CfConfiguration) -> Path:
    return Path(configuration.text("HostsFile") or "/etc/hosts")


def _with_defaults(declaration: MapDeclaration, ldap: str) -> MapDeclaration:
    """Put the flags of LDAPDefaultSpec before those of an LDAP map: of two the later one counts."""
    if not ldap or declaration.kind not in ("ldap", "ldapx"):
        return declaration
    return replace(declaration, arguments=f"{ldap} {declaration.arguments}")


def _dns(clock: Clock) -> tuple[Resolver, Records]:
    # dnspython takes long to import, and most batches do without it.
    from posthouse.adapters.dns_questions import DnsClient
    from posthouse.adapters.resolver_dns import DnsResolver

    return DnsResolver((), clock, timeout=_DNS_PATIENCE), DnsClient((), _DNS_PATIENCE.total_seconds())
