"""The values that several tables of site.toml have: names of hosts and domains, networks, names of other tables."""

from collections.abc import Callable
from pathlib import Path

from posthouse.site import names
from posthouse.site.model import LOGIN_NAMES
from posthouse.site.toml.kinds import Address, Reference


def _ignoring_home(read: Callable[[str], object]) -> Callable[[str, Path], object]:
    return lambda text, _home: read(text)


HOSTS = 'as in "mail.example.net", "mail.example.net:587" or "[192.0.2.1]:25"'
DOMAIN = Address("a domain name", 'write a name such as "mail.example.org"', _ignoring_home(names.domain_name))
PATTERN = Address(
    "a domain, `*.domain`, `.domain` or `*`",
    'write "example.org", "*.example.org" (below it), ".example.org" (both) or "*"',
    _ignoring_home(names.host_pattern),
)
NETWORK = Address("a network", 'write "192.0.2.0/24", "2001:db8::/32" or one address', _ignoring_home(names.network))
IP = Address("an IP address", 'write it as in "192.0.2.1"', _ignoring_home(names.ip_text))
RELAY = Address("a host, with or without `:port`", f"write it {HOSTS}", _ignoring_home(names.relay_host))
LMTP = Address("a host, with or without `:port`, or `unix:` and a path", f"write it {HOSTS}", names.lmtp_host)
LISTEN = Address(
    "`host:port`, or `unix:` and a path",
    'write it as in "127.0.0.1:25", "[::1]:25" or "unix:run/submit.sock"',
    names.socket_address,
)
HOST_PORT = Address(
    "`host:port`", 'write it as in "127.0.0.1:9125" or "[::1]:9125"', _ignoring_home(names.host_and_port)
)
NAMESERVER = Address(
    "an IP address, with or without `:port`",
    'write it as in "192.0.2.53" or "[2001:db8::53]:53"',
    _ignoring_home(names.nameserver),
)
TABLE = Reference("the name of a table", "tables")
USERS = Reference(f'the name of a table, or `"{LOGIN_NAMES}"`', "users")
CHANNEL = Reference("the name of a channel", "channels")
