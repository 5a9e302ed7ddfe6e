"""One message's addresses, as submit verifies them: the engine.

A domain leads to a host, the host to a channel; what is ours leads to the local part, and that to
an alias, a user, or another address (``user%other@here``).  The order of the questions is MMDF's
own.  Every walk ends: hops are followed at most eleven times, local parts and aliases are nested at most
MOST_NESTED deep, and one line leads to at most MOST_ADDRESSES addresses.
"""

from collections.abc import Sequence

from msgspec import Struct, field
from msgspec.structs import replace

from posthouse.mail.lookup import Decision
from posthouse.rewriting.mmdf.address import AddressMistake, MmdfAddress, first_address, read_addresses
from posthouse.rewriting.mmdf.text import canonical
from posthouse.routing.mmdf import replies
from posthouse.routing.mmdf.authorization import Authorization, Submitter
from posthouse.routing.mmdf.channels import find_channel
from posthouse.routing.mmdf.compiled import DELAY, INCLUDED_FILES, MmdfRouting, Steps, TableUnavailableError
from posthouse.routing.mmdf.domains import find_domain
from posthouse.routing.mmdf.envelope import Envelope
from posthouse.routing.mmdf.mailboxes import Mailboxes
from posthouse.routing.mmdf.outward import Hops, Outward, Target
from posthouse.routing.mmdf.verdict import Checked, Code, MmdfReply
from posthouse.site.tailor.entries import TailorChannel

MOST_HOPS = 10  # of one address; then the tables lead round in a circle
MOST_NESTED = 100  # an alias is two levels; local parts within local parts, and aliases within aliases
MOST_ADDRESSES = 20_000  # from one line


class _Place(Struct, frozen=True):
    """Where in the expansion an address stands."""

    trusted: bool = False  # it may name files and programs: it comes from a trusted alias
    expanding: str = ""  # the innermost alias that is being expanded
    depth: int = 0

    def deeper(self) -> "_Place":
        return replace(self, depth=self.depth + 1)


class AddressCheck:
    """The addresses of one message.  ``check`` each line; ``envelope`` collects what comes of all."""

    def __init__(self, routing: MmdfRouting, submitter: Submitter) -> None:
        self._routing = routing
        self._authorization = Authorization(routing, submitter)
        self._visited = 0
        self.envelope = Envelope(routing)
        self._outward = Outward(routing, self._authorization, self.envelope)
        self._mailboxes = Mailboxes(routing, self._authorization, self.envelope)

    def check(self, line: str) -> Steps[Checked]:
        """Verify the first address of a line.  The result is of this line only, without its trace."""
        envelope = self.envelope
        before = envelope.mark()
        notes, warnings = len(self._authorization.log), len(self._authorization.notices)
        self._visited = 0
        given = first_address(line)
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
            code = yield from self._verify(given, _Place(), shown)
        except TableUnavailableError as error:
            self.envelope.forget_queued(before)  # else a list would be sent to half of its members now, and again later
            self.envelope.say("Nameserver Timeout" if error.is_nameserver else "Table unavailable")
            yield Decision(str(error))
            return replies.deferred(shown, is_nameserver=error.is_nameserver)
        if code.is_bad and code is not Code.NAUTH:
            self.envelope.say("Bad address")
        return replies.reply(code, shown, self._authorization.refusal)

    def _verify(self, address: MmdfAddress, place: _Place, shown: str) -> Steps[Code]:
        """Verify an address; if a table does not answer, the delay channel takes it, if there is one."""
        self.envelope.begin_saying(shown)
        self._visited += 1
        if self._visited > MOST_ADDRESSES or place.depth > MOST_NESTED:
            yield Decision(f"{shown}: the aliases lead too deep or too wide")
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
            self.envelope.queue(delay, self._delayed_from(), shown)
            return Code.DOK

    def _delayed_from(self) -> str:
        submitter, configuration = self._authorization.submitter, self._routing.configuration
        channel = submitter.channel or configuration.switches.default_channel
        return f"{channel}&{submitter.host or configuration.names.full}"

    def _check(self, local: str, domain: str, route: Sequence[str], place: _Place) -> Steps[Code]:
        """Take the hops of an address off until one leads away, or none is left."""
        hops = Hops(list(route), domain)
        explicit: TailorChannel | None = None
        for _ in range(MOST_HOPS + 1):
            hop = hops.take()
            if not hop:
                return (yield from self._local_part(local, place.deeper()))
            if explicit is None and self._routing.are_us(hop):
                yield Decision(f"{hop} is our own name")
                continue
            if explicit is not None and (yield from self._outward.is_on(explicit, hop)):
                return (yield from self._outward.store(Target(explicit, hop, hop), local, hops))
            found = yield from find_domain(self._routing, hop)
            if found is None:
                named = self._outward.named_channel(hop)
                if named is not None:
                    yield Decision(f"{hop} names the channel {named.name}", named.origin)
                    explicit = named
                    continue
                return (yield from self._outward.unknown_host(hop, local, hops))
            if explicit is not None:
                return (yield from self._outward.on_explicit(explicit, found, local, hops))
            outcome = yield from self._outward.next_hop(found, hops)
            if isinstance(outcome, Target):
                return (yield from self._outward.store(outcome, local, hops))
            if outcome is not None:
                return outcome
        yield Decision(f"the tables lead round in a circle from {domain or route[0]}")
        return Code.BHST

    def _local_part(self, local: str, place: _Place) -> Steps[Code]:
        if place.depth > MOST_NESTED:
            yield Decision("the local part names too many hosts")
            return Code.BHST
        inner = self._mailboxes.inner_address(local)
        if inner is not None:
            normal = yield from self._mailboxes.normalized(inner)
            return (yield from self._check(normal.local, normal.domain, normal.route, place))
        channel = self._routing.local_channel
        if channel is None:
            return Code.BHST
        bypass, local = local.startswith("~"), local.removeprefix("~")
        name, qualifier = self._mailboxes.cut(local)
        if not qualifier or qualifier[0] not in "/|":
            code = yield from self._alias(name, qualifier, place, bypass=bypass)
            if code is not None:
                return code
        if (yield from self._mailboxes.is_user(name)):
            return (yield from self._mailboxes.to_user(channel, local, name, qualifier, trusted=place.trusted))
        return (yield from self._mailboxes.unknown_user(local))

    def _alias(self, name: str, qualifier: str, place: _Place, *, bypass: bool) -> Steps[Code | None]:
        """Expand an alias.  None: the name is none, or is to be taken as none."""
        if not name or name.lower() == place.expanding.lower():
            return None
        hit = yield from self._mailboxes.alias_value(name, bypass=bypass)
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

    def _members(self, text: str, place: _Place) -> "Steps[_Members]":
        """Verify every address of an alias or a file."""
        result = _Members()
        for member in read_addresses(text):
            if isinstance(member, AddressMistake):
                result.worst = Code.USER
                continue
            shown = canonical(member)
            code = yield from self._verify(member, place, shown)
            if not code.is_bad:
                result.has_good |= code is not Code.OK
                continue
            result.worst = Code.NAUTH if code is Code.NAUTH else Code.USER
            result.bad.append(shown)
        return result

    def _include(self, address: MmdfAddress, place: _Place) -> Steps[Code]:
        """Read a file of addresses; one of another host is sent there instead."""
        if address.domain and not self._routing.are_us(address.domain):
            hit = yield from find_channel(self._routing, address.domain)
            if hit is None or hit[1] is not self._routing.local_channel:
                return (yield from self._check(f":Include:{address.local}", address.domain, address.route, place))
        if not place.expanding and not self._authorization.submitter.may_name_files:
            yield Decision(f"{address.local} is a file, which only an alias may name here")
            return Code.FOPN
        self.envelope.say(f"Including file {address.local}")
        answer = yield from self._mailboxes.ask(INCLUDED_FILES, address.local)
        if not answer.found:
            return Code.FOPN
        inside = replace(place, trusted=False, depth=place.depth + 1)
        result = yield from self._members(answer.values[0].replace("\n", ","), inside)
        if result.worst is not None:
            self.envelope.say(f"Bad address in file {address.local}")
            self.envelope.notices.append(replies.bad_file(self._routing.configuration, address.local, result.bad))
        return Code.AOK if result.has_good else Code.OK


class _Members(Struct):
    """What became of the addresses of an alias or a file."""

    has_good: bool = False
    worst: Code | None = None  # None: all were good
    bad: list[str] = field(default_factory=list)
