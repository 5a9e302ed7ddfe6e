"""Answers of the real sendmail in address test mode, and our own to the same questions.

The answers are in tests/data/sendmail/rewrite.jsonl.  The configuration is made by m4 from Debian's package
sendmail-cf, as an administrator would; ``@CORPUS@`` in every file is the folder that they are copied to.
"""

import asyncio
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from posthouse.adapters.clock_system import SystemClock
from posthouse.adapters.map_sources import Surroundings as MapSurroundings
from posthouse.adapters.map_sources import open_maps
from posthouse.adapters.resolver_memory import MemoryResolver
from posthouse.mail.lookup import MapAnswer, MapQuestion
from posthouse.rewriting.compiled import CompiledProgram
from posthouse.rewriting.complaint import Complaint
from posthouse.rewriting.crack import crack
from posthouse.rewriting.drive import drive
from posthouse.rewriting.engine import rewrite
from posthouse.rewriting.environment import Environment, Event, RuleSetEntered, RuleSetLeft
from posthouse.rewriting.lookups import ask_map
from posthouse.rewriting.mailers import MailerTraits
from posthouse.rewriting.recipients import AddressResolver, Purpose, Resolved
from posthouse.rewriting.remote_names import remote_name
from posthouse.rewriting.soundness import octet_complaint
from posthouse.site.cf.declared import CfConfiguration
from posthouse.site.cf.machine import Surroundings, machine_of, parse_hosts
from posthouse.site.cf.printing import class_words, macro_value, mailer_lines, rule_lines, visible
from posthouse.site.cf.reader import read_cf

DATA = Path(__file__).parent.parent / "data" / "sendmail"
PLACE = "@CORPUS@"
CF_FOLDER = Path("/usr/share/sendmail/cf")
_SETUP = re.compile(r"\.D(\{[^}]*\}|.)(.*)", re.DOTALL)

Case = dict[str, Any]


def make_corpus(folder: Path, m4: str) -> Path:
    """Copy the corpus, make the configuration, and return its path."""
    corpus = folder / "corpus"
    shutil.copytree(DATA, corpus)
    for path in corpus.rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes().replace(PLACE.encode(), str(corpus).encode()))
    made = subprocess.run(
        [m4, f"-D_CF_DIR_={CF_FOLDER}/", str(CF_FOLDER / "m4/cf.m4"), str(corpus / "public.mc")],
        capture_output=True,
        check=True,
    )
    (corpus / "public.cf").write_bytes(made.stdout)
    return corpus / "public.cf"


def read_cases(path: Path) -> Iterator[Case]:
    """Return the recorded cases."""
    for line in path.read_text("utf-8").splitlines():
        yield json.loads(line)


def octets(text: str) -> str:
    """Return text of a case as octet text."""
    return text.encode("utf-8", "surrogateescape").decode("latin-1")


def shown(tokens: tuple[str, ...] | list[str]) -> str:
    """Return tokens as test mode prints them."""
    return " ".join(visible(token) for token in tokens)


@dataclass(frozen=True)
class _Asked:
    """One case, with what it may change and where its steps are noted."""

    case: Case
    environment: Environment
    events: list[Event]


class TestMode:
    """One configuration, asked as ``sendmail -bt`` is."""

    __test__ = False

    def __init__(self, cf: Path) -> None:
        self._corpus = cf.parent
        hosts = parse_hosts((self._corpus / "maps/hosts").read_text())
        surroundings = Surroundings(machine=machine_of("mx1", hosts), macros={"opMode": "t"})
        self.configuration: CfConfiguration = read_cf(cf, surroundings)
        self.program = CompiledProgram(self.configuration.program)
        self.mailers = {
            name: MailerTraits(
                mailer.name,
                mailer.flags,
                mailer.sender_envelope,
                mailer.sender_header,
                mailer.recipient_envelope,
                mailer.recipient_header,
            )
            for name, mailer in self.configuration.mailers.items()
        }
        self.resolver = AddressResolver(self.program, self.mailers)
        self._maps = open_maps(
            self.configuration.program.maps,
            MapSurroundings(
                clock=SystemClock(),
                logins=_NoLogins(),
                resolver=MemoryResolver(),
                hosts_file=self._corpus / "maps/hosts",
                host_services=("files",),
                domain=self.configuration.program.macros.get("m", ""),
            ),
        ).maps
        self._loop = asyncio.new_event_loop()

    def close(self) -> None:
        """Let the event loop of the maps go."""
        self._loop.close()

    def answer(self, question: MapQuestion) -> MapAnswer:
        """Ask a real map."""
        return self._loop.run_until_complete(self._maps[question.map.lower()].lookup(question.key, question.arguments))

    def run(self, case: Case) -> Case:
        """Answer one case, in the form of the recorded ones."""
        events: list[Event] = []
        environment = Environment(self.configuration.program.macros, listener=events.append)
        for line in case.get("setup", ()):
            name, value = _SETUP.fullmatch(line).groups()  # type: ignore[union-attr] # every setup line is one
            environment.define(name.strip("{}"), octets(value))
        answered = getattr(self, f"_{case['op']}")(_Asked(case, environment, events))
        trace = [
            [event.name, "input" if isinstance(event, RuleSetEntered) else "returns", shown(event.tokens)]
            for event in events
            if isinstance(event, RuleSetEntered | RuleSetLeft)
        ]
        messages = [str(event) for event in events if isinstance(event, Complaint)] + answered.pop("more", [])
        traced = case["op"] in ("rewrite", "parse", "try")
        result = {**answered, **({"trace": trace} if traced else {}), **({"msgs": messages} if messages else {})}
        return {key: _plain(value, self._corpus) for key, value in result.items()}

    def _rewrite(self, asked: _Asked) -> Case:
        out: list[list[str]] = []
        rest = octets(asked.case["in"])
        invalid = octet_complaint(rest)
        if invalid is not None:
            return {"out": [], "more": [invalid.text]}
        while True:
            scanned = self.program.syntax.scan(rest, self.program.rule_table, ",")
            asked.events.extend(scanned.complaints)
            tokens = scanned.tokens
            for name in asked.case["rulesets"].split(",") if tokens else ():
                number = self.program.number_of(name)
                assert number is not None, name
                done = drive(rewrite(self.program, asked.environment, number, tokens or ()), self.answer)
                tokens = done.tokens
                out.append([self.program.label(number), shown(tokens)])
            rest = rest[scanned.end + 1 :]
            if not rest:
                return {"out": out}

    def _parse(self, asked: _Asked) -> Case:
        text = octets(asked.case["in"])
        cracked = shown([crack(text, colon_is_ordinary=self._colon_is_ordinary())])
        flags = asked.case.get("flags", "ER")
        resolved = drive(
            self.resolver.resolve(asked.environment, text, Purpose(flags.startswith("H"), flags.endswith("S"))),
            self.answer,
        )
        if not isinstance(resolved, Resolved):
            return {"cracked": cracked, "rulesets": [], "more": ["Cannot parse"]}
        return {
            "cracked": cracked,
            "mailer": resolved.mailer,
            "host": _written(resolved.host) or None,
            "user": _written(resolved.user),
            "rulesets": [[name, shown(tokens)] for name, tokens in resolved.rewrites],
        }

    def _colon_is_ordinary(self) -> bool:
        configuration = self.configuration
        if configuration.is_set("ColonOkInAddr"):
            return configuration.flag("ColonOkInAddr")
        return configuration.program.level < 6

    def _try(self, asked: _Asked) -> Case:
        purpose = Purpose(asked.case["flags"].startswith("H"), asked.case["flags"].endswith("S"))
        mailer = self.mailers[asked.case["mailer"].lower()]
        named = drive(
            remote_name(self.program, asked.environment, octets(asked.case["in"]), mailer, purpose), self.answer
        )
        return {"rcode": named.status, "out": _written(named.text)}

    def _canon(self, asked: _Asked) -> Case:
        answer = drive(ask_map(self.program, asked.environment, "host", octets(asked.case["in"])), self.answer)
        return {"out": asked.case["in"] if answer.value is None else _written(answer.value.removesuffix("."))}

    def _map(self, asked: _Asked) -> Case:
        answer = drive(
            ask_map(self.program, asked.environment, asked.case["map"], octets(asked.case["in"])), self.answer
        )
        return {"out": None if answer.value is None else _written(answer.value), "rcode": 0}

    def _macro(self, asked: _Asked) -> Case:
        value = macro_value(self.configuration, asked.case["in"].strip("{}"))
        return {"out": "Undefined" if value is None else value}

    def _class(self, asked: _Asked) -> Case:
        return {"out": class_words(self.configuration, asked.case["in"].strip("{}")) or [""]}

    def _mailers(self, _: _Asked) -> Case:
        return {"out": mailer_lines(self.configuration)}

    def _rules(self, asked: _Asked) -> Case:
        return {"out": rule_lines(self.configuration, asked.case["in"])}


QUESTION = {"cf", "op", "in", "setup", "rulesets", "flags", "mailer", "map"}


def differences(case: Case, ours: Case) -> list[str]:
    """Return one line for each field that differs; the first step alone of a trace."""
    asked = QUESTION - ({"rulesets", "mailer"} if case["op"] == "parse" else set())
    lines = []
    for field in sorted((set(case) | set(ours)) - asked):
        wanted, got = case.get(field), ours.get(field)
        if field == "trace" and isinstance(wanted, list) and isinstance(got, list):
            pairs = [(one, other) for one, other in zip(wanted, got, strict=False) if one != other]
            wanted, got = pairs[0] if pairs else (len(wanted), len(got))
        if wanted != got:
            lines.append(f"  {field}: recorded {wanted!r}\n  {' ' * len(field)}  ours     {got!r}")
    return lines


def _written(text: str | None) -> str | None:
    return None if text is None else text.encode("latin-1", "replace").decode("utf-8", "surrogateescape")


def _plain(value: Any, corpus: Path) -> Any:
    """Put the placeholder back where a path of this run stands."""
    return json.loads(json.dumps(value).replace(str(corpus), PLACE))


class _NoLogins:
    """A machine without accounts."""

    def find(self, _: str) -> None:
        return None

    def by_uid(self, _: int) -> None:
        return None

    def accounts(self) -> Iterator[Any]:
        return iter(())

    def shell_is_listed(self, _: str) -> bool:
        return False


@cache
def public_cases() -> tuple[Case, ...]:
    """Return the recorded cases of the public corpus."""
    return tuple(read_cases(DATA / "rewrite.jsonl"))
