"""From an address to where it goes: the engine.  It asks, decides, and does nothing else.

Aliases are followed breadth first.  An address is met only once, however many
lists it is on.  One whose aliases lead back to itself is delivered to when it is a user
(``joe: joe, joe@elsewhere``) and contributes nothing when it is not; so every
walk ends, and the result does not depend on its order.  The rule: nothing is dropped in
silence; a member that leads nowhere is a problem of the result, or its refusal.
"""

import re
from collections import deque
from collections.abc import Generator

from msgspec import Struct, field
from msgspec.structs import replace

from posthouse.mail.address import Address
from posthouse.mail.address_list import parse_address_list
from posthouse.mail.lookup import BUILTIN, Answer, Decision, Lookup
from posthouse.mail.reply import Reply
from posthouse.mail.route import Route
from posthouse.routing import replies
from posthouse.routing.compiled import Routing, canonical_domain
from posthouse.routing.cycles import on_cycles
from posthouse.routing.directions import host_keys, read_direction, refusal, virtual_keys
from posthouse.routing.resolution import Deferred, Destination, Refused, Resolution, Resolved, Routed
from posthouse.site.model import LOGIN_NAMES, Domain, DomainKind

Steps = Generator[Lookup | Decision, Answer | None, Resolution]
_Key = tuple[str, str]

# Values that sendmail and MMDF deliver to a program, a file or the members of a list file.
NOT_AN_ADDRESS = re.compile(r'(?:^|,)\s*"?(?:\||/|:include:)', re.IGNORECASE)
_LOCAL_CHANNEL = "local"
_POSTMASTER = "postmaster"


def resolve(routing: Routing, address: Address) -> Steps:
    """Resolve one address.  Yields Lookups (send the Answer) and Decisions (send None)."""
    destination = routing.destination_of(address)
    expansion = _Expansion(routing, address)
    try:
        yield from expansion.follow(address)
        yield from expansion.close_cycles()
        found = expansion.result(destination)
    except _TableUnavailableError as error:
        return Deferred(destination, error.reply, str(error))
    except _HopelessError as error:
        found = Refused(destination, error.reply, str(error))
    if isinstance(found, Refused) and destination is Destination.LOCAL and _is_postmaster(address):
        # RFC 5321 section 4.5.1: mail to postmaster is never refused, whatever the aliases say.
        yield Decision(f"postmaster is never refused ({found.reason}): kept in its own mailbox")
        return Resolved(destination, (expansion.last_resort(),), (found.reason,))
    return found


class _TableUnavailableError(Exception):
    """A table cannot answer, or says so; caught by resolve, which defers the whole address."""

    def __init__(self, reason: str, reply: Reply | None = None) -> None:
        super().__init__(reason)
        self.reply = reply or replies.try_later()


class _HopelessError(Exception):
    """The whole address is refused, whatever else it led to; caught by resolve."""

    def __init__(self, reply: Reply, reason: str) -> None:
        super().__init__(reason)
        self.reply = reply


class _Expansion(Struct):
    """The walk from one address through the aliases."""

    routing: Routing
    asked: Address
    met: dict[_Key, Address] = field(default_factory=dict)  # in the order of meeting
    edges: dict[_Key, list[_Key]] = field(default_factory=dict)
    ends: dict[_Key, Routed] = field(default_factory=dict)
    failures: list[tuple[Reply, str]] = field(default_factory=list)
    waiting: deque[tuple[_Key, int]] = field(default_factory=deque)

    def follow(self, address: Address) -> Generator[Lookup | Decision, Answer | None, None]:
        """Visit the address and everything that its aliases lead to."""
        completed = self._complete(address)
        if completed is not address:
            yield Decision(f"{address} is meant as {completed}")
        self._meet(completed, 0)
        while self.waiting:
            key, depth = self.waiting.popleft()
            yield from self._visit(key, depth)

    def close_cycles(self) -> Generator[Lookup | Decision, Answer | None, None]:
        """Deliver to the users among the addresses whose aliases lead back to them."""
        cyclic = on_cycles(self.edges)
        for key in [key for key in self.edges if key in cyclic]:
            address = self.met[key]
            domain = self.routing.domain_of(key[1])
            mailbox = "" if domain is None else (yield from self._mailbox(domain, address))
            if mailbox and domain is not None:
                yield Decision(f"the aliases of {address} lead back to it: delivered to the user {mailbox} too")
                self._end_locally(key, domain, mailbox)
            else:
                yield Decision(f"the aliases of {address} lead back to it, and it is no user: followed no further")

    def result(self, destination: Destination) -> Resolution:
        """Say what the walk found."""
        if self.ends:
            recipients = {self.ends[key].address.key: self.ends[key] for key in self.met if key in self.ends}
            problems = tuple(reason for _, reason in self.failures)
            return Resolved(destination, tuple(recipients.values()), problems)
        if self.failures:
            reply, reason = self.failures[0]
            return Refused(destination, reply, reason)
        return Refused(
            destination, replies.alias_loop(self.asked), f"the aliases of {self.asked} lead only to each other"
        )

    def last_resort(self) -> Routed:
        """Return the mailbox of the postmaster itself."""
        routing = self.routing
        address = Address(_POSTMASTER, routing.default_domain)
        channel = routing.domains[routing.default_domain].channel or _LOCAL_CHANNEL
        return Routed(routing.route(channel, address), address)

    def _complete(self, address: Address) -> Address:
        """Give a bare local-part, or an address at our own address literal, the site's own domain."""
        if self.routing.is_ours(canonical_domain(address.domain)):
            return Address(address.local_part, self.routing.default_domain)
        return address

    def _meet(self, address: Address, depth: int) -> _Key:
        """Note an address that is to be visited, once."""
        name = canonical_domain(address.domain)
        is_local = self._kind(name) is DomainKind.LOCAL
        key = (address.local_part.lower() if is_local else address.local_part, name)
        if key in self.met:
            return key
        if depth > self.routing.alias_depth:
            raise _HopelessError(
                replies.alias_loop(self.asked),
                f"the aliases of {self.asked} are nested deeper than limits.alias_depth = {self.routing.alias_depth}",
            )
        if len(self.met) > self.routing.alias_width:
            raise _HopelessError(
                replies.too_wide(self.asked),
                f"{self.asked} expands to more than limits.alias_width = {self.routing.alias_width} addresses",
            )
        self.met[key] = address
        self.waiting.append((key, depth))
        return key

    def _kind(self, name: str) -> DomainKind | None:
        domain = self.routing.domain_of(name)
        return None if domain is None else domain.kind

    def _visit(self, key: _Key, depth: int) -> Generator[Lookup | Decision, Answer | None, None]:
        address, name = self.met[key], key[1]
        domain = self.routing.domain_of(name)
        if domain is None:
            yield Decision(f"{name} is not one of our domains")
            yield from self._end_by_rule(key)
            return
        covering = "" if domain.name == name else f", a subdomain of {domain.name}"
        yield Decision(f"{name} is a {domain.kind.value} domain{covering}", domain.origin)
        if self.routing.virtual_tables and (yield from self._follow_virtual(key, domain, depth)):
            return
        if domain.kind is DomainKind.RELAY:
            yield from self._visit_relay(key, domain)
        elif not (yield from self._follow_aliases(key, depth)):
            yield from self._visit_user(key, domain, address, depth)

    def _visit_relay(self, key: _Key, domain: Domain) -> Generator[Lookup | Decision, Answer | None, None]:
        address = self.met[key]
        # RFC 5321 section 4.5.1: every domain has a postmaster, whether the table names one or not.
        is_known = not domain.recipients or _is_postmaster(address)
        if not is_known and not (yield from self._is_in(domain.recipients, address)):
            yield Decision(f"{address} is in none of the tables of recipients of {domain.name}", domain.origin)
            self._fail(replies.unknown_user(self.asked), f"{address} is not a recipient of {domain.name}")
        elif domain.channel:
            yield Decision(f"{domain.name} goes to channel {domain.channel}", domain.origin)
            self.ends[key] = Routed(self.routing.route(domain.channel, address), address)
        else:
            yield from self._end_by_rule(key)

    def _end_by_rule(self, key: _Key) -> Generator[Lookup | Decision, Answer | None, None]:
        address, name = self.met[key], key[1]
        if self.routing.mailertables and (yield from self._end_by_table(key)):
            return
        rule = self.routing.rule_for(name)
        if rule is None:
            yield Decision(f"no route for {name}")
            self._fail(replies.no_route(self.asked), f"no route for {name}")
            return
        route = self.routing.route(rule.channel, address, rule.relay)
        # An administrator looks for the line that says so: of the built-in route there is none.
        which = "no [[route]] is for it: the built-in route" if rule.origin == BUILTIN else "route"
        yield Decision(
            f"{which} {rule.pattern} sends {name} to channel {rule.channel}{_to_host(route.host)}", rule.origin
        )
        self.ends[key] = Routed(route, address)

    def _end_by_table(self, key: _Key) -> Generator[Lookup | Decision, Answer | None, bool]:
        """End where a table of next hops says; False: none knows the host."""
        address, name = self.met[key], key[1]
        for table in self.routing.mailertables:
            for host, before in host_keys(name):
                answer = yield from _ask(table, host)
                if answer.found:
                    yield from self._go(key, address, answer, before)
                    return True
        return False

    def _go(self, key: _Key, address: Address, answer: Answer, before: str) -> Generator[Decision, None, None]:
        value = answer.values[0]
        if self._is_refused(value, f"{answer.origin}"):
            yield Decision(f"{key[1]} is refused: {value}", answer.origin)
            return
        direction = read_direction(value, before)
        if direction.channel == _LOCAL_CHANNEL:
            target = self._complete(Address(direction.host or address.local_part, ""))
            yield Decision(f"{key[1]} is kept here, as {target}", answer.origin)
            self.edges[key] = [self._meet(target, 1)]
            return
        known = self.routing.channels
        channel = direction.channel if direction.channel in known or not direction.is_smtp else "smtp"
        if channel not in known:
            yield Decision(f"there is no channel {channel}", answer.origin)
            self._fail(replies.no_route(self.asked), f"{value!r}: there is no channel {channel} ({answer.origin})")
            return
        route = Route(channel, direction.host or key[1], address)
        yield Decision(f"{key[1]} goes to channel {channel}{_to_host(route.host)}", answer.origin)
        self.ends[key] = Routed(route, address)

    def _follow_virtual(
        self, key: _Key, domain: Domain, depth: int
    ) -> Generator[Lookup | Decision, Answer | None, bool]:
        """Meet whom the tables of virtual users mean by the address.  False: none knows it."""
        if domain.kind is DomainKind.RELAY and key[1] not in self.routing.virtual_domains:
            return False
        address = self.met[key]
        for wanted in virtual_keys(address):
            for table in self.routing.virtual_tables:
                answer = yield from _ask(table, wanted.key)
                if not answer.found:
                    continue
                if self._is_refused(answer.values[0], f"{answer.origin}"):
                    yield Decision(f"{address} is refused: {answer.values[0]}", answer.origin)
                    return True
                meant = replace(answer, values=tuple(map(wanted.filled, answer.values)))
                targets = yield from self._targets(address, meant)
                self.edges[key] = [self._meet(self._complete(target), depth + 1) for target in targets]
                return True
        return False

    def _is_refused(self, value: str, where: str) -> bool:
        """Note the refusal that a table says.  Raises _TableUnavailableError when it is one for the time being."""
        reply = refusal(value)
        if reply is None:
            return False
        if reply.is_transient:
            raise _TableUnavailableError(f"{value} ({where})", reply)
        self._fail(reply, f"{value} ({where})")
        return True

    def _follow_aliases(self, key: _Key, depth: int) -> Generator[Lookup | Decision, Answer | None, bool]:
        """Meet what the first table that knows the address says of it.  False: none does."""
        address = self.met[key]
        for source in self.routing.aliases:
            answer = yield from self._ask_both(source.table, address)
            if answer is not None:
                targets = yield from self._targets(address, answer)
                self.edges[key] = [self._meet(self._complete(target), depth + 1) for target in targets]
                return True
        return False

    def _targets(self, alias: Address, answer: Answer) -> Generator[Decision, None, list[Address]]:
        """Read the value of an alias."""
        targets: list[Address] = []
        for value in answer.values:
            if NOT_AN_ADDRESS.search(value):
                yield Decision(f"{value!r} is not yet a recipient here", answer.origin)
                raise _HopelessError(
                    replies.not_a_recipient(self.asked),
                    f"alias {alias} has {value!r}, a file, program or include, which is not yet a recipient here "
                    f"({answer.origin})",
                )
            parsed = parse_address_list(value, self.routing.alias_width + 1)
            targets += parsed.addresses
            for problem in parsed.problems:
                yield Decision(problem, answer.origin)
                self._fail(replies.not_a_recipient(self.asked), f"alias {alias}: {problem} ({answer.origin})")
        if targets:
            yield Decision(f"alias {alias} stands for {_listed(targets)}", answer.origin)
        else:
            yield Decision(f"alias {alias} has no address", answer.origin)
            self._fail(replies.not_a_recipient(self.asked), f"alias {alias} has no address ({answer.origin})")
        return targets

    def _visit_user(
        self, key: _Key, domain: Domain, address: Address, depth: int
    ) -> Generator[Lookup | Decision, Answer | None, None]:
        """End at a local user; the postmaster without an alias is whom the site names."""
        if _is_postmaster(address):
            targets = parse_address_list(self.routing.postmaster).addresses
            named = [target for target in map(self._complete, targets) if not self._is_local_postmaster(target)]
            if named:
                yield Decision(f"the site's postmaster is {_listed(named)}")
                self.edges[key] = [self._meet(target, depth + 1) for target in named]
                return
        mailbox = yield from self._mailbox(domain, address)
        if mailbox:
            channel = domain.channel or _LOCAL_CHANNEL
            yield Decision(f"{mailbox} is a user of {domain.name}, on channel {channel}", domain.origin)
            self._end_locally(key, domain, mailbox)
        else:
            yield Decision(f"{address} is neither an alias nor a user of {domain.name}", domain.origin)
            self._fail(replies.unknown_user(self.asked), f"{address} is neither an alias nor a user")

    def _is_local_postmaster(self, address: Address) -> bool:
        return _is_postmaster(address) and self._kind(canonical_domain(address.domain)) is DomainKind.LOCAL

    def _mailbox(self, domain: Domain, address: Address) -> Generator[Lookup, Answer | None, str]:
        """Return the name of a user's mailbox, in lower case or as passwd(5) has it; "" for no user."""
        name = address.local_part.lower()
        if (yield from self._is_in(domain.users, address)):
            return name
        if domain.login_names:
            answer = yield from _ask(LOGIN_NAMES, address.local_part)
            if answer.found:
                return answer.values[0] if answer.values[0].lower() == name else name
        return ""

    def _is_in(self, tables: tuple[str, ...], address: Address) -> Generator[Lookup, Answer | None, bool]:
        for table in tables:
            if (yield from self._ask_both(table, address)) is not None:
                return True
        return False

    def _ask_both(self, table: str, address: Address) -> Generator[Lookup, Answer | None, Answer | None]:
        """Ask for ``local@domain``, then for the local-part alone.  None: neither is there."""
        for lookup_key in lookup_keys(address):
            answer = yield from _ask(table, lookup_key)
            if answer.found:
                return answer
        return None

    def _end_locally(self, key: _Key, domain: Domain, mailbox: str) -> None:
        address = Address(mailbox, key[1])
        self.ends[key] = Routed(self.routing.route(domain.channel or _LOCAL_CHANNEL, address), address)

    def _fail(self, reply: Reply, reason: str) -> None:
        self.failures.append((reply, reason))


def lookup_keys(address: Address) -> tuple[str, ...]:
    """Return the keys under which a table may know an address, the most specific first."""
    whole = f"{address.local_part}@{canonical_domain(address.domain)}"
    # Alone, the local-part of "joe@branch.example"@example.org would be taken for another address.
    return (whole,) if "@" in address.local_part else (whole, address.local_part)


def _ask(table: str, key: str) -> Generator[Lookup, Answer | None, Answer]:
    answer = yield Lookup(table, key)
    if answer is None:
        raise ValueError("a Lookup is to be sent its Answer")
    if answer.unavailable:
        raise _TableUnavailableError(f"table {table} is unavailable: {answer.unavailable}")
    return answer


def _is_postmaster(address: Address) -> bool:
    return address.local_part.lower() == _POSTMASTER


def _listed(addresses: list[Address], most: int = 5) -> str:
    """Name a few addresses in a clause."""
    shown = ", ".join(map(str, addresses[:most]))
    return shown if len(addresses) <= most else f"{shown} and {len(addresses) - most} more"


def _to_host(host: str) -> str:
    return f", host {host}" if host else ""
