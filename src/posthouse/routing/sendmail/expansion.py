"""From the addresses that a sender gives to those that mail goes to: rule sets, aliases, rule set 5, ``.forward``.

The order of every step is sendmail's, for it decides who comes first, which of two duplicates is kept, and what is
complained of.  aliases(5), forward in sendmail(8), Sendmail Installation and Operation Guide.
"""

from typing import Final

from msgspec import Struct, field

from posthouse.mail.account import Account
from posthouse.mail.lookup import MapStatus
from posthouse.rewriting.complaint import Complaint
from posthouse.rewriting.engine import CONFIGURATION_ERROR
from posthouse.rewriting.environment import Environment
from posthouse.rewriting.mailers import MailerTraits
from posthouse.rewriting.quotes import strip_quotes
from posthouse.rewriting.recipients import ERROR, FILE, INCLUDE, LOCAL_USER, PROGRAM, Resolved
from posthouse.rewriting.tokens import BLANKS, fold
from posthouse.routing.sendmail import files
from posthouse.routing.sendmail.addressee import Addressee, SendQueue, State
from posthouse.routing.sendmail.compiled import SendmailRouting
from posthouse.routing.sendmail.complaints import MISCONFIGURED, NO_USER, AddressComplaint
from posthouse.routing.sendmail.questions import (
    LoginsUnavailable,
    Steps,
    ask_alias,
    ask_full_name,
    ask_login,
    ask_shell,
)

MOST_ADDRESSES: Final = 10_000  # that one message is expanded to, whoever they are
_LONGEST_OWNED: Final = 249  # octets of a list's name, for which an owner is looked up
_NO_OWNER_ADDRESS: Final = frozenset(',:/|"')  # an alias with these is no single address


class TooWideError(Exception):
    """The addresses of a message expand to more than anybody means; caught by ``Expansion.add``."""


class Remark(Struct, frozen=True):
    """What was done with an address, in words; ``after`` so many complaints."""

    after: int
    text: str


class Expansion(Struct):
    """The addresses of one message.  ``place`` is the file and line that is being read."""

    routing: SendmailRouting
    environment: Environment
    verifies_only: bool = False  # VRFY: what an alias stands for is not asked
    most_addresses: int = MOST_ADDRESSES
    unwanted: Addressee | None = None  # the sender, who is left out of lists that he stands in (MeToo)
    queue: SendQueue = field(default_factory=SendQueue)
    complaints: list[AddressComplaint] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)  # for whoever watches
    notes: list[Remark] = field(default_factory=list)  # for whoever gets a report
    reached: list[Addressee] = field(default_factory=list)  # what the last list led to, duplicates too
    place: str = ""
    _guessed_names: int = 0

    def __post_init__(self) -> None:
        self.queue.holds_expensive = self.routing.holds_expensive

    def add(self, text: str) -> Steps[tuple[Addressee, ...]]:
        """Take a list of addresses as a sender gives it; return them as they were resolved."""
        delimiter = "," if not self.routing.is_old_style or set(",;<(").intersection(text) else " "
        self.reached = []
        before = len(self.queue)
        try:
            return (yield from self.send_to_list(text, delimiter, None, 0))
        except TooWideError:
            self.queue.forget_after(before)
            self.reached, self.place = [], ""
            self.complain(Complaint(f"expands to more than {self.most_addresses} addresses", "550", "5.2.4", text))
            return ()

    def complain(self, complaint: Complaint, exit_status: int = 0) -> AddressComplaint:
        """Note what is wrong."""
        noted = AddressComplaint(complaint, self.place, exit_status)
        self.complaints.append(noted)
        return noted

    def remark(self, text: str, one: Addressee | None = None) -> None:
        """Say what is being done, about an address or about the file that is being read."""
        about = f"{one.written}... " if one is not None else ""
        place = f"{self.place}: " if self.place else ""
        self.remarks.append(Remark(len(self.complaints), f"{place}{about}{text}"))

    def refuse(self, one: Addressee, complaint: Complaint, exit_status: int = 0) -> None:
        """Make an address a bad one, and say why."""
        one.state = State.BAD
        one.reason = str(self.complain(complaint, exit_status).reply)

    def defer(self, one: Addressee, reason: str) -> None:
        """Let an address wait."""
        one.state = State.DEFERRED
        one.reason = reason

    # A list: an argument, the value of an alias, a line of a file.

    def send_to_list(
        self, text: str, delimiter: str, parent: Addressee | None, depth: int
    ) -> Steps[tuple[Addressee, ...]]:
        """Resolve all addresses of a list, then take them up, the last one first."""
        found: list[Addressee] = []
        rest = text.lstrip(BLANKS + ",")
        while rest:
            end = self.routing.program.syntax.scan(rest, delimiter=delimiter).end
            one = yield from self._resolve(rest[:end], parent)
            if one is not None and (yield from self._is_news(one)):
                found.append(one)
            if len(found) + len(self.queue) > self.most_addresses:
                raise TooWideError
            rest = rest[end:].lstrip(BLANKS + ",") if end else ""
        for place in range(len(found) - 1, -1, -1):
            found[place] = yield from self._take_up(found[place], depth)
        return tuple(found)

    def _resolve(self, text: str, parent: Addressee | None) -> Steps[Addressee | None]:
        resolved = yield from self.routing.resolver.resolve(self.environment, text)
        if not isinstance(resolved, Resolved):
            for complaint in resolved:
                self.complain(complaint)
            return None
        return self._addressee(resolved, text, parent)

    def _addressee(self, resolved: Resolved, written: str, parent: Addressee | None) -> Addressee:
        one = Addressee(
            resolved.mailer,
            resolved.host,
            resolved.user,
            written,
            parent,
            is_primary=parent is None,
            stays_local=resolved.stays_local,
        )
        status = resolved.exit_status
        if status == CONFIGURATION_ERROR and resolved.host is None and not resolved.user:
            status = MISCONFIGURED  # not the rules say so: they say nothing that could be understood
        for number, complaint in enumerate(resolved.complaints, start=1):
            if complaint.code:  # the others are for whoever watches
                is_verdict = number == len(resolved.complaints) and (complaint.code >= "5" or resolved.mailer == ERROR)
                self.complain(complaint, status if is_verdict else 0)
        if resolved.is_deferred:
            self.defer(one, str(self.complaints[-1].reply) if resolved.mailer == ERROR and self.complaints else "")
        elif resolved.exit_status or resolved.mailer == ERROR:
            one.state = State.BAD
            one.reason = str(self.complaints[-1].reply) if self.complaints else ""
        return one

    def _is_news(self, one: Addressee) -> Steps[bool]:
        """Note an address that leads back to where it came from; False when its mailbox is met on the way already."""
        if one.alias is None:
            return True
        if one.alias.is_same(one):
            one.alias.refers_to_itself = True
        mailbox = yield from self._mailbox_on_circle(one)
        if mailbox is not None:
            mailbox.refers_to_itself = True
            if mailbox is not one:
                mailbox.stays_local = mailbox.stays_local or one.stays_local
                return False
        one.full_name = one.full_name or one.alias.full_name
        return True

    def _mailbox_on_circle(self, one: Addressee) -> Steps[Addressee | None]:
        """Return the first real mailbox among the addresses that lead to this one, when it is among them itself."""
        earlier = one.alias
        while earlier is not None and not earlier.is_same(one):
            earlier = earlier.alias
        if earlier is None:
            return None
        candidate: Addressee | None = one
        while candidate is not None:
            if self.routing.mailer(candidate.mailer).has("w"):
                account = yield from ask_login(candidate.user)
                if isinstance(account, Account):
                    return earlier if earlier.is_same(candidate) else candidate
            candidate = candidate.alias
        return None

    # One address.

    def _take_up(self, one: Addressee, depth: int) -> Steps[Addressee]:
        """Expand one address, and return it, or the one that it is a duplicate of."""
        deepest = self.routing.deepest_aliases
        if depth > deepest:
            text = f"aliasing/forwarding loop broken ({depth} aliases deep; {deepest} max)"
            self.refuse(one, Complaint(text, "554", "5.4.6"))
            if one.alias is not None:
                one.alias.state, one.alias.reason = State.BAD, one.reason
            return one
        if one.mailer == PROGRAM:
            files.check_program(self, one)
        known = self.queue.find(one)
        if known is not None:
            self.remark("duplicate suppressed", one)
            _merge(known, one)
            one = known
        else:
            self.queue.add(one)
            if self.unwanted is not None and one.alias is not None and one.is_same(self.unwanted):
                one.state = State.DROPPED
            yield from self._expand(one, depth)
        if one.state.is_sendable:
            self.reached.append(one)
        if depth == 0:
            one.is_accepted = True
        return one

    def _expand(self, one: Addressee, depth: int) -> Steps[None]:
        name = one.user
        while one.state is State.OK:
            again = yield from self._try(one, name, depth)
            if again is None:
                break
            name = again
        if one.alias is None and one.state.is_dead and all(other.state.is_dead for other in self.queue):
            self.refuse(one, Complaint("aliasing/forwarding loop broken", "554", "5.4.6"))

    def _try(self, one: Addressee, name: str, depth: int) -> Steps[str | None]:
        """Try aliases, rule set 5 and accounts; return a login name that was guessed, to begin again with."""
        mailer = self.routing.mailer(one.mailer)
        is_quoted = "\\" in name
        if one.mailer == INCLUDE:
            yield from files.include(self, one, depth)
            return None
        if one.mailer == FILE:
            files.check_file(self, one)
        if not is_quoted and one.state is State.OK and mailer.has("A"):
            yield from self._follow_alias(one, depth)
        if one.state is State.OK and self._asks_rule_set(one, mailer):
            yield from self._ask_rule_set(one, depth + 1)
        if one.state is State.OK and mailer.has("w"):
            return (yield from self._find_user(one, strip_quotes(name), depth, is_quoted=is_quoted))
        return None

    def _follow_alias(self, one: Addressee, depth: int) -> Steps[None]:
        if self.routing.no_aliases:
            return
        answer = yield from ask_alias(one.user)
        if answer.status is MapStatus.TEMPORARY:
            self.defer(one, "alias database unavailable")
            return
        if answer.value is None:
            return
        if self.verifies_only:
            one.state = State.VERIFIED
            return
        one.refers_to_itself = False
        self.remark(f"aliased to {answer.value}", one)
        yield from self.send_to_list(answer.value, ",", one, depth + 1)
        if not one.refers_to_itself and one.state is State.OK:
            one.state = State.EXPANDED
        yield from self._find_owner(one)

    def _find_owner(self, one: Addressee) -> Steps[None]:
        """Learn who gets the failures of a list: the alias ``owner-`` of its name."""
        has_own = not one.user.startswith("owner-") and len(one.user) <= _LONGEST_OWNED
        name = f"owner-{one.user}" if has_own else "owner-owner"
        answer = yield from ask_alias(name)
        if answer.value is not None:
            self.notes.append(Remark(len(self.complaints), f"Message delivered to mailing list {one.written}"))
            one.owner = name if _NO_OWNER_ADDRESS.intersection(answer.value) else answer.value.strip(BLANKS)

    def _asks_rule_set(self, one: Addressee, mailer: MailerTraits) -> bool:
        level = self.routing.program.program.level
        return level >= 2 and mailer.has("5") and not one.stays_local and self.routing.has_rule_set(LOCAL_USER)

    def _ask_rule_set(self, one: Addressee, depth: int) -> Steps[None]:
        """Let rule set 5 send a local user elsewhere, whom no alias names."""
        self.environment.define("h", one.host)
        self.environment.define("u", one.user)
        resolved = yield from self.routing.resolver.resolve_local_user(self.environment, one.user)
        if resolved is None:
            return
        if resolved.is_deferred and not resolved.mailer:
            self.defer(one, "a map could not be asked about a local user")
            return
        new = self._addressee(resolved, one.written, one)
        if new.is_same(one):
            return
        new.stays_local = one.stays_local
        new.is_primary = one.is_primary
        one.state = State.REPLACED
        yield from self._take_up(new, depth)

    def _find_user(self, one: Addressee, name: str, depth: int, *, is_quoted: bool) -> Steps[str | None]:
        account = yield from ask_login(name)
        is_guess = account is None and self.routing.matches_full_names
        if is_guess:
            blank = self.routing.program.syntax.blank_substitute
            account = yield from ask_full_name("".join(" " if letter in f"_{blank}" else letter for letter in name))
        if isinstance(account, LoginsUnavailable):
            self.defer(one, f"accounts cannot be looked up: {account.reason}")
            return None
        if account is None:
            self.refuse(one, Complaint("User unknown", "550", "5.1.1", one.written), NO_USER)
            return None
        if is_guess:
            one.user = account.login
            self._guessed_names += 1
            if self._guessed_names > self.routing.deepest_aliases:
                text = f"aliasing/forwarding loop for {account.login} broken"
                self.refuse(one, Complaint(text, "554", "5.4.6"))
            return account.login
        one.login, one.uid, one.gid = account.login, account.uid, account.gid
        one.home = "" if account.home == "/" else account.home
        one.full_name = account.full_name or one.full_name
        one.has_no_shell = not (yield from ask_shell(account.shell))
        if not is_quoted and not self.verifies_only:
            yield from files.forward(self, one, account, depth)
        return None


def _merge(known: Addressee, new: Addressee) -> None:
    """Let the address that is there already take over what a duplicate of it brings."""
    if not known.is_primary:
        if new.state.is_dead:
            known.state = State.DUPLICATE
        known.is_primary = known.is_primary or new.is_primary
    elif known.refers_to_itself:
        known.state = new.state


def is_local(routing: SendmailRouting, one: Addressee) -> bool:
    """Does the address belong to this machine?"""
    return routing.mailer(fold(one.mailer)).has("l")
