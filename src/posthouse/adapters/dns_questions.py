"""Single questions to DNS: names and records in, records or the reason for none out.

dnspython does the protocol (TCP after truncation, CNAME chains, the next server after a bad one);
here its many exceptions become three facts: found, does not exist, cannot answer.
"""

from collections.abc import Sequence
from ipaddress import ip_address

import dns.asyncresolver
import dns.exception
import dns.nameserver
import dns.rcode
import dns.resolver
import idna
from msgspec import Struct

from posthouse.mail.errors import MalformedError
from posthouse.mail.wording import seconds_in_words

NEGATIVE_TTL = 60.0  # seconds; what does not exist may be made any minute
_UDP_PAYLOAD = 1232  # fits every path unfragmented, says the DNS flag day of 2020


class Found(Struct, frozen=True):
    """What one question brought.  Without records: the name has none of this type, unless one of the rest says more."""

    records: tuple[str, ...] = ()  # in the format of zone files
    ttl: float = NEGATIVE_TTL
    missing: bool = False  # NXDOMAIN
    trouble: str = ""  # DNS cannot answer, and why


def ascii_name(domain: str) -> str:
    """Return the name for DNS: A-labels, lower case, no final dot.  Raises MalformedError.  RFC 5891."""
    name = domain.removesuffix(".").lower()
    if not name.isascii():
        try:
            name = idna.encode(name, uts46=True, transitional=False).decode("ascii")
        except idna.IDNAError as error:
            raise MalformedError(f"{domain!r} is not a domain name: {error}") from error
    labels = name.split(".")
    if len(name) > 253 or not all(0 < len(label) <= 63 for label in labels) or set(name) & set('\\ "();@$'):
        raise MalformedError(f"{domain!r} is not a domain name")
    return name


class DnsClient:
    """Asks the given name servers (``address``, ``address:port``, ``[v6]:port``), or else the system's."""

    def __init__(self, nameservers: Sequence[str], lifetime_seconds: float) -> None:
        self._lifetime = lifetime_seconds
        self._resolver = _system_resolver() if not nameservers else dns.asyncresolver.Resolver(configure=False)
        if nameservers:
            self._resolver.nameservers = [_nameserver(one) for one in nameservers]
        self._resolver.use_edns(0, 0, _UDP_PAYLOAD)

    async def ask(self, name: str, kind: str) -> Found:
        """Ask one question.  Never raises for what DNS says or fails to say."""
        try:
            answer = await self._resolver.resolve(
                name, kind, raise_on_no_answer=False, search=False, lifetime=self._lifetime
            )
        except dns.resolver.NXDOMAIN:
            return Found(missing=True)
        except dns.resolver.NoNameservers as error:
            return Found(trouble=_servers_trouble(error))
        except dns.exception.Timeout:
            return Found(trouble=f"no answer within {seconds_in_words(self._lifetime)}")
        except (dns.exception.DNSException, OSError, EOFError) as error:
            return Found(trouble=str(error) or type(error).__name__)
        if answer.rrset is None:
            return Found()
        return Found(tuple(record.to_text() for record in answer.rrset), float(answer.chaining_result.minimum_ttl))


def _servers_trouble(error: dns.resolver.NoNameservers) -> str:
    """Say what the last server said, or why it could not be asked: an operator must know where to look."""
    tried = error.kwargs.get("errors") or ()
    if not tried:
        return "there is no name server to ask"
    server, _, _, trouble, response = tried[-1]
    if response is not None:
        return f"name server {_bare(server)} answers {dns.rcode.to_text(response.rcode())}"
    if isinstance(trouble, OSError):
        return f"name server {_bare(server)} cannot be reached: {trouble.strerror or trouble}"
    return f"name server {_bare(server)}: {trouble}"


def _bare(server: object) -> str:
    """Return a name server as the site writes it: dnspython puts the protocol in front."""
    return str(server).removeprefix("Do53:").removesuffix("@53").replace("@", ":")


def _system_resolver() -> dns.asyncresolver.Resolver:
    try:
        return dns.asyncresolver.Resolver()
    except dns.resolver.NoResolverConfiguration:
        resolver = dns.asyncresolver.Resolver(configure=False)
        resolver.nameservers = ["127.0.0.1"]  # what the C library does without a resolv.conf
        return resolver


def _nameserver(text: str) -> dns.nameserver.Nameserver:
    host, colon, port = text.rpartition(":")
    try:
        if not colon or (":" in host and not host.endswith("]")):
            return dns.nameserver.Do53Nameserver(str(ip_address(text.strip("[]"))))
        if not (port.isascii() and port.isdigit() and 1 <= int(port) <= 65535):
            raise ValueError("no such port")
        return dns.nameserver.Do53Nameserver(str(ip_address(host.strip("[]"))), int(port))
    except ValueError as error:
        raise MalformedError(f"name server {text!r} is not an address or address:port") from error
