"""Maps asked from right sides: ``$( map key $@ argument $: default $)`` and ``$[ host $: default $]``."""

from collections.abc import Callable, Generator
from typing import Final

from msgspec import Struct

from posthouse.mail.lookup import MapAnswer, MapQuestion, MapStatus
from posthouse.rewriting.compiled import CompiledProgram
from posthouse.rewriting.complaint import Complaint
from posthouse.rewriting.environment import Environment
from posthouse.rewriting.own_maps import OWN_MAPS, OwnQuestion
from posthouse.rewriting.patterns import END
from posthouse.rewriting.quotes import strip_quotes
from posthouse.rewriting.symbols import HOST, HOST_MAP_BEGIN, HOST_MAP_END, MAP_BEGIN, MAP_END, USER
from posthouse.rewriting.tokens import Scanned, Table, fold

MOST_ARGUMENTS: Final = 9
_DEEPEST_SEQUENCE: Final = 10  # sequences in sequences
_NOT_FOUND: Final = MapAnswer(MapStatus.NOT_FOUND)

Asking = Generator[MapQuestion, MapAnswer, MapAnswer]
Complain = Callable[[Complaint], None]


class _Lookup(Struct, frozen=True):
    """One look-up in a workspace."""

    map: str
    key: tuple[str, ...]
    arguments: tuple[tuple[str, ...], ...]
    default: tuple[str, ...] | None
    end: int  # the place behind it


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
        lookup = _read(tokens, place)
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
    """Ask one map by its name, as a rule would: quotes are taken off the key unless the map keeps them."""
    found = program.map(name)
    if found is None:
        return _NOT_FOUND
    if environment.is_deferring and found.arguments.skipped_when_deferring:
        return MapAnswer(MapStatus.TEMPORARY, reason=f"{name} is not asked while mail is only accepted")
    if not (found.arguments.keeps_quotes or found.declaration.kind == "dequote"):
        key = strip_quotes(key)
    return (yield from _ask(program, environment, name, key, arguments, 0))


def _read(tokens: list[str], place: int) -> _Lookup | None:
    """Read the look-up that begins at a place; it ends at the first closing token of its kind."""
    if tokens[place] == HOST_MAP_BEGIN:
        name, closing, start = "host", HOST_MAP_END, place + 1
    elif place + 1 < len(tokens):
        name, closing, start = tokens[place + 1], MAP_END, place + 2
    else:
        return None
    end = tokens.index(closing, start) if closing in tokens[start:] else len(tokens)
    kind, parts = "", [("", start)]
    for at in range(start, end):
        kind = tokens[at]
        if kind in (HOST, USER):
            parts.append((kind, at + 1))
    bounds = [first - 1 for _, first in parts[1:]] + [end]
    pieces = [(kind, tuple(tokens[first:bound])) for (kind, first), bound in zip(parts, bounds, strict=True)]
    defaults = [piece for kind, piece in pieces if kind == USER]
    arguments = tuple(piece for kind, piece in pieces if kind == HOST)[:MOST_ARGUMENTS]
    return _Lookup(name, pieces[0][1], arguments, defaults[-1] if defaults else None, min(end + 1, len(tokens)))


def _look_up(program: CompiledProgram, environment: Environment, lookup: _Lookup, complain: Complain) -> Asking:
    found = program.map(lookup.map)
    if found is None:
        complain(Complaint(f"rewrite: map {lookup.map} not found", status="5.3.0"))
        return _NOT_FOUND
    key = program.syntax.join(lookup.key, found.arguments.space)
    arguments = [program.syntax.join(argument) for argument in lookup.arguments]
    return (yield from ask_map(program, environment, lookup.map, key, *arguments))


def _replacement(program: CompiledProgram, lookup: _Lookup, answer: MapAnswer) -> Scanned:
    """Return the tokens that stand for the look-up."""
    if answer.value is not None:
        text, table = answer.value, Table.EXTERNAL
    elif lookup.default is not None:
        text, table = program.syntax.join(lookup.default), Table.INTERNAL
    else:
        return Scanned(lookup.key, 0)
    return program.syntax.scan(text, table) if text else Scanned((), 0)


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
        members = [f"{found.declaration.name}.{method}" for method in environment.switch.get(service, ())]
    else:
        return (yield MapQuestion(found.declaration.name, key, arguments))
    deferral: MapAnswer | None = None
    for member in members:
        answer = yield from _ask(program, environment, member, key, arguments, depth + 1)
        if answer.value is not None:
            return answer
        if answer.status is MapStatus.TEMPORARY:
            deferral = answer
    return deferral or _NOT_FOUND
