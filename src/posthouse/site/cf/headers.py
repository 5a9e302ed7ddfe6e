"""H lines: default fields, and rule sets that check fields."""

import re
from typing import Final

from posthouse.rewriting.macros import bare_name
from posthouse.rewriting.symbols import CALL, MACRO
from posthouse.site.cf.declared import HeaderDeclaration
from posthouse.site.cf.dollars import SPACE, printable_line
from posthouse.site.cf.state import Reading

LONGEST_NAME: Final = 100
MOST_HEADERS: Final = 1000

_CONDITION: Final = re.compile(r"\?([^?]*)\?(.*)", re.DOTALL)
_MACRO: Final = re.compile(rf"{MACRO}(\{{[^{{}}]*\}}|.)", re.DOTALL)
_FIELD: Final = re.compile(rf"([!-9;-~]+)[{SPACE}]*:(.*)", re.DOTALL)


def read_header(reading: Reading, text: str) -> None:
    """Read ``H[?flags?]Name: template`` or ``HName: $>[+]RuleSet``."""
    condition, rest = "", text
    if text.startswith("?"):
        found = _CONDITION.fullmatch(text)
        if found is None:
            _wrong(reading, text, "close the condition with a second ?")
            return
        condition, rest = found[1], found[2]
    macro = ""
    if condition.startswith(MACRO):
        named = _MACRO.fullmatch(condition)
        if named is None:
            _wrong(reading, text, "a condition is one macro, as in ?${name}?, or flags of mailers")
            return
        macro, condition = bare_name(named[1]), ""
    field = _FIELD.fullmatch(rest)
    if field is None or len(field[1]) > LONGEST_NAME or not condition.isascii():
        _wrong(reading, text, "write the name of the field, a colon, and its text")
    elif len(reading.headers) >= MOST_HEADERS:
        reading.complaints.error(f"more than {MOST_HEADERS} H lines", "take some out")
    else:
        reading.headers.append(_declare(reading, field[1], field[2], condition, macro))


def _declare(reading: Reading, name: str, template: str, flags: str, macro: str) -> HeaderDeclaration:
    call = reading.expand(template[:200]).lstrip(SPACE)
    if not call.startswith(CALL):
        return HeaderDeclaration(name, template.strip(SPACE), flags, macro, origin=reading.origin)
    keeps_comments = call.startswith(f"{CALL}+")
    rule_set = call[2:] if keeps_comments else call[1:]
    number, _ = reading.rule_sets.enter(rule_set)
    label = "" if number is None else reading.rule_sets.label(number)
    return HeaderDeclaration(
        name, flags=flags, macro=macro, rule_set=label, keeps_comments=keeps_comments, origin=reading.origin
    )


def _wrong(reading: Reading, text: str, right: str) -> None:
    reading.complaints.error(f'header syntax error, line "H{printable_line(text)}"', right)
