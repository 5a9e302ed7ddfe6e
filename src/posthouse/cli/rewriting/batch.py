"""Questions to sendmail.cf files (or a site.toml with rule sets) as JSON Lines, and their answers.

One process serves a whole stream.  A line that cannot be answered is answered with ``error``, and the stream goes on.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Final

from msgspec import Struct

from posthouse.cli.rewriting.address_test import map_code, purpose_of
from posthouse.cli.rewriting.rewriter import Rewriter, Rewriters, UndefinedRuleSet, add_words, define_macro
from posthouse.mail.errors import MalformedError
from posthouse.mail.lookup import MapStatus
from posthouse.rewriting.complaint import Complaint
from posthouse.rewriting.environment import Environment, Event, RuleSetEntered, RuleSetLeft
from posthouse.rewriting.macros import bare_name, parse_name
from posthouse.rewriting.recipients import ENVELOPE_RECIPIENT
from posthouse.rewriting.symbols import in_octets
from posthouse.rewriting.tokens import BLANKS
from posthouse.site.cf.printing import class_words, macro_value, mailer_lines, rule_lines, visible
from posthouse.site.problems import SiteError

MOST_OCTETS: Final = 1024 * 1024  # of one line
_MOST_SETUP: Final = 1000  # lines
_ANSWERS: Final = frozenset({"out", "msgs", "trace", "cracked", "host", "user", "rcode", "error"})
_ANSWERS_OF_PARSE: Final = frozenset({"mailer", "rulesets"})  # which are questions of other operations
_TRACED: Final = frozenset({"rewrite", "parse", "try"})

Record = dict[str, Any]


class Question(Struct):
    """One line, while it is answered."""

    record: Mapping[str, Any]
    rewriter: Rewriter
    environment: Environment
    messages: list[str]

    def typed(self) -> str:
        """Return the input without the white space around it, as of a line that is typed.  Raises MalformedError."""
        return self.text("in").strip(BLANKS)

    def text(self, field: str, usual: str | None = None) -> str:
        """Return a field as octet text.  Raises MalformedError."""
        value = self.record.get(field, usual)
        if not isinstance(value, str):
            raise MalformedError(f'"{field}" must be a text' if field in self.record else f'"{field}" is missing')
        try:
            return value.encode("utf-8", "surrogateescape").decode("latin-1")
        except UnicodeEncodeError as error:
            raise MalformedError(f'"{field}" holds what is neither UTF-8 nor an escaped octet') from error


def answer_batch(rewriters: Rewriters, site: Path, questions: BinaryIO, answers: BinaryIO) -> int:
    """Answer every line of a stream."""
    for line in _lines(questions):
        answers.write(json.dumps(answer_line(rewriters, site, line)).encode() + b"\n")
        answers.flush()
    return os.EX_OK


def answer_line(rewriters: Rewriters, site: Path, line: bytes) -> Record:
    """Answer one line: its own fields, and what was found out or an ``error``."""
    try:
        record = _read(line)
    except MalformedError as error:
        return {"error": str(error)}
    answered = _ANSWERS | (_ANSWERS_OF_PARSE if record.get("op") == "parse" else frozenset())
    asked = {field: value for field, value in record.items() if field not in answered}
    try:
        return asked | answer_question(rewriters.open(_cf(site, asked)), asked)
    except (MalformedError, SiteError) as error:
        return asked | {"error": str(error)}
    except OSError as error:
        return asked | {"error": f"{error.filename}: {error.strerror}"}


def answer_question(rewriter: Rewriter, record: Mapping[str, Any]) -> Record:
    """Return what is found out.  Raises MalformedError."""
    operation = record.get("op")
    answer = _OPERATIONS.get(operation) if isinstance(operation, str) else None
    if answer is None:
        raise MalformedError(f'"op" must be one of {", ".join(_OPERATIONS)}')
    trace: list[list[str]] = []
    messages: list[str] = []

    def hear(event: Event) -> None:
        if isinstance(event, RuleSetEntered | RuleSetLeft):
            which = "input" if isinstance(event, RuleSetEntered) else "returns"
            trace.append([event.name, which, _shown(event.tokens)])
        elif isinstance(event, Complaint):
            messages.append(str(event))

    environment = rewriter.environment(hear)
    question = Question(record, _set_up(rewriter, environment, record.get("setup", [])), environment, messages)
    found = answer(question)
    return {
        **found,
        **({"trace": trace} if operation in _TRACED else {}),
        **({"msgs": messages} if messages else {}),
    }


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    """Yield the lines that are not empty; of one that is too long its beginning, one octet more than is allowed."""
    while line := stream.readline(MOST_OCTETS + 1):
        rest = line
        while len(rest) > MOST_OCTETS and not rest.endswith(b"\n"):
            rest = stream.readline(MOST_OCTETS + 1)
        if line.strip():
            yield line


def _read(line: bytes) -> Record:
    if len(line) > MOST_OCTETS:
        raise MalformedError(f"the line is longer than {MOST_OCTETS} octets")
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise MalformedError(f"the line is no JSON: {error}") from error
    if not isinstance(record, dict):
        raise MalformedError('the line is no JSON object with "op" and "in"')
    return record


def _cf(site: Path, record: Record) -> Path:
    """Return the file that a line asks: in a folder the one that it names, or the one that is there."""
    if not site.is_dir():
        return site
    name = record.get("cf") or record.get("site")
    if not isinstance(name, str) or Path(name).name != name:
        raise MalformedError(f'"cf" must name a file in {site}')
    path = site / name
    return path / "sendmail.cf" if path.is_dir() else path


def _set_up(rewriter: Rewriter, environment: Environment, lines: object) -> Rewriter:
    if not isinstance(lines, list) or len(lines) > _MOST_SETUP or not all(isinstance(line, str) for line in lines):
        raise MalformedError(f'"setup" must be a list of at most {_MOST_SETUP} lines')
    for line in lines:
        octets = line.encode("utf-8", "surrogateescape").decode("latin-1")
        name, end = parse_name(octets, 2, _refuse)
        if octets.startswith(".D"):
            define_macro(environment, name, octets[end:], rewriter.program.program.level)
        elif octets.startswith(".C"):
            rewriter = add_words(rewriter, environment, name, octets[end:])
        else:
            raise MalformedError(f'"setup" takes lines .Dname value and .Cname words, not {line!r}')
    return rewriter


def _refuse(reason: str) -> None:
    raise MalformedError(f'"setup": {reason}')


def _rewrite(question: Question) -> Record:
    out: list[list[str]] = []
    results = question.rewriter.rule_sets(question.environment, question.text("in"), question.text("rulesets"))
    for result in results:
        if isinstance(result, UndefinedRuleSet):
            question.messages.append(f"Undefined ruleset {result.name}")
            return {"out": out, "error": f"there is no rule set {result.name}"}
        out.append([result.label, _shown(result.tokens)])
    return {"out": out}


def _parse(question: Question) -> Record:
    rewriter, text = question.rewriter, question.typed()
    purpose = purpose_of(question.text("flags", "ER"), ENVELOPE_RECIPIENT)
    cracked = visible(rewriter.crack(text))
    resolved = rewriter.parse(question.environment, text, purpose)
    if resolved is None:
        question.messages.append("Cannot parse")
        return {"cracked": cracked, "rulesets": []}
    return {
        "cracked": cracked,
        "mailer": resolved.mailer,
        "host": _written(resolved.host) or None,
        "user": _written(resolved.user),
        "rulesets": [[name, _shown(tokens)] for name, tokens in resolved.rewrites],
    }


def _try(question: Question) -> Record:
    name = question.text("mailer")
    mailer = question.rewriter.mailer(name)
    if mailer is None:
        raise MalformedError(f"there is no mailer {name}")
    purpose = purpose_of(question.text("flags", "ER"), ENVELOPE_RECIPIENT)
    named = question.rewriter.name_for(question.environment, question.typed(), mailer, purpose)
    return {"rcode": named.status, "out": _written(named.text)}


def _canon(question: Question) -> Record:
    host = question.typed()
    return {"out": _written(question.rewriter.canonical_name(question.environment, host) or host)}


def _map(question: Question) -> Record:
    name = question.text("map")
    found = question.rewriter.program.map(name)
    if found is None:
        raise MalformedError(f"there is no map {name}")
    answer = question.rewriter.ask_literally(question.environment, name, question.typed())
    value = answer.value if answer.status is MapStatus.FOUND else None  # a map with -T has a value for rules alone
    return {"out": _written(value), "rcode": map_code(found.declaration.kind, answer)}


def _macro(question: Question) -> Record:
    value = macro_value(question.environment.macros, bare_name(question.typed()))
    return {"out": "Undefined" if value is None else value}


def _class(question: Question) -> Record:
    return {"out": class_words(question.rewriter.configuration, bare_name(question.typed())) or [""]}


def _mailers(question: Question) -> Record:
    return {"out": mailer_lines(question.rewriter.configuration)}


def _rules(question: Question) -> Record:
    name = question.typed()
    number = question.rewriter.program.number_of(name)
    lines = None if number is None else rule_lines(question.rewriter.configuration, str(number))
    if lines is None:
        raise MalformedError(f"there is no rule set {name}")
    return {"out": lines}


_OPERATIONS: Final[Mapping[str, Callable[[Question], Record]]] = {
    "rewrite": _rewrite,
    "parse": _parse,
    "try": _try,
    "canon": _canon,
    "map": _map,
    "macro": _macro,
    "class": _class,
    "mailers": _mailers,
    "rules": _rules,
}


def _shown(tokens: tuple[str, ...]) -> str:
    """Return tokens as test mode prints them."""
    return " ".join(visible(token) for token in tokens)


def _written(text: str | None) -> str | None:
    return None if text is None else in_octets(text).encode("latin-1", "replace").decode("utf-8", "surrogateescape")
