"""One sendmail.cf with its maps, to ask what becomes of an address: what test mode and batches share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct
from msgspec.structs import replace

from posthouse.adapters.cf_accounts import logins_of
from posthouse.adapters.cf_maps import open_cf_maps, service_switch
from posthouse.adapters.cf_surroundings import surroundings_of
from posthouse.adapters.clock_system import SystemClock
from posthouse.adapters.logins_passwd import FileLogins, MachineLogins
from posthouse.adapters.map_answers import MapAnswers, MapAnswersNow
from posthouse.cli.submission.people import account_name
from posthouse.mail.lookup import MapAnswer, MapQuestion
from posthouse.mail.problem import Problem
from posthouse.rewriting.compiled import CompiledProgram
from posthouse.rewriting.complaint import Complaint
from posthouse.rewriting.crack import ALWAYS_QUOTED, crack
from posthouse.rewriting.engine import rewrite
from posthouse.rewriting.environment import Environment, Event
from posthouse.rewriting.lookups import ask_key, ask_map
from posthouse.rewriting.macros import expand
from posthouse.rewriting.mailers import MailerTraits
from posthouse.rewriting.program import MapDeclaration, RewritingProgram
from posthouse.rewriting.recipients import AddressResolver, Purpose, Resolved
from posthouse.rewriting.remote_names import HeaderSyntax, RemoteName, remote_name
from posthouse.rewriting.soundness import octet_complaint
from posthouse.rewriting.tokens import fold
from posthouse.site.cf.declared import CfConfiguration, MailerDeclaration
from posthouse.site.cf.dollars import translate
from posthouse.site.cf.machine import Surroundings as CfSurroundings
from posthouse.site.cf.reader import read_cf
from posthouse.site.toml.rewriting import read_rules

if TYPE_CHECKING:
    from posthouse.ports import Logins

TEST_MODE: Final = "t"  # what the macro {opMode} is


class Surroundings(Struct, frozen=True):
    """What is taken from elsewhere than this machine: login names, a host name, a hosts file; "" and None are ours."""

    users: Path | None = None
    host_name: str = ""
    hosts: Path | None = None


# No name that a configuration can give a map.
MAIL_EXCHANGERS: Final = MapDeclaration(" mail exchangers", "bestmx", "-z,")


class RuleSetResult(Struct, frozen=True):
    """What one rule set made of an address, with its status of sysexits(3)."""

    number: int
    label: str
    tokens: tuple[str, ...]
    status: int
    names: str  # it, and the rule sets that were to follow


class UndefinedRuleSet(Struct, frozen=True):
    """There is no rule set of this name; the rest of the list is not run."""

    name: str
    is_bad_number: bool


class Rewriter:
    """Rewrites, parses and asks maps by one configuration.  Text is octet text."""

    def __init__(self, configuration: CfConfiguration, maps: MapAnswersNow, problems: tuple[Problem, ...] = ()) -> None:
        self.configuration = configuration
        self.problems = problems
        self.maps = maps
        self._switch = service_switch(configuration)
        self._mailers = {name: _traits(mailer) for name, mailer in configuration.mailers.items()}
        self._take(configuration.program)

    def _take(self, program: RewritingProgram) -> None:
        self.program = CompiledProgram(program)
        self._resolver = AddressResolver(self.program, self._mailers)

    def close(self) -> None:
        """Let go of what the maps keep open."""
        with self.maps:
            pass

    def environment(self, listener: Callable[[Event], None] | None = None) -> Environment:
        """Return the macros of the configuration, which may then be changed."""
        return Environment(self.program.program.macros, switch=self._switch, listener=listener)

    def with_words(self, class_name: str, words: list[str]) -> Rewriter:
        """Return the same with more words in a class."""
        classes = dict(self.program.program.classes)
        classes[class_name] = classes.get(class_name, frozenset()) | {fold(word) for word in words}
        spellings = dict(self.configuration.spellings)
        for word in words:
            spellings.setdefault(fold(word), word)
        program = replace(self.program.program, classes=classes)
        return Rewriter(replace(self.configuration, program=program, spellings=spellings), self.maps, self.problems)

    def mailer(self, name: str) -> MailerTraits | None:
        """Return a mailer by its name, in whatever case."""
        return self._mailers.get(fold(name))

    def rule_sets(self, environment: Environment, text: str, names: str) -> Iterator[RuleSetResult | UndefinedRuleSet]:
        """Run rule sets (``3,0``) one after the other on each of the addresses between commas."""
        invalid = octet_complaint(text)
        if invalid is not None:
            _tell(environment, Complaint(invalid.text))
            return
        while True:
            scanned = self.program.syntax.scan(text, self.program.rule_table, ",")
            for complaint in scanned.complaints:
                _tell(environment, complaint)
            if scanned.tokens is not None:
                yield from self.run_rule_sets(environment, scanned.tokens, names)
            if scanned.end >= len(text):
                return
            text = text[scanned.end + 1 :]

    def run_rule_sets(
        self, environment: Environment, tokens: tuple[str, ...], names: str
    ) -> Iterator[RuleSetResult | UndefinedRuleSet]:
        """Run rule sets one after the other on tokens."""
        while names:
            number = self.program.number_of(names.lstrip())
            if number is None:
                yield UndefinedRuleSet(names, names.lstrip()[:1].isdigit())
                return
            done = self.maps.answer_all(rewrite(self.program, environment, number, tokens))
            tokens = done.tokens
            yield RuleSetResult(number, self.program.label(number), tokens, done.status, names)
            names = names.partition(",")[2]

    def crack(self, address: str) -> str:
        """Return what a person wrote around an address, with ``$g`` in its place."""
        syntax = self._header_syntax()
        return crack(address, syntax.must_quote, syntax.colon_is_ordinary)

    def _header_syntax(self) -> HeaderSyntax:
        must_quote = self.configuration.text("MustQuoteChars") + ALWAYS_QUOTED
        return HeaderSyntax(must_quote, self.configuration.flag("ColonOkInAddr"))

    def parse(self, environment: Environment, address: str, purpose: Purpose) -> Resolved | None:
        """Resolve an address; None when it is none."""
        resolved = self.maps.answer_all(self._resolver.resolve(environment, address, purpose))
        return resolved if isinstance(resolved, Resolved) else None

    def name_for(self, environment: Environment, address: str, mailer: MailerTraits, purpose: Purpose) -> RemoteName:
        """Rewrite an address as the other side of a mailer shall see it."""
        return self.maps.answer_all(
            remote_name(self.program, environment, address, mailer, purpose, syntax=self._header_syntax())
        )

    def canonical_name(self, environment: Environment, host: str) -> str | None:
        """Return the canonical name of a host; None when nobody knows it.  An address in brackets has none here."""
        if host.startswith("["):
            return None
        found = self.program.map("host")
        answer = self.ask(environment, "host", host)
        if answer.value is None or found is None:
            return None
        return answer.value.removesuffix(found.arguments.suffix)

    def ask_literally(self, environment: Environment, name: str, key: str) -> MapAnswer:
        """Ask a map for a key as it stands, with its quotes."""
        return self.maps.answer_all(ask_key(self.program, environment, name, key))

    def mail_exchangers(self, domain: str) -> list[str]:
        """Return the hosts that take mail for a domain; none where DNS is not to be asked."""
        answer = self.maps.ask(MapQuestion(MAIL_EXCHANGERS.name, domain))
        return answer.value.split(",") if answer.value else []

    def ask(self, environment: Environment, name: str, key: str) -> MapAnswer:
        """Ask a map."""
        return self.maps.answer_all(ask_map(self.program, environment, name, key))


def define_macro(environment: Environment, name: str, text: str, level: int) -> None:
    """Give a macro a value as a D line of a configuration of this level has it."""
    environment.define(name, translate(text, level, _overlook))


def add_words(rewriter: Rewriter, environment: Environment, name: str, text: str) -> Rewriter:
    """Return the rewriter with words in a class as a C line has them."""
    level = rewriter.program.program.level
    words = expand(translate(text, level, _overlook), environment.macros).split()
    return rewriter.with_words(name, words)


def _overlook(_: str) -> None:
    """Do without complaints: a name that is none gives nothing, as in the real program."""


def _tell(environment: Environment, event: Event) -> None:
    if environment.listener is not None:
        environment.listener(event)


def _traits(mailer: MailerDeclaration) -> MailerTraits:
    return MailerTraits(
        mailer.name,
        mailer.flags,
        mailer.sender_envelope,
        mailer.sender_header,
        mailer.recipient_envelope,
        mailer.recipient_header,
    )


class Rewriters:
    """The configurations of one run, each read when it is first asked for.  A context manager, for their maps."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._surroundings = surroundings
        self._clock = SystemClock()
        self._open: dict[Path, Rewriter] = {}

    def __enter__(self) -> Rewriters:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of what the maps keep open."""
        for rewriter in self._open.values():
            rewriter.close()

    def open(self, path: Path) -> Rewriter:
        """Return the configuration of a file, with every mistake that stands in it.  Raises OSError."""
        if path not in self._open:
            with path.open("rb"):
                pass  # what cannot be read at all is no configuration with mistakes
            self._open[path] = self._read(path)
        return self._open[path]

    def _read(self, path: Path) -> Rewriter:
        given = self._surroundings
        logins: Logins = FileLogins(given.users, self._clock) if given.users else MachineLogins(self._clock)

        def account(name: str) -> tuple[int, int] | None:
            found = logins.find(name)
            return (found.uid, found.gid) if found else None

        def completed(surroundings: CfSurroundings) -> CfSurroundings:
            macros = {"opMode": TEST_MODE, "_": f"{account_name()}@localhost"}
            return replace(surroundings, account=account, macros=macros)

        if path.suffix == ".toml":
            configuration = read_rules(
                path, lambda hosts: completed(surroundings_of(None, given.host_name, given.hosts or hosts))
            )
        else:
            configuration = read_cf(path, completed(surroundings_of(path, given.host_name, given.hosts)))
        logins = logins_of(configuration, self._clock, given.users)
        opened = open_cf_maps(configuration, self._clock, logins, given.hosts, (MAIL_EXCHANGERS,))
        return Rewriter(configuration, MapAnswersNow(MapAnswers(opened.maps, self._clock)), opened.problems)
