"""One message's addresses, as submit verifies them: the engine.

A domain leads to a host, the host to a channel; what is ours leads to the local part, and that to
an alias, a user, or another address (``user%other@here``).  The order of the questions is MMDF's
own.  Every walk ends: hops are followed at most eleven times, local parts and aliases are nested at most
MOST_NESTED deep, and one line leads to at most MOST_ADDRESSES addresses.
"""

from collections.abc import Sequence

from msgspec import Struct, field
from msgspec.structs import replace

from posthouse.mail.errors import MalformedError
from posthouse.mail.lookup import Answer, Decision, Lookup
from posthouse.rewriting.mmdf.address import AddressMistake, MmdfAddress, parse_address, read_addresses
from posthouse.rewriting.mmdf.text import as_822, canonical
from posthouse.routing.mmdf import replies
from posthouse.routing.mmdf.authorization import Authorization, Submitter
from posthouse.routing.mmdf.channels import find_channel, is_reached, written_for
from posthouse.routing.mmdf.compiled import (
    BAD_HOSTS,
    BAD_USERS,
    DELAY,
    INCLUDED_FILES,
    MAIL_IDS,
    MmdfRouting,
    Steps,
    TableUnavailableError,
)
from posthouse.routing.mmdf.domains import FoundDomain, find_domain
from posthouse.routing.mmdf.envelope import Envelope
from posthouse.routing.mmdf.verdict import Checked, Code, MmdfReply
from posthouse.site.model import LOGIN_NAMES
from posthouse.site.tailor.entries import Lines, TailorAlias, TailorChannel

MOST_HOPS = 10  # of one address; then the tables lead round in a circle
MOST_NESTED = 40  # local parts within local parts, and aliases within aliases
MOST_ADDRESSES = 20_000  # from one line


class _Place(Struct, frozen=True):
    """Where in the expansion an address stands."""

    trusted: bool = False  # it may name files and programs: it comes from a trusted alias
    expanding: str = ""  # the innermost alias that is being expanded
    depth: int = 0

    def deeper(self) -> "_Place":
        return replace(self, depth=self.depth + 1)


class _Hops(Struct):
    """What is left of an address while its hops are taken off one by one."""

    route: list[str]
    domain: str

    def take(self) -> str:
        """Take the next hop off; "" when there is none."""
        if self.route:
            return self.route.pop(0)
        taken, self.domain = self.domain, ""
        return taken

    def put(self, hop: str) -> None:
        """Put a hop in front."""
        if self.domain:
            self.route.insert(0, hop)
        else:
            self.domain = hop


class _Target(Struct, frozen=True):
    """A channel, the host on it, and the domain that goes back in front of the address."""

    channel: TailorChannel
    host: str
    domain: str


class AddressCheck:
    """The addresses of one message.  ``check`` each line; ``envelope`` collects what comes of all."""

    def __init__(self, routing: MmdfRouting, submitter: Submitter) -> None:
        self._routing = routing
        self._authorization = Authorization(routing, submitter)
        self._visited = 0
        self.envelope = Envelope(routing)

    def check(self, line: str) -> Steps[Checked]:
        """Verify the first address of a line.  The result is of this line only, without its trace."""
        envelope = self.envelope
        before = envelope.mark()
        notes, warnings = len(self._authorization.log), len(self._authorization.notices)
        self._visited = 0
        given = next(read_addresses(line), None)
        if given is None:
            answers: tuple[MmdfReply, ...] = ()
        elif isinstance(given, AddressMistake):
            answers = (replies.unparsed(),)
        else:
            answer = yield from self._answer(given, before)
            answers = (answer,)
        notices = (*envelope.notices_since(before), *self._authorization.notices[warnings:])
        return Checked(
            answers,
            envelope.queued_since(before),
            notices,
            tuple(self._authorization.log[notes:]),
            envelope.said_since(before),
        )

    def _answer(self, given: MmdfAddress, before: tuple[int, int, int]) -> Steps[MmdfReply]:
        shown = canonical(given)
        try:
            code = yield from self._verify(given, _Place())
        except TableUnavailableError as error:
            self.envelope.forget_queued(before)  # else a list would be sent to half of its members now, and again later
            self.envelope.say("Nameserver Timeout" if error.is_nameserver else "Table unavailable")
            yield Decision(str(error))
            return replies.deferred(shown, is_nameserver=error.is_nameserver)
        if code.is_bad and code is not Code.NAUTH:
            self.envelope.say("Bad address")
        return replies.reply(code, shown, self._authorization.refusal)

    # One address, in a line, an alias or a file.

    def _verify(self, address: MmdfAddress, place: _Place) -> Steps[Code]:
        """Verify an address; if a table does not answer, the delay channel takes it, if there is one."""
        self.envelope.begin_saying(canonical(address))
        self._visited += 1
        if self._visited > MOST_ADDRESSES or place.depth > MOST_NESTED:
            yield Decision(f"{canonical(address)}: the aliases lead too deep or too wide")
            return Code.USER
        try:
            if address.is_include:
                return (yield from self._include(address, place))
            return (yield from self._check(address.local, address.domain, address.route, place))
        except TableUnavailableError as error:
            delay = self._routing.channel(DELAY)
            if delay is None:
                raise
            yield Decision(f"kept on channel {delay.name} until it can be verified: {error}")
            self.envelope.queue(delay, self._delayed_from(), canonical(address))
            return Code.DOK

    def _delayed_from(self) -> str:
        submitter, configuration = self._authorization.submitter, self._routing.configuration
        channel = submitter.channel or configuration.switches.default_channel
        return f"{channel}&{submitter.host or configuration.names.full}"

    def _check(self, local: str, domain: str, route: Sequence[str], place: _Place) -> Steps[Code]:
        """Take the hops of an address off until one leads away, or none is left."""
        hops = _Hops(list(route), domain)
        explicit: TailorChannel | None = None
        for _ in range(MOST_HOPS + 1):
            hop = hops.take()
            if not hop:
                return (yield from self._local_part(local, place.deeper()))
            if explicit is None and self._routing.configuration.names.are_us(hop):
                yield Decision(f"{hop} is our own name")
                continue
            if explicit is not None and (yield from self._is_on(explicit, hop)):
                return (yield from self._store(_Target(explicit, hop, hop), local, hops))
            found = yield from find_domain(self._routing, hop)
            if found is None:
                named = self._named_channel(hop)
                if named is not None:
                    yield Decision(f"{hop} names the channel {named.name}", named.origin)
                    explicit = named
                    continue
                return (yield from self._unknown_host(hop, local, hops))
            if explicit is not None:
                return (yield from self._on_explicit(explicit, found, local, hops))
            outcome = yield from self._next_hop(found, hops)
            if isinstance(outcome, _Target):
                return (yield from self._store(outcome, local, hops))
            if outcome is not None:
                return outcome
        yield Decision(f"the tables lead round in a circle from {domain or route[0]}")
        return Code.BHST

    def _is_on(self, channel: TailorChannel, host: str) -> Steps[bool]:
        at = self._routing.position(channel)
        return (yield from is_reached(channel, host, is_nameserver=self._routing.channels[at][1]))

    def _named_channel(self, hop: str) -> TailorChannel | None:
        """An explicit channel: ``name#``; classic MMDF took the bare name, too."""
        before, sharp, _ = hop.rpartition("#")
        if sharp:
            return self._routing.channel(before)
        return None if self._routing.is_snapshot else self._routing.channel(hop)

    def _unknown_host(self, hop: str, local: str, hops: _Hops) -> Steps[Code]:
        channel = self._routing.channel(BAD_HOSTS)
        if channel is None:
            yield Decision(f"{hop} is in no domain table")
            return Code.BHST
        yield Decision(f"{hop} is in no domain table: channel {channel.name} takes it", channel.origin)
        return (yield from self._store(_Target(channel, channel.host, hop), local, hops))

    def _on_explicit(self, channel: TailorChannel, found: FoundDomain, local: str, hops: _Hops) -> Steps[Code]:
        if len(found.hosts) != 1 or not (yield from self._is_on(channel, found.next_host)):
            yield Decision(f"{found.official} is not on channel {channel.name}", channel.origin)
            return Code.BHST
        return (yield from self._store(_Target(channel, found.next_host, found.official), local, hops))

    def _next_hop(self, found: FoundDomain, hops: _Hops) -> Steps[_Target | Code | None]:
        """Look for the channel of a domain's host.  None: there is another hop to be looked at first."""
        for hop in found.hosts[:-1]:
            hops.put(hop)
        host = found.next_host
        hit = yield from find_channel(self._routing, host)
        if hit is None:
            if (yield from find_domain(self._routing, host)) is None:
                yield Decision(f"{host} is on no channel and in no domain table")
                return Code.BHST
            hops.route.insert(0, host)
            return None
        if hit[1] is not self._routing.configuration.local_channel:
            return _Target(hit[1], host, host if len(found.hosts) > 1 else found.official)
        if len(found.hosts) > 1 and found.hosts[-2].lower() == found.official.lower():
            return (yield from self._our_subdomain(found, hops))
        yield Decision(f"{host} is this machine")
        return None

    def _our_subdomain(self, found: FoundDomain, hops: _Hops) -> Steps[_Target | Code]:
        """A name below our own is only good if it is a host on a channel itself; this finds mistyped ones."""
        subdomain = found.hosts[-2]
        hit = yield from find_channel(self._routing, subdomain)
        if hit is None or hit[1] is self._routing.configuration.local_channel:
            yield Decision(f"{subdomain} is an unknown subdomain of this machine")
            return Code.BHST
        if hops.route:
            hops.route.pop(0)
        else:
            hops.domain = ""
        return _Target(hit[1], subdomain, subdomain)

    def _store(self, target: _Target, local: str, hops: _Hops) -> Steps[Code]:
        """Queue an address, on the first channel with the host that may take it."""
        hops.put(target.domain)
        self._authorization.begin(as_822(local, hops.domain, hops.route))
        channel = yield from self._allowed_channel(target)
        if channel is None:
            yield from self._authorization.refuse()
            return Code.NAUTH
        if channel.ap.rejsrcrt and hops.route:
            yield Decision(f"channel {channel.name} refuses routes", channel.origin)
            return Code.BHST
        address = yield from written_for(self._routing, channel, local, hops.domain, hops.route)
        self.envelope.queue(channel, target.host, address)
        return Code.AOK

    def _allowed_channel(self, target: _Target) -> Steps[TailorChannel | None]:
        """Return the channel itself, or the first of the further ones with the host that may carry the address."""
        if (yield from self._authorization.allows(target.channel, target.host)):
            return target.channel
        local = self._routing.configuration.local_channel
        hit = yield from find_channel(self._routing, target.host)
        while hit is not None:
            hit = yield from find_channel(self._routing, target.host, after=hit[0])
            if hit is not None and hit[1] is not local and (yield from self._authorization.allows(hit[1], target.host)):
                return hit[1]
        return None

    # What is ours.

    def _local_part(self, local: str, place: _Place) -> Steps[Code]:
        if place.depth > MOST_NESTED:
            yield Decision("the local part names too many hosts")
            return Code.BHST
        inner = self._inner_address(local)
        if inner is not None:
            normal = yield from self._normalized(inner)
            return (yield from self._check(normal.local, normal.domain, normal.route, place))
        channel = self._routing.configuration.local_channel
        if channel is None:
            return Code.BHST
        bypass, local = local.startswith("~"), local.removeprefix("~")
        name, qualifier = self._cut(local)
        if not qualifier or qualifier[0] not in "/|":
            code = yield from self._alias(name, qualifier, place, bypass=bypass)
            if code is not None:
                return code
        if (yield from self._is_user(name)):
            return (yield from self._to_user(channel, local, name, qualifier, place))
        return (yield from self._unknown_user(local))

    def _inner_address(self, local: str) -> MmdfAddress | None:
        """Read ``user@host`` in quotes, ``user%host`` and ``host!user``; the first of them that is there counts."""
        for mark in "@%":
            user, found, host = local.rpartition(mark)
            if found:
                break
        else:
            host, found, user = local.partition("!")
        if not found:
            return None
        try:
            return parse_address(f"{user}@{host}")
        except MalformedError:
            return None

    def _normalized(self, address: MmdfAddress) -> Steps[MmdfAddress]:
        """Give every domain of an inner address its official name; unknown ones stay."""
        official: list[str] = []
        for hop in address.hops:
            found = yield from find_domain(self._routing, hop)
            official.append(hop if found is None else found.official)
        if not address.domain:
            return replace(address, route=tuple(official))
        return replace(address, domain=official[-1], route=tuple(official[:-1]))

    def _cut(self, local: str) -> tuple[str, str]:
        """Cut a local part at its qualifier: a file, a program or a tag."""
        marks = {"/", "|", *self._routing.configuration.mailboxes.tag_characters}
        end = next((at for at, character in enumerate(local) if character in marks), len(local))
        return local[:end], local[end:]

    def _is_user(self, name: str) -> Steps[bool]:
        if not name:
            return False
        table = MAIL_IDS if self._routing.configuration.switches.mail_ids else LOGIN_NAMES
        return (yield from self._ask(table, name)).found

    def _to_user(self, channel: TailorChannel, local: str, name: str, qualifier: str, place: _Place) -> Steps[Code]:
        self._authorization.begin(name)
        is_delivery = qualifier[:1] in {"/", "|"}
        if is_delivery and not place.trusted:
            yield Decision(f"{local} names a file or a program, which only a trusted alias may")
        elif (yield from self._authorization.allows(channel, "")):
            kept = self._as_asked(name)
            self.envelope.queue(channel, "", local if qualifier else kept)
            return Code.AOK
        yield from self._authorization.refuse()
        return Code.NAUTH

    def _as_asked(self, name: str) -> str:
        """The snapshot writes in small letters what it looked for in the hashed database."""
        hashed = any(table.lines is Lines.DBM for _, table in self._routing.aliases)
        return name.lower() if self._routing.is_snapshot and hashed else name

    def _unknown_user(self, local: str) -> Steps[Code]:
        channel = self._routing.channel(BAD_USERS)
        if channel is None:
            yield Decision(f"{local} is neither alias nor user")
            return Code.USER
        if not (self._routing.is_snapshot and self._authorization.receiver):
            self._authorization.begin(local)  # the snapshot forgets this, and takes the last address for it
        if not (yield from self._authorization.allows(channel, "")):
            if self._routing.is_snapshot:
                return Code.NO
            yield from self._authorization.refuse()
            return Code.NAUTH
        yield Decision(f"{local} is neither alias nor user: channel {channel.name} takes it", channel.origin)
        self.envelope.queue(channel, channel.host, local)
        return Code.AOK

    # Aliases.

    def _alias(self, name: str, qualifier: str, place: _Place, *, bypass: bool) -> Steps[Code | None]:
        """Expand an alias.  None: the name is none, or is to be taken as none."""
        if not name or name.lower() == place.expanding.lower():
            return None
        hit = yield from self._alias_value(name, bypass=bypass)
        if hit is None:
            return None
        source, answer = hit
        value = answer.values[0]
        if self.envelope.has_expanded(name + qualifier):
            yield Decision(f"alias {name} was expanded already", answer.origin)
            return Code.AOK
        self.envelope.say(f"alias: {name} => {value}")
        yield Decision(f"alias {name} stands for {value}", answer.origin)
        if qualifier:
            if any(mark in value for mark in "|/,"):
                yield Decision(f"{qualifier} cannot be added to {value}", answer.origin)
                return None
            user, at, host = value.rpartition("@")
            value = f"{user}{qualifier}@{host}" if at else f"{value}{qualifier}"
        inside = _Place(source.trusted, name, place.depth + 1)
        result = yield from self._members(value, inside)
        if result.worst is not None:
            self.envelope.say(f"Bad address in alias {name}")
            self.envelope.notices.append(
                replies.bad_alias(self._routing.configuration, name, value, result.bad, result.worst)
            )
        if result.has_good:
            return Code.AOK
        return Code.NAUTH if result.worst is Code.NAUTH else Code.USER

    def _alias_value(self, name: str, *, bypass: bool) -> Steps[tuple[TailorAlias, Answer] | None]:
        """Ask the sources in their order; the first that has the name counts."""
        trouble: TableUnavailableError | None = None
        for source, table in self._routing.aliases:
            if bypass and not source.nobypass:
                continue
            answer = yield Lookup(table.name, name)
            assert answer is not None  # noqa: S101 - a Lookup is always sent an Answer
            if answer.found:
                return source, answer
            if answer.unavailable:
                trouble = TableUnavailableError(answer.unavailable, is_nameserver=table.lines is Lines.NS)
        if trouble is not None:
            raise trouble
        return None

    def _members(self, text: str, place: _Place) -> "Steps[_Members]":
        """Verify every address of an alias or a file."""
        result = _Members()
        for member in read_addresses(text):
            if isinstance(member, AddressMistake):
                result.worst = Code.USER
                continue
            code = yield from self._verify(member, place)
            if not code.is_bad:
                result.has_good |= code is not Code.OK
                continue
            result.worst = Code.NAUTH if code is Code.NAUTH else Code.USER
            result.bad.append(canonical(member))
        return result

    def _include(self, address: MmdfAddress, place: _Place) -> Steps[Code]:
        """Read a file of addresses; one of another host is sent there instead."""
        names = self._routing.configuration.names
        if address.domain and not names.are_us(address.domain):
            hit = yield from find_channel(self._routing, address.domain)
            if hit is None or hit[1] is not self._routing.configuration.local_channel:
                return (yield from self._check(f":Include:{address.local}", address.domain, address.route, place))
        self.envelope.say(f"Including file {address.local}")
        answer = yield from self._ask(INCLUDED_FILES, address.local)
        if not answer.found:
            return Code.FOPN
        inside = replace(place, trusted=False, depth=place.depth + 1)
        result = yield from self._members(answer.values[0].replace("\n", ","), inside)
        if result.worst is not None:
            self.envelope.say(f"Bad address in file {address.local}")
            self.envelope.notices.append(replies.bad_file(self._routing.configuration, address.local, result.bad))
        return Code.AOK if result.has_good else Code.OK

    def _ask(self, table: str, key: str) -> Steps[Answer]:
        answer = yield Lookup(table, key)
        assert answer is not None  # noqa: S101 - a Lookup is always sent an Answer
        if answer.unavailable:
            raise TableUnavailableError(answer.unavailable, is_nameserver=False)
        return answer


class _Members(Struct):
    """What became of the addresses of an alias or a file."""

    has_good: bool = False
    worst: Code | None = None  # None: all were good
    bad: list[str] = field(default_factory=list)
