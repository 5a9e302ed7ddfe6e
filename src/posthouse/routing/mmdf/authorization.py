"""May a message of this sender, from this host and channel, go to this address on that channel?

First the hosts and channels are asked about (the four tables of the two channels), then the people
(the table ``auth``).  What neither allows is refused, or noted, by the modes of the channels; of
modes that are given together the strongest holds.  MMDF auth(5).
"""

from enum import IntEnum

from msgspec import Struct, field

from posthouse.mail.errors import MalformedError
from posthouse.mail.lookup import Answer, Decision, Lookup
from posthouse.mail.mmdf_fields import value_fields
from posthouse.mail.notice import Notice
from posthouse.rewriting.mmdf.address import MmdfAddress, parse_address
from posthouse.rewriting.mmdf.text import as_822
from posthouse.routing.mmdf.compiled import AUTHORIZATIONS, MmdfRouting, Steps, TableUnavailableError
from posthouse.site.tailor.entries import Auth, TailorChannel

_USER = "username"  # stands for the user where a whole route is the key
_IN = Auth.INLOG | Auth.INWARN | Auth.INBLOCK
_OUT = Auth.OUTLOG | Auth.OUTWARN | Auth.OUTBLOCK


class Mode(IntEnum):
    """What happens to what is not allowed; the larger is the stronger."""

    FREE = 0
    LOG = 1
    WARN = 2
    BLOCK = 3


class Submitter(Struct, frozen=True):
    """Where a message comes from.

    ``channel`` "" is a user of this machine; ``address`` is then the login name, and ``answers_to`` where a warning
    is sent.  ``may_claim``: the sender is known to be who he says, or the caller is trusted, so that the rights of
    the sender count.  ``may_name_files``: files of addresses that he names are opened, because who opens them has his
    rights; those that aliases name are opened for everybody.
    """

    address: str
    channel: str = ""
    host: str = ""
    answers_to: str = ""
    may_claim: bool = True
    may_name_files: bool = True


class _Rights(Struct, frozen=True):
    """What the table says of one person.  ``kind`` "" is: nothing."""

    kind: str = ""
    channels: frozenset[str] = frozenset()
    reason: str = ""  # why they ended; "" where the table does not say

    def allow(self, channel: TailorChannel, *, sending: bool) -> bool:
        """Do they cover a channel in one direction?"""
        kinds = {"both", "send"} if sending else {"both", "recv", "list"}
        return self.kind in kinds and channel.name.lower() in self.channels


_NO_RIGHTS = _Rights()
_KINDS = frozenset({"both", "send", "recv", "list"})
_EXPIRED = "expire"


class _Pair(Struct, frozen=True):
    """The two channels of one question, the hosts at their ends, and what each side asks for."""

    source: TailorChannel
    target: TailorChannel
    from_host: str
    to_host: str
    incoming: Mode
    outgoing: Mode


class Authorization(Struct):
    """The authorization of one message: every address that is checked, and the log that comes of it."""

    routing: MmdfRouting
    submitter: Submitter
    log: list[str] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    receiver: str = ""  # the last one checked, as the table ``auth`` knows it
    refusal: str = ""  # why, as submit says it
    _sender: _Rights | None = None
    _receiver: _Rights | None = None
    _channels: tuple[str, str] = ("", "")  # the last two that were asked about

    def begin(self, address: str) -> None:
        """Take up an address, in RFC 822 form; its channels are tried one after the other."""
        self.receiver = self._key_of(address, of_neighbours=True)
        self._receiver = None

    def allows(self, target: TailorChannel, to_host: str) -> Steps[bool]:
        """May the address that was taken up go out on this channel?"""
        if not self.routing.asks_authorization:
            return True
        pair = self._pair(target, to_host)
        if pair is None or (pair.incoming is Mode.FREE and pair.outgoing is Mode.FREE):
            return True
        self._channels = (pair.source.name, target.name)
        hosts = yield from self._hosts(pair)
        if hosts is not None:
            owner, code, shown_from, shown_to = hosts
            self._note(pair, f"r='{code}' hi='{shown_from}' ho='{shown_to}'")
            if Auth.HAU not in owner.auth:
                return True
        elif Auth.HAU in pair.source.auth or Auth.HAU in target.auth:
            self.log.append(
                f"NO HOST AUTH i='{pair.source.name}' o='{target.name}' s='{self._sender_name}' "
                f"r='{self.receiver}' msg=''"
            )
            return False
        return (yield from self._users(pair))

    def refuse(self) -> Steps[None]:
        """Say why the address that was taken up goes nowhere; ``refusal`` is the text for the sender."""
        sender = yield from self._sender_rights()
        receiver = yield from self._receiver_rights()
        who, to = self._sender_name, self.receiver
        if sender.kind == _EXPIRED:
            text = f"sender '{who}' no longer authorized for address '{to}'"
            if sender.reason:
                text = f"sender '{who}' no authorization for address '{to}' for reason: ({sender.reason})"
        elif receiver.kind == _EXPIRED:
            text = f"recipient '{to}' no longer authorized"
            if receiver.reason:
                text = f"recipient '{to}' no authorization for reason: ({receiver.reason})"
        else:
            text = f"sender '{who}' not authorized to send to address '{to}'"
        if any(self._channels):
            came, went = self._channels
            self.log.append(f"BAD AUTH i='{came}' o='{went}' s='{who}' r='{to}' msg='{text}'")
        self.refusal = f"{text} : send queries to {self._contact}"
        yield Decision(self.refusal)

    # The hosts.

    def _pair(self, target: TailorChannel, to_host: str) -> _Pair | None:
        name = self.submitter.channel
        source = self.routing.channel(name) if name else self.routing.local_channel
        if source is None:
            return None
        from_host = self.submitter.host if name else source.lname
        if Auth.DHO in source.auth:
            from_host = _route_of(self.submitter.address)
        if Auth.DHO in target.auth:
            to_host = _route_of(self.receiver)
        return _Pair(source, target, from_host, to_host, self._mode(source.auth & _IN), self._mode(target.auth & _OUT))

    def _mode(self, asked: Auth) -> Mode:
        if not asked:
            return Mode.FREE
        if self.routing.is_snapshot and len(asked) > 1:
            return Mode.LOG  # it compares for equality, and equal to two modes is none
        if asked & (Auth.INBLOCK | Auth.OUTBLOCK):
            return Mode.BLOCK
        return Mode.WARN if asked & (Auth.INWARN | Auth.OUTWARN) else Mode.LOG

    def _hosts(self, pair: _Pair) -> Steps[tuple[TailorChannel, str, str, str] | None]:
        """Ask the tables of hosts, in their order.  The answer: whose table allows it, the code, the hosts shown."""
        source, target, came, goes = pair.source, pair.target, pair.from_host, pair.to_host
        # Whose table, the table, the key; the code and the hosts to show when the value is empty, names the other
        # channel, names the other host.
        questions = (
            (target, target.outdest, goes, ("OH", "", goes), (source.name, "CH", "", goes), (came, "HH", came, goes)),
            (source, source.insrc, came, ("IH", came, ""), (target.name, "HC", came, ""), (goes, "HH", came, goes)),
            (target, target.outsrc, source.name, ("CC", "", ""), None, (goes, "CH", "", goes)),
            (target, target.outsrc, came, ("IH", came, ""), None, (goes, "HH", came, goes)),
            (source, source.indest, target.name, ("CC", "", ""), None, (came, "HC", came, "")),
            (source, source.indest, goes, ("OH", "", goes), None, (came, "HH", came, goes)),
        )
        for owner, table, key, when_empty, *others in questions:
            if not table or not key:
                continue
            value = yield from self._value(table, key)
            if value is None:
                continue
            listed = [one.lower() for one in value_fields(value)]
            if not listed:
                return (owner, *when_empty)
            for other in others:
                if other is not None and other[0].lower() in listed:
                    return (owner, *other[1:])
        return None

    # The people.

    def _users(self, pair: _Pair) -> Steps[bool]:
        """Ask about the people, each side for itself: a list before its senders, a sender before the receiver."""
        receiver = yield from self._receiver_rights()
        is_list = receiver.kind == "list"
        sides = [(pair.source, pair.incoming, "I"), (pair.target, pair.outgoing, "O")]
        found: list[str] = []
        warnings = 0
        for channel, mode, side in sides:
            if mode is Mode.FREE:
                found.append("")
                continue
            sender = yield from self._sender_rights()
            if is_list and receiver.allow(channel, sending=False):
                found.append(f"{side}L")
            elif sender.allow(channel, sending=True):
                found.append(f"{side}S")
            elif not is_list and receiver.allow(channel, sending=False):
                found.append(f"{side}R")
            elif mode is Mode.BLOCK:
                return False
            else:
                found.append(f"*{side}")
                warnings += mode is Mode.WARN
        self._note(pair, f"r='{found[0]}' r='{found[1]}'")
        for _ in range(warnings):
            self._warn()
        yield Decision(f"{self.receiver} may go: {' '.join(one for one in found if one)}")
        return True

    def _sender_rights(self) -> Steps[_Rights]:
        if self._sender is None:
            self._sender = (yield from self._rights(self._sender_name)) if self.submitter.may_claim else _NO_RIGHTS
        return self._sender

    def _receiver_rights(self) -> Steps[_Rights]:
        if self._receiver is None:
            self._receiver = yield from self._rights(self.receiver)
        return self._receiver

    def _rights(self, person: str) -> Steps[_Rights]:
        if not self.routing.has_authorizations or not person:
            return _NO_RIGHTS
        value = yield from self._value(AUTHORIZATIONS, person)
        if value is None:
            return _NO_RIGHTS
        kind, *channels = value_fields(value) or ("",)
        known = frozenset(name.lower() for name in channels if self.routing.channel(name) is not None)
        if kind.lower() in _KINDS:
            return _Rights(kind.lower(), known)
        return _Rights(_EXPIRED, known, "" if kind.lower() == _EXPIRED else kind)

    def _value(self, table: str, key: str) -> Steps[str | None]:
        answer: Answer | None = yield Lookup(table, key)
        assert answer is not None  # noqa: S101 - a Lookup is always sent an Answer
        if answer.unavailable:
            raise TableUnavailableError(answer.unavailable, is_nameserver=False)
        return answer.values[0] if answer.found else None

    # What comes of it.

    @property
    def _sender_name(self) -> str:
        return self._key_of(self.submitter.address, of_neighbours=False)

    @property
    def _contact(self) -> str:
        configuration = self.routing.configuration
        return configuration.people.auth_request or f"{configuration.people.login}@{configuration.names.full}"

    def _key_of(self, address: str, *, of_neighbours: bool) -> str:
        """Strip our own domain; of receivers that of our machines, too: ``foo@m2.here`` is foo."""
        person, at, domain = address.partition("@")
        if not person or not at:
            return address
        ours = self.routing.configuration.names.full.lower()
        above = domain.partition(".")[2].lower()
        if domain.lower() == ours:
            return person.removeprefix("~") if of_neighbours else person
        return person.removeprefix("~") if of_neighbours and above == ours else address

    def _note(self, pair: _Pair, why: str) -> None:
        self.log.append(f"i='{pair.source.name}' o='{pair.target.name}' a='{self.receiver}' {why}")

    def _warn(self) -> None:
        if not self.submitter.answers_to:
            return
        text = f"\nNot authorized to send mail to address: {self.receiver}\n\nMessage  sent anyhow\n\n"
        sender = f"Authorization Warning Daemon <{self._contact}>"
        self.notices.append(Notice((self.submitter.answers_to,), "Authorization Warning", text, sender))


def _route_of(address: str) -> str:
    """Return the whole route of an address, with a word in the place of the user."""
    try:
        parsed = parse_address(address)
    except MalformedError:
        parsed = MmdfAddress(address)
    before, bang, user = parsed.local.rpartition("!")
    _, percent, after = user.partition("%")
    return as_822(f"{before}{bang}{_USER}{percent}{after}", parsed.domain, parsed.route)
