"""An address resolved: rule sets 3 and 0 name the mailer, host and user; 2, R= and 4 finish the user.

Sendmail Installation and Operation Guide, section 5.2.
"""

from collections.abc import Generator, Mapping
from typing import Final

from msgspec import Struct

from posthouse.mail.lookup import MapAnswer, MapQuestion
from posthouse.rewriting.compiled import CompiledProgram
from posthouse.rewriting.complaint import Complaint
from posthouse.rewriting.engine import CONFIGURATION_ERROR, OK, TEMPORARY_FAILURE, rewrite
from posthouse.rewriting.environment import Environment
from posthouse.rewriting.mailers import MailerTraits
from posthouse.rewriting.quotes import strip_quotes
from posthouse.rewriting.soundness import inspect_user, octet_complaint
from posthouse.rewriting.tokens import fold
from posthouse.rewriting.triples import Triple, read_refusal, read_triple

CANONIFY, RESOLVE, RECIPIENT, FINAL, LOCAL_USER = 3, 0, 2, 4, 5
QUEUE_GROUP: Final = "queuegroup"  # the rule set that is asked which queue a recipient waits in
USAGE_ERROR: Final = 64
ERROR, PROGRAM, FILE, INCLUDE = "*error*", "prog", "*file*", "*include*"
_INCLUDE: Final = ":include:"
_DEFERRED: Final = "Transient parse error -- message queued for future delivery"

Asked = Generator[MapQuestion, MapAnswer, "Resolved"]
Rewrites = tuple[tuple[str, tuple[str, ...]], ...]  # rule set and result, of every call from outside


class Purpose(Struct, frozen=True):
    """What an address is rewritten for: envelope or header, sender or recipient."""

    is_header: bool = False
    is_sender: bool = False

    @property
    def address_type(self) -> str:
        """The value of the macro {addr_type}."""
        return f"{'h' if self.is_header else 'e'} {'s' if self.is_sender else 'r'}"


ENVELOPE_RECIPIENT: Final = Purpose()


class Resolved(Struct, frozen=True):
    """Where an address goes: nowhere when ``exit_status`` is not 0.  The mailer is then *error*, but for a user that
    no mailer may be given.

    ``is_deferred``: a map could not answer, so that nothing may be concluded yet.  ``stays_local``: the host part
    began with ``@``, and the user must not be looked up elsewhere.
    """

    mailer: str
    host: str | None
    user: str
    exit_status: int = OK
    is_deferred: bool = False
    stays_local: bool = False
    complaints: tuple[Complaint, ...] = ()
    rewrites: Rewrites = ()


class AddressResolver:
    """Resolves addresses by one program and its mailers (by lower-case name)."""

    def __init__(self, program: CompiledProgram, mailers: Mapping[str, MailerTraits]) -> None:
        self._program = program
        self._mailers = mailers

    def resolve(
        self, environment: Environment, address: str, purpose: Purpose = ENVELOPE_RECIPIENT
    ) -> Generator[MapQuestion, MapAnswer, "Resolved | tuple[Complaint, ...]"]:
        """Resolve an address in octet text; answers complaints alone when it is none at all."""
        scanned = self._program.syntax.scan(address)
        work = _Work(self._program, environment, address)
        work.complain_all(scanned.complaints)
        if scanned.tokens is None:
            return tuple(work.complaints)
        invalid = octet_complaint(address, purpose.is_sender)
        if invalid is not None:
            work.complain(invalid)
            return tuple(work.complaints)
        environment.define("addr_type", purpose.address_type)
        tokens = yield from work.rewrite(CANONIFY, scanned.tokens)
        tokens = yield from work.rewrite(RESOLVE, tokens)
        was_deferred = work.status == TEMPORARY_FAILURE
        resolved = yield from self._build(work, tokens, purpose)
        unsound, shown = inspect_user(resolved.user, purpose.is_sender)
        if unsound is not None:
            work.complain(unsound, about=address)
            resolved = Resolved(resolved.mailer, resolved.host, shown, resolved.exit_status or USAGE_ERROR)
        elif was_deferred and resolved.mailer != ERROR:
            work.complain(Complaint(_DEFERRED, "", "4.4.3"))
        elif resolved.mailer != ERROR and purpose == ENVELOPE_RECIPIENT:
            yield from self._ask_for_queue(work, resolved.user)
        return work.finish(resolved, was_deferred)

    def _ask_for_queue(self, work: "_Work", user: str) -> Generator[MapQuestion, MapAnswer, None]:
        """Run the rule set queuegroup, if there is one, for those who watch: there is one queue here."""
        number = self._program.number_of(QUEUE_GROUP)
        if number is None:
            return
        scanned = self._program.syntax.scan(user)
        if scanned.tokens is not None:
            yield from work.rewrite(number, scanned.tokens)

    def resolve_local_user(
        self, environment: Environment, user: str
    ) -> Generator[MapQuestion, MapAnswer, "Resolved | None"]:
        """Run rule set 5 on a local user whom no alias names; None when it does not resolve anew."""
        scanned = self._program.syntax.scan(user)
        if scanned.tokens is None:
            return None
        environment.define("addr_type", ENVELOPE_RECIPIENT.address_type)
        work = _Work(self._program, environment, user)
        work.complain_all(scanned.complaints)
        tokens = yield from work.rewrite(LOCAL_USER, scanned.tokens)
        if work.status == TEMPORARY_FAILURE:
            return work.finish(Resolved("", None, user), was_deferred=True)
        if read_triple(tokens) is None:
            return None
        return work.finish((yield from self._build(work, tokens, ENVELOPE_RECIPIENT)), was_deferred=False)

    def _build(self, work: "_Work", tokens: tuple[str, ...], purpose: Purpose) -> Asked:
        """Read the triple and finish the user."""
        triple = read_triple(tokens)
        if triple is None:
            return work.misconfigured("buildaddr: no mailer in parsed address")
        if triple.user is None:
            return work.misconfigured("buildaddr: no user")
        if fold(triple.mailer) == "error":
            refusal = read_refusal(triple, self._program.syntax, work.address)
            work.complain(refusal.reply, about=refusal.reply.about)
            return Resolved(
                ERROR, refusal.host or None, refusal.user, refusal.exit_status, is_deferred=refusal.is_temporary
            )
        mailer = self._mailers.get(fold(triple.mailer))
        if mailer is None:
            return work.misconfigured(f"buildaddr: unknown mailer {triple.mailer}")
        if triple.host is None and not mailer.has("l"):
            return work.misconfigured("buildaddr: no host")
        return (yield from self._finish(work, mailer, triple, purpose))

    def _finish(self, work: "_Work", mailer: MailerTraits, triple: Triple, purpose: Purpose) -> Asked:
        host = self._program.syntax.join(triple.host) if triple.host else None
        tokens = triple.user or ()
        stays_local = mailer.has("@") and tokens[:1] and tokens[0].startswith("@")
        if stays_local:
            tokens = tokens[1:]
        text = self._program.syntax.join(tokens, " ")
        special = _special(mailer, text)
        if special == INCLUDE:
            return Resolved(INCLUDE, host, strip_quotes(text)[len(_INCLUDE) :], stays_local=bool(stays_local))
        mailer = self._mailers.get(special, MailerTraits(special)) if special else mailer
        work.define("h", host)
        if self._program.program.level >= 10 or not (purpose.is_sender or purpose.is_header):
            tokens = yield from work.rewrite(RECIPIENT, tokens)
            if mailer.recipient_envelope:
                tokens = yield from work.rewrite(mailer.recipient_envelope, tokens)
        tokens = yield from work.rewrite(FINAL, tokens)
        user = self._program.syntax.join(tokens)
        if host is not None and not mailer.has("h"):
            host = fold(host)
            work.define("h", host)
        return Resolved(
            mailer.name,
            host,
            user if mailer.has("u") else fold(user),
            stays_local=bool(stays_local),
        )


def _special(mailer: MailerTraits, user: str) -> str:
    """Return the mailer of a program, a file or a list of addresses; "" for an ordinary user."""
    first = user.removeprefix('"')[:1]
    if first == "|" and mailer.has("|"):
        return PROGRAM
    if first == "/" and mailer.has("/"):
        return FILE
    if first == ":" and mailer.has(":") and fold(strip_quotes(user)).startswith(_INCLUDE):
        return INCLUDE
    return ""


class _Work:
    """One address on its way: what was complained of, the worst status, the results of rule sets."""

    def __init__(self, program: CompiledProgram, environment: Environment, address: str) -> None:
        self._program = program
        self._environment = environment
        self.address = address
        self.complaints: list[Complaint] = []
        self.status = OK
        self._rewrites: list[tuple[str, tuple[str, ...]]] = []

    def rewrite(self, number: int, tokens: tuple[str, ...]) -> Generator[MapQuestion, MapAnswer, tuple[str, ...]]:
        done = yield from rewrite(self._program, self._environment, number, tokens)
        self.complaints.extend(done.complaints)
        self._rewrites.append((self._program.label(number), done.tokens))
        if done.status == TEMPORARY_FAILURE:
            self.status = TEMPORARY_FAILURE
        return done.tokens

    def define(self, name: str, value: str | None) -> None:
        self._environment.define(name, value)

    def complain(self, complaint: Complaint, about: str = "") -> None:
        shown = Complaint(complaint.text, complaint.code, complaint.status, about or complaint.about)
        self.complaints.append(shown)
        if self._environment.listener is not None:
            self._environment.listener(shown)

    def complain_all(self, complaints: tuple[Complaint, ...]) -> None:
        for complaint in complaints:
            self.complain(complaint)

    def misconfigured(self, text: str) -> Resolved:
        self.complain(Complaint(text, status="5.3.5"))
        return Resolved(ERROR, None, "", CONFIGURATION_ERROR)

    def finish(self, resolved: Resolved, was_deferred: bool) -> Resolved:
        return Resolved(
            resolved.mailer,
            resolved.host,
            resolved.user,
            resolved.exit_status,
            resolved.is_deferred or was_deferred,
            resolved.stays_local,
            tuple(self.complaints),
            tuple(self._rewrites),
        )
