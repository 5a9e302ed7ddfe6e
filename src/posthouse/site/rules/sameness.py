"""Do two configurations say the same?  ``posthouse convert`` writes nothing that would be read as something else."""

from collections.abc import Iterator, Mapping
from typing import Final, TypeVar

from msgspec import Struct
from msgspec.structs import asdict

from posthouse.rewriting.program import RuleSet
from posthouse.rewriting.tokens import Syntax, Table
from posthouse.site.cf.declared import CfConfiguration, MailerDeclaration, Setting

_Key = TypeVar("_Key")
_RULE_SETS_OF_MAILER: Final = ("sender_envelope", "sender_header", "recipient_envelope", "recipient_header")
_ELSEWHERE: Final = ("number", "origin", *_RULE_SETS_OF_MAILER)


def differences(before: CfConfiguration, after: CfConfiguration) -> Iterator[str]:
    """Yield what is not the same, each named for people."""
    one, other = before.program, after.program
    if (one.level, one.operators, one.blank_substitute) != (other.level, other.operators, other.blank_substitute):
        yield "the level, OperatorChars or BlankSub"
    yield from _different("macro", one.macros, other.macros)
    # A class without words and one that nobody has heard of are the same.
    yield from _different("class", *({name: words for name, words in p.classes.items() if words} for p in (one, other)))
    yield from _different("map", *({name: (m.kind, m.arguments) for name, m in p.maps.items()} for p in (one, other)))
    yield from _different("rule set", _rule_sets(before), _rule_sets(after))
    yield from _different(
        "option", *({n: tuple(map(_value, s)) for n, s in c.settings.items()} for c in (before, after))
    )
    yield from _different("mailer", _mailers(before), _mailers(after))
    yield from _different("header", *(dict(enumerate(_headers(c))) for c in (before, after)))
    yield from _different("precedence", before.priorities, after.priorities)
    yield from _different("environment", before.environment, after.environment)
    yield from _different("queue group", *({n: _fields(g) for n, g in c.queue_groups.items()} for c in (before, after)))
    yield from _different("filter", *({m.name: _fields(m) for m in c.milters} for c in (before, after)))


def _different(what: str, before: Mapping[_Key, object], after: Mapping[_Key, object]) -> Iterator[str]:
    for name in dict.fromkeys((*before, *after)):
        if before.get(name) != after.get(name):
            yield f"{what} {name}"


def _value(setting: Setting) -> tuple[object, str]:
    return setting.value, setting.text


def _fields(struct: Struct) -> dict[str, object]:
    return {name: value for name, value in asdict(struct).items() if name not in _ELSEWHERE}


def _headers(configuration: CfConfiguration) -> Iterator[dict[str, object]]:
    return map(_fields, configuration.headers)


def _label(configuration: CfConfiguration, number: int) -> str:
    found = configuration.program.rule_sets.get(number, RuleSet(number))
    return found.name or str(number)


def _mailers(configuration: CfConfiguration) -> dict[str, object]:
    def all_of(mailer: MailerDeclaration) -> dict[str, object]:
        sets = {name: _label(configuration, getattr(mailer, name)) for name in _RULE_SETS_OF_MAILER}
        return {**_fields(mailer), **sets}

    return {name: all_of(mailer) for name, mailer in configuration.mailers.items()}


def _rule_sets(configuration: CfConfiguration) -> dict[str, object]:
    program = configuration.program
    syntax = Syntax(program.operators, program.blank_substitute)
    table = Table.VERBATIM if program.level >= 9 else Table.INTERNAL

    def tokens(side: str) -> tuple[str, ...] | None:
        return syntax.scan(side, table, "\t", lenient=True).tokens

    sets = {
        _label(configuration, number): tuple((tokens(rule.left), tokens(rule.right)) for rule in rules.rules)
        for number, rules in program.rule_sets.items()
    }
    names = {f"name {name}": _label(configuration, number) for name, number in program.names.items()}
    return {**sets, **names}
