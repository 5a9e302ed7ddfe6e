"""MB, MG and MR records, RFC 1035 section 3.3: experiments of 1983 that dnspython does not read by itself.

Their data is a name, which an old server may write compressed.
"""

from types import SimpleNamespace
from typing import Final

import dns.rdata
import dns.rdtypes.nsbase

from posthouse.mail.errors import MalformedError

TYPES: Final = {"MB": 7, "MG": 8, "MR": 9}


class _Name(dns.rdtypes.nsbase.NSBase):
    """A record whose data is a name."""


def register_mailbox_types() -> None:
    """Let dnspython read these records; once is enough, and again does no harm."""
    for text, number in TYPES.items():
        try:
            dns.rdata.register_type(SimpleNamespace(**{text: _Name}), number, text)
        except dns.rdata.RdatatypeExists:
            continue  # it can already


def mailbox_address(name: str) -> str:
    r"""Return the address that a domain name stands for: its first label is the local part.  Raises MalformedError.

    ``louie\.b.isi.edu.`` is louie.b@isi.edu.  RFC 1035 section 8.
    """
    local, at = "", 0
    while at < len(name) and name[at] != ".":
        at += name[at] == "\\"
        local += name[at : at + 1]
        at += 1
    domain = name[at + 1 :].removesuffix(".")
    if not local or not domain or not local.isprintable() or set(local + domain) & set(' ",<>()|/:;'):
        raise MalformedError(f"{name!r} names no mailbox")
    return f"{local}@{domain}"
