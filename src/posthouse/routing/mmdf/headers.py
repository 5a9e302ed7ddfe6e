"""What a channel does to the addresses of a header and to the sender: ``ap=``, ``known=``, ``lname=``, ``ldomain=``.

Every domain gets its official name, our own that of the channel; a mailbox without a domain gets the one of
the first From or Sender that has one, ours where there is none.  Then a channel with a table of known hosts turns the
others round through us, and the address is written in the channel's style.  MMDF tables(5), mmdftailor(5).
"""

from msgspec.structs import replace

from posthouse.mail.errors import MalformedError
from posthouse.mail.lookup import Answer, Lookup
from posthouse.rewriting.mmdf.address import AddressMistake, MmdfAddress, parse_address, read_field
from posthouse.rewriting.mmdf.header_fields import ADDRESS_FIELDS, SENT_AGAIN, SOURCES, HeaderField, split_header
from posthouse.rewriting.mmdf.text import as_733, as_822, named
from posthouse.routing.mmdf.channels import written_for
from posthouse.routing.mmdf.compiled import MmdfRouting, Steps, TableUnavailableError
from posthouse.routing.mmdf.domains import FoundDomain, find_domain
from posthouse.site.tailor.entries import AddressForm, TailorChannel

_WARNING = "MMDF-Warning:  {problem} preceding line at {host}{line_end}"
_MISTAKE = "Parse error in original version of"
_UNCONFIRMED = "Unable to confirm address in"


class HeaderDialect:
    """The dialect of one channel for one message: it remembers the domains it has asked for, and whose mail it is."""

    def __init__(self, routing: MmdfRouting, channel: TailorChannel) -> None:
        self._routing = routing
        self._channel = channel
        self._our_name = channel.full_name or routing.configuration.names.full
        self._domains: dict[str, FoundDomain | None] = {}
        self._default = self._our_name
        self._has_source = False

    def header(self, text: str) -> Steps[str]:
        """Rewrite a header, octet text with its empty line.

        Raises TableUnavailableError, but not for a channel with ``ap=try``: there the address stays, with a warning.
        """
        if self._channel.ap.leaves_alone:
            return text
        fields, rest = split_header(text)
        edited = ""
        for field in fields:
            edited += (yield from self._field(field)) if field.name in ADDRESS_FIELDS else field.raw
        return edited + rest

    def sender(self, local: str, domain: str, route: tuple[str, ...]) -> Steps[str]:
        """Return the reverse-path as the channel says it.  Raises TableUnavailableError."""
        if not domain and not route:
            domain = self._our_name
        normal = yield from self._normal(MmdfAddress(local, domain, route))
        return (yield from self._styled(normal))

    def _field(self, field: HeaderField) -> Steps[str]:
        written: list[str] = []
        has_mistake = is_unconfirmed = False
        for at, one in enumerate(read_field(field.body)):
            address = one.before if isinstance(one, AddressMistake) else one
            if isinstance(one, AddressMistake):
                has_mistake = True
                if address == MmdfAddress(""):
                    continue
            else:
                self._take_source(field.name, address, is_first=at == 0)
            try:
                text = yield from self._address(one)
            except TableUnavailableError:
                if not self._channel.ap.try_:
                    raise
                text = self._as_it_is(address)
                is_unconfirmed = True
            written.append(text)
        warnings = [_MISTAKE] * has_mistake + [_UNCONFIRMED] * is_unconfirmed
        host = self._routing.configuration.names.full_machine
        return field.rewritten(written) + "".join(
            _WARNING.format(problem=problem, host=host, line_end=field.line_end) for problem in warnings
        )

    def _take_source(self, name: str, address: MmdfAddress, *, is_first: bool) -> None:
        """See whether the address says where the message comes from; one that was sent again comes from elsewhere."""
        again = SENT_AGAIN.match(name)
        if again is not None:
            self._has_source = False
            name = name[again.end() :] if is_first else ""
        if not self._has_source and name in SOURCES and address.hops:
            self._default = address.hops[0]
            self._has_source = True

    def _address(self, one: MmdfAddress | AddressMistake) -> Steps[str]:
        address = one.before if isinstance(one, AddressMistake) else one
        if address.comment and not address.phrase and not address.groups:
            address = replace(address, phrase=(address.comment,))
        if isinstance(one, AddressMistake) and not one.is_mailbox:
            return self._as_it_is(address)
        if not address.local and not address.hops:
            return named(address, "")  # an empty group
        normal = yield from self._normal(_opened(address))
        return named(address, (yield from self._styled(normal)))

    def _normal(self, address: MmdfAddress) -> Steps[MmdfAddress]:
        """Give domains their official names, and a mailbox without one the default."""
        if not address.hops:
            return replace(address, domain=(yield from self._official(self._default)))
        route: tuple[str, ...] = ()
        for hop in address.route:
            route = (*route, (yield from self._official(hop)))
        domain = (yield from self._official(address.domain)) if address.domain else ""
        return (yield from self._known(replace(address, domain=domain, route=route)))

    def _known(self, address: MmdfAddress) -> Steps[MmdfAddress]:
        """Turn an address round through us if the channel does not know its next hop."""
        if not self._channel.known:
            return address
        found = yield from self._find(address.hops[0])
        if found is None:
            return address
        answer: Answer | None = yield Lookup(self._channel.known, found.official)
        assert answer is not None  # noqa: S101 - a Lookup is always sent an Answer
        if answer.unavailable:
            raise TableUnavailableError(answer.unavailable, is_nameserver=False)
        if answer.found:
            return address
        if address.route:
            return replace(address, route=(self._our_name, *address.route))
        return replace(address, local=f"{address.local}%{found.official}", domain=self._our_name)

    def _official(self, name: str) -> Steps[str]:
        found = yield from self._find(name)
        if found is None:
            return name
        is_ours = found.official.lower() == self._routing.configuration.names.full.lower()
        return self._our_name if is_ours else found.official

    def _find(self, name: str) -> Steps[FoundDomain | None]:
        key = name.lower()
        if key not in self._domains:
            self._domains[key] = yield from find_domain(self._routing, name)
        return self._domains[key]

    def _styled(self, address: MmdfAddress) -> Steps[str]:
        return (yield from written_for(self._routing, self._channel, address.local, address.domain, address.route))

    def _as_it_is(self, address: MmdfAddress) -> str:
        """Write an address without asking for anything."""
        write = as_822 if self._channel.ap.form is AddressForm.RFC822 else as_733
        return named(address, write(address.local, address.domain, address.route))


def _opened(address: MmdfAddress) -> MmdfAddress:
    """Take the domain of a mailbox without one from inside its quotes, if there is one."""
    if address.hops or "@" not in address.local:
        return address
    try:
        inner = parse_address(address.local)
    except MalformedError:
        return address
    return replace(address, local=inner.local, domain=inner.domain, route=inner.route) if inner.domain else address
