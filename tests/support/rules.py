"""Small rule sets written as in a configuration file, for tests of rewriting."""

from collections.abc import Callable, Mapping

from posthouse.mail.lookup import MapAnswer, MapQuestion, MapStatus, Origin
from posthouse.rewriting.compiled import CompiledProgram
from posthouse.rewriting.drive import drive
from posthouse.rewriting.engine import Rewritten, rewrite
from posthouse.rewriting.environment import Environment
from posthouse.rewriting.program import MapDeclaration, RewritingProgram, Rule, RuleSet
from posthouse.rewriting.symbols import HOST, NOTHING
from posthouse.site.cf.dollars import translate

FILE = "test.cf"


def symbols(text: str) -> str:
    """Return text with ``$*`` and its kind as metasymbols."""
    return translate(text, 10, lambda _: None)


def left(text: str) -> str:
    """Return a left side as it is read."""
    return symbols(text).replace(HOST, NOTHING)


def program_of(
    rule_sets: Mapping[str, list[str]],
    *,
    classes: Mapping[str, set[str]] | None = None,
    macros: Mapping[str, str] | None = None,
    maps: Mapping[str, tuple[str, str]] | None = None,
    **settings: object,
) -> CompiledProgram:
    """Compile rule sets; a rule is ``left => right``.  A name of digits is the number, other sets count from 199."""
    sets: dict[int, RuleSet] = {}
    names: dict[str, int] = {}
    line = 0
    for name, texts in rule_sets.items():
        number = int(name) if name.isdigit() else 199 - len(names)
        if not name.isdigit():
            names[name.lower()] = number
        rules = []
        for text in texts:
            line += 1
            one, _, other = text.partition("=>")
            rules.append(Rule(left(one.strip()), symbols(other.strip()), Origin(FILE, line)))
        sets[number] = RuleSet(number, "" if name.isdigit() else name, tuple(rules))
    return CompiledProgram(
        RewritingProgram(
            rule_sets=sets,
            names=names,
            classes={name: frozenset(words) for name, words in (classes or {}).items()},
            macros=dict(macros or {}),
            maps={name: MapDeclaration(name, kind, text) for name, (kind, text) in (maps or {}).items()},
            **settings,  # type: ignore[arg-type] # further fields of the program, by their names
        )
    )


def answers(entries: Mapping[str, str]) -> Callable[[MapQuestion], MapAnswer]:
    """Return a callable that answers every map from a dictionary."""

    def answer(question: MapQuestion) -> MapAnswer:
        value = entries.get(question.key)
        return MapAnswer(MapStatus.NOT_FOUND) if value is None else MapAnswer(MapStatus.FOUND, value)

    return answer


def run(
    program: CompiledProgram,
    name: str,
    text: str,
    *,
    environment: Environment | None = None,
    answer: Callable[[MapQuestion], MapAnswer] | None = None,
) -> Rewritten:
    """Apply a rule set to the text of an address."""
    number = program.number_of(name)
    assert number is not None, name
    environment = environment or Environment(program.program.macros)
    tokens = program.syntax.scan(text, program.rule_table).tokens or ()
    return drive(rewrite(program, environment, number, tokens), answer or answers({}))


def result(program: CompiledProgram, name: str, text: str, **options: object) -> str:
    """Return the tokens that a rule set makes of an address, with blanks between them."""
    done = run(program, name, text, **options)  # type: ignore[arg-type] # the options of run
    return " ".join(done.tokens)
