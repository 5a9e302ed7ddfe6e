"""Maps that need no world outside: arith, macro, dequote, regex, null."""

import re
from collections.abc import Callable, Mapping
from typing import Final

from msgspec import Struct

from posthouse.mail.lookup import MapAnswer, MapStatus
from posthouse.mail.map_arguments import MapArguments, rewrite_value
from posthouse.rewriting.complaint import Complaint
from posthouse.rewriting.environment import Environment
from posthouse.rewriting.macros import NO_SUCH_NAME, is_hopeless, parse_name
from posthouse.rewriting.posix_patterns import BadPatternError, PosixPattern, compile_posix
from posthouse.rewriting.quotes import dequote, is_one_address
from posthouse.rewriting.symbols import ELSE, in_octets

_NOT_FOUND: Final = MapAnswer(MapStatus.NOT_FOUND)
_NUMBER = re.compile(r"[ \t\n\v\f\r]*([+-]?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)")
_LONGEST_NUMBER: Final = 15  # characters of a result of arith; the rest is cut
_LEAST, _MOST = -(2**63), 2**63 - 1


class OwnQuestion(Struct, frozen=True):
    """A question to one of these maps."""

    flags: MapArguments
    environment: Environment
    key: str
    arguments: tuple[str, ...] = ()


OwnMap = Callable[[OwnQuestion], MapAnswer]


def _found(value: str) -> MapAnswer:
    return MapAnswer(MapStatus.FOUND, value)


def _broken(reason: str) -> MapAnswer:
    return MapAnswer(MapStatus.BROKEN, reason=reason)


def _arith(asked: OwnQuestion) -> MapAnswer:
    """Compute: the key begins with the operator, the first two arguments are its operands."""
    if len(asked.arguments) < 2:
        return _broken("arith needs two operands: $(arith + $@ 1 $@ 2 $)")
    one, other = _integer(asked.arguments[0]), _integer(asked.arguments[1])
    operator = asked.key[:1]
    if operator in ("l", "="):
        return _found("TRUE" if (one < other if operator == "l" else one == other) else "FALSE")
    if operator in ("/", "%"):
        if other == 0:
            return _NOT_FOUND
        quotient = abs(one) // abs(other) * (1 if (one < 0) == (other < 0) else -1)
        return _number(quotient if operator == "/" else one - quotient * other)
    if operator == "r":
        return _number(asked.environment.draw(one, other)) if one <= other else _NOT_FOUND
    results = {"+": one + other, "-": one - other, "*": one * other, "&": one & other, "|": one | other}
    if operator not in results:
        return _broken(f"arith knows no operator {asked.key!r}")
    return _number(results[operator])


def _integer(text: str) -> int:
    """Return the number that text begins with, octal after 0 and hexadecimal after 0x; 0 when there is none."""
    found = _NUMBER.match(text)
    if found is None:
        return 0
    digits = found[2].lower()
    base = 16 if digits.startswith("0x") else 8 if digits.startswith("0") else 10
    value = int(digits, base)
    return min(max(-value if found[1] == "-" else value, _LEAST), _MOST)


def _number(value: int) -> MapAnswer:
    wrapped = (value - _LEAST) % 2**64 + _LEAST
    return _found(str(wrapped)[:_LONGEST_NUMBER])


def _macro(asked: OwnQuestion) -> MapAnswer:
    """Define the macro that the key names; without an argument take its value away."""
    listener = asked.environment.listener

    def complain(text: str) -> None:
        if listener is not None:
            listener(Complaint(text, status="5.3.5"))
            if is_hopeless(text):
                listener(Complaint(NO_SUCH_NAME, status="5.3.5"))

    name, _ = parse_name(asked.key, 0, complain)
    if not name:
        return _NOT_FOUND
    asked.environment.define(name, asked.arguments[0] if asked.arguments else None)
    return _found("")


def _dequote(asked: OwnQuestion) -> MapAnswer:
    plain = dequote(asked.key, asked.flags.others.get("s") or asked.flags.space or "")
    return _NOT_FOUND if plain is None else _found(plain + asked.flags.suffix)


def _null(_: OwnQuestion) -> MapAnswer:
    return _NOT_FOUND


def _regex(asked: OwnQuestion) -> MapAnswer:
    """Match the key with a POSIX expression."""
    try:
        pattern = compile_posix(
            asked.flags.rest, basic="b" in asked.flags.others, ignore_case=not asked.flags.keeps_case
        )
    except BadPatternError as wrong:
        return _broken(str(wrong))
    wanted = asked.flags.others.get("s")
    fields = None if wanted is None else _fields(wanted, pattern)
    if wanted is not None and fields is None:
        return _out_of_range(asked.flags, pattern)
    groups = pattern.match(in_octets(asked.key))
    if "n" in asked.flags.others:
        return _NOT_FOUND if groups is not None else _regex_value(asked, "")
    if groups is None:
        return _NOT_FOUND
    if fields is None:
        return _regex_value(asked, "")
    if asked.arguments:
        fields = _fields(asked.arguments[0] or "0", pattern)
    if fields is None:
        return _out_of_range(asked.flags, pattern)
    parts = [groups[field] or "" for field in fields]
    if not is_one_address("".join(parts)):
        return _NOT_FOUND
    return _regex_value(asked, (asked.flags.others.get("d") or ELSE).join(parts))


def _regex_value(asked: OwnQuestion, value: str) -> MapAnswer:
    if asked.flags.matches_only:
        return _found(asked.key + asked.flags.suffix)
    return _found(rewrite_value(value, asked.key, asked.arguments) + asked.flags.suffix)


def _out_of_range(flags: MapArguments, pattern: PosixPattern) -> MapAnswer:
    return _broken(f"the expression has {pattern.groups} groups: {flags.rest}")


def _fields(text: str, pattern: PosixPattern) -> list[int] | None:
    """Read a list of groups: ``1,2``; no number is 0, the whole match; "" is all of them."""
    if not text:
        return list(range(pattern.groups + 1))
    fields = [_integer(word) for word in text.split(",")]
    return fields if all(0 <= field <= pattern.groups for field in fields) else None


OWN_MAPS: Final[Mapping[str, OwnMap]] = {
    "arith": _arith,
    "macro": _macro,
    "dequote": _dequote,
    "regex": _regex,
    "null": _null,
}
