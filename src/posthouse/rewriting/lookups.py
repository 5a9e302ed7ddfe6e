"""Maps asked from right sides: ``$( map key $@ argument $: default $)`` and ``$[ host $: default $]``."""

from collections.abc import Callable, Generator
from typing import Final

from posthouse.mail.lookup import MapAnswer, MapQuestion, MapStatus
from posthouse.rewriting.compiled import CompiledProgram
from posthouse.rewriting.complaint import Complaint
from posthouse.rewriting.environment import Environment
from posthouse.rewriting.lookup_syntax import Lookup, read_lookup
from posthouse.rewriting.own_maps import OWN_MAPS, OwnQuestion
from posthouse.rewriting.patterns import END, Spans
from posthouse.rewriting.plans import PlannedLookup, fill
from posthouse.rewriting.quotes import strip_quotes
from posthouse.rewriting.symbols import HOST_MAP_BEGIN, MAP_BEGIN, in_octets
from posthouse.rewriting.tokens import Scanned, Table, fold

_DEEPEST_SEQUENCE: Final = 10  # sequences in sequences
_NOT_FOUND: Final = MapAnswer(MapStatus.NOT_FOUND)
_NOTHING: Final = Scanned((), 0)
_KEEPING_QUOTES: Final = frozenset({"dequote", "arith", "macro"})
_OF_OTHERS: Final = frozenset({"sequence", "switch"})  # maps that only ask other maps

Asking = Generator[MapQuestion, MapAnswer, MapAnswer]
Complain = Callable[[Complaint], None]
Matched = tuple[str, Spans]  # a workspace, and where wildcards lie in it


def ask_maps(
    program: CompiledProgram, environment: Environment, workspace: str, complain: Complain
) -> Generator[MapQuestion, MapAnswer, tuple[str, bool] | None]:
    """Put the maps' answers into the workspace, from left to right; say whether a map could not answer.

    Returns None when an answer cannot be cut into tokens.
    """
    tokens = workspace.split(END)[:-1]
    is_deferred = False
    place = 0
    while place < len(tokens):
        if tokens[place] not in (MAP_BEGIN, HOST_MAP_BEGIN):
            place += 1
            continue
        lookup = read_lookup(tokens, place)
        if lookup is None:
            complain(Complaint("rewrite: missing mapname", status="5.3.0"))
            return None
        answer = yield from _look_up(program, environment, lookup, complain)
        is_deferred = is_deferred or answer.status is MapStatus.TEMPORARY
        scanned = _replacement(program, lookup, answer)
        for complaint in scanned.complaints:
            complain(complaint)
        if scanned.tokens is None:
            return None
        tokens[place : lookup.end] = scanned.tokens
        place += len(scanned.tokens)
    return "".join([token + END for token in tokens]), is_deferred


def ask_map(program: CompiledProgram, environment: Environment, name: str, key: str, *arguments: str) -> Asking:
    """Ask one map by its name, as a rule does: quotes are taken off the key unless the map keeps them."""
    found = program.map(name)
    if found is not None and not (found.arguments.keeps_quotes or found.declaration.kind in _KEEPING_QUOTES):
        key = strip_quotes(key)
    return ask_key(program, environment, name, key, *arguments)


def ask_key(program: CompiledProgram, environment: Environment, name: str, key: str, *arguments: str) -> Asking:
    """Ask one map by its name for a key as it stands."""
    found = program.map(name)
    if found is None:
        return _NOT_FOUND
    if environment.is_deferring and found.arguments.skipped_when_deferring:
        return MapAnswer(MapStatus.TEMPORARY, reason=f"{name} is not asked while mail is only accepted")
    kind = found.declaration.kind
    if kind in _OF_OTHERS:
        return (yield from _ask(program, environment, name, key, arguments, 0))
    if kind in OWN_MAPS:
        return OWN_MAPS[kind](OwnQuestion(found.arguments, environment, key, arguments))
    return (yield from _ask_outside(environment, MapQuestion(found.declaration.name, in_octets(key), arguments)))


def _ask_outside(environment: Environment, question: MapQuestion) -> Asking:
    answer = yield question
    if answer.notice:
        environment.notice(answer.notice)
    return answer


def ask_planned(
    program: CompiledProgram, environment: Environment, lookup: PlannedLookup, matched: Matched, complain: Complain
) -> Generator[MapQuestion, MapAnswer, tuple[str | None, bool]]:
    """Do one look-up of a plan; return the workspace that stands for it, and whether the map could not answer.

    The workspace is None when the answer cannot be cut into tokens.
    """
    syntax = program.syntax
    found = program.map(lookup.map)
    key = fill(lookup.key, *matched)
    if found is None:
        complain(_unknown_map(lookup.map))
        answer = _NOT_FOUND
    else:
        words = [syntax.join_marked(fill(argument, *matched)) for argument in lookup.arguments]
        answer = yield from ask_map(
            program, environment, lookup.map, syntax.join_marked(key, found.arguments.space), *words
        )
    is_deferred = answer.status is MapStatus.TEMPORARY
    if answer.value is not None:
        scanned = syntax.scan(answer.value) if answer.value else _NOTHING
    elif lookup.default is not None:
        scanned = syntax.rescan(fill(lookup.default, *matched))
    else:
        return key, is_deferred
    for complaint in scanned.complaints:
        complain(complaint)
    return None if scanned.tokens is None else "".join([token + END for token in scanned.tokens]), is_deferred


def _look_up(program: CompiledProgram, environment: Environment, lookup: Lookup, complain: Complain) -> Asking:
    found = program.map(lookup.map)
    if found is None:
        complain(_unknown_map(lookup.map))
        return _NOT_FOUND
    key = program.syntax.join(lookup.key, found.arguments.space)
    arguments = [program.syntax.join(argument) for argument in lookup.arguments]
    return (yield from ask_map(program, environment, lookup.map, key, *arguments))


def _unknown_map(name: str) -> Complaint:
    return Complaint(f"rewrite: map {name} not found", status="5.3.0")


def _replacement(program: CompiledProgram, lookup: Lookup, answer: MapAnswer) -> Scanned:
    """Return the tokens that stand for the look-up."""
    if answer.value is not None:
        text, table = answer.value, Table.EXTERNAL
    elif lookup.default is not None:
        text, table = program.syntax.join(lookup.default), Table.INTERNAL
    else:
        return Scanned(lookup.key, 0)
    return program.syntax.scan(text, table) if text else _NOTHING


def _ask(
    program: CompiledProgram, environment: Environment, name: str, key: str, arguments: tuple[str, ...], depth: int
) -> Asking:
    """Ask a map: one of the engine's own, the members of a sequence or switch, or the world outside."""
    found = program.map(name)
    if found is None or depth > _DEEPEST_SEQUENCE:
        return _NOT_FOUND
    kind = found.declaration.kind
    if kind in OWN_MAPS:
        return OWN_MAPS[kind](OwnQuestion(found.arguments, environment, key, arguments))
    if kind == "sequence":
        earlier = program.earlier_maps(fold(found.declaration.name))
        members = [member for member in found.arguments.rest.split() if fold(member) in earlier]
    elif kind == "switch":
        service = found.arguments.file or found.arguments.rest
        if service not in environment.switch:
            status = MapStatus.NOT_FOUND if found.arguments.is_optional else MapStatus.TEMPORARY
            return MapAnswer(status, reason=f"the service switch has no service {service!r}")
        members = [f"{found.declaration.name}.{method}" for method in environment.switch[service]]
    else:
        return (yield from _ask_outside(environment, MapQuestion(found.declaration.name, in_octets(key), arguments)))
    deferral: MapAnswer | None = None
    for member in members:
        answer = yield from _ask(program, environment, member, key, arguments, depth + 1)
        if answer.value is not None:
            return answer
        if answer.status is MapStatus.TEMPORARY:
            deferral = answer
    return deferral or _NOT_FOUND
