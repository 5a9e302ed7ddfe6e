"""What is ours: local parts, users, and what the alias tables say of them."""

from msgspec.structs import replace

from posthouse.mail.errors import MalformedError
from posthouse.mail.lookup import Answer, Decision, Lookup
from posthouse.rewriting.mmdf.address import MmdfAddress, parse_address
from posthouse.routing.mmdf.authorization import Authorization
from posthouse.routing.mmdf.compiled import BAD_USERS, MAIL_IDS, MmdfRouting, Steps, TableUnavailableError
from posthouse.routing.mmdf.domains import find_domain
from posthouse.routing.mmdf.envelope import Envelope
from posthouse.routing.mmdf.verdict import Code
from posthouse.site.model import LOGIN_NAMES
from posthouse.site.tailor.entries import Lines, TailorAlias, TailorChannel


class Mailboxes:
    """What this machine knows of a local part."""

    def __init__(self, routing: MmdfRouting, authorization: Authorization, envelope: Envelope) -> None:
        self._routing = routing
        self._authorization = authorization
        self._envelope = envelope

    def is_user(self, name: str) -> Steps[bool]:
        if not name:
            return False
        table = MAIL_IDS if self._routing.configuration.switches.mail_ids else LOGIN_NAMES
        return (yield from self.ask(table, name)).found

    def to_user(self, channel: TailorChannel, local: str, name: str, qualifier: str, *, trusted: bool) -> Steps[Code]:
        self._authorization.begin(name)
        is_delivery = qualifier[:1] in {"/", "|"}
        if is_delivery and not trusted:
            yield Decision(f"{local} names a file or a program, which only a trusted alias may")
        elif (yield from self._authorization.allows(channel, "")):
            kept = self._as_asked(name)
            self._envelope.queue(channel, "", local if qualifier else kept)
            return Code.AOK
        yield from self._authorization.refuse()
        return Code.NAUTH

    def _as_asked(self, name: str) -> str:
        """The snapshot writes in small letters what it looked for in the hashed database."""
        if not self._routing.is_snapshot:
            return name
        hashed = any(table.lines is Lines.DBM for _, table in self._routing.aliases)
        return name.lower() if hashed else name

    def unknown_user(self, local: str) -> Steps[Code]:
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
        self._envelope.queue(channel, channel.host, local)
        return Code.AOK

    def alias_value(self, name: str, *, bypass: bool) -> Steps[tuple[TailorAlias, Answer] | None]:
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

    def inner_address(self, local: str) -> MmdfAddress | None:
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

    def normalized(self, address: MmdfAddress) -> Steps[MmdfAddress]:
        """Give every domain of an inner address its official name; unknown ones stay."""
        official: list[str] = []
        for hop in address.hops:
            found = yield from find_domain(self._routing, hop)
            official.append(hop if found is None else found.official)
        if not address.domain:
            return replace(address, route=tuple(official))
        return replace(address, domain=official[-1], route=tuple(official[:-1]))

    def cut(self, local: str) -> tuple[str, str]:
        """Cut a local part at its qualifier: a file, a program or a tag."""
        mark = self._routing.qualifier.search(local)
        return (local, "") if mark is None else (local[: mark.start()], local[mark.start() :])

    def ask(self, table: str, key: str) -> Steps[Answer]:
        answer = yield Lookup(table, key)
        assert answer is not None  # noqa: S101 - a Lookup is always sent an Answer
        if answer.unavailable:
            raise TableUnavailableError(answer.unavailable, is_nameserver=False)
        return answer
