"""The person at the keyboard, and addresses as people abbreviate them."""

import getpass
import os
import pwd

from posthouse.cli.errors import CommandError
from posthouse.mail.address import NULL_PATH, Address, Path
from posthouse.mail.address_list import parse_address_list
from posthouse.site.model import Site


def login_name() -> str:
    """Return the login name of whoever runs this, the number of an account without one."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return str(os.getuid())


def account_name() -> str:
    """Return the login name of the account that runs this, whatever the environment says; its number without one."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def login_address(site: Site) -> Address:
    """Return the address of whoever runs this."""
    return Address(login_name(), site.default_local_domain)


def qualified(site: Site, address: Address) -> Address:
    """Complete an address without a domain: it is one of this site."""
    return address if address.domain else Address(address.local_part, site.default_local_domain)


def read_address_as_given(text: str, what: str) -> Address:
    """Read one address, with or without a domain.  Raises CommandError."""
    found = parse_address_list(text)
    if found.problems or len(found.addresses) != 1:
        reason = found.problems[0] if found.problems else f"{text!r} is not one address"
        raise CommandError(f"{what}: {reason}", os.EX_USAGE)
    return found.addresses[0]


def read_address(site: Site, text: str, what: str) -> Address:
    """Read one address, completed.  Raises CommandError."""
    return qualified(site, read_address_as_given(text, what))


def read_reverse_path(site: Site, text: str | None) -> Path:
    """Read -f or --from: "" and <> are the null reverse-path, None is whoever runs this.  Raises CommandError."""
    if text is None:
        return Path(login_address(site))
    if text.strip() in {"", "<>"}:
        return NULL_PATH
    return Path(read_address(site, text, "sender"))
