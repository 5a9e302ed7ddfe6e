"""The part ``[rewriting]`` of a site.toml as a configuration of sendmail.

    [rewriting.macros]
    j = "mx1.example.org"

    [[rewriting.ruleset]]
    name = "parse"
    number = 0
    rules = '''
    {user+} < @ {host=w} >  -> {mailer:} local {user:} {user}
    '''
    examples = '''
    joe < @ mx1 . example . org >  -> {mailer:} local {user:} joe
    '''

Each element is given to the reader of the line that it stands for in a sendmail.cf, so that values, defaults and
complaints are the same.  Macros are read first, then classes, maps, options, rule sets, headers and mailers: where they
stand in the file does not matter.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from posthouse.mail.lookup import Origin
from posthouse.rewriting.macros import braced_name
from posthouse.rewriting.symbols import CALL, IN_CLASS, MACRO
from posthouse.site.cf import mailers, rules, small_lines
from posthouse.site.cf.classes import read_class_file
from posthouse.site.cf.declared import CfConfiguration, RuleExample
from posthouse.site.cf.headers import read_header
from posthouse.site.cf.machine import Surroundings
from posthouse.site.cf.options.reader import read_option
from posthouse.site.cf.reader import configuration_of, finish
from posthouse.site.cf.state import Reading
from posthouse.site.rules.elements import Element, Places
from posthouse.site.rules.notation import ARROW, NotationError, read_rule, split_line
from posthouse.site.rules.octets import octets_of

KEYS: Final = (
    "level",
    "vendor",
    "macros",
    "classes",
    "maps",
    "options",
    "precedence",
    "environment",
    "queue-group",
    "milter",
    "header",
    "ruleset",
    "mailer",
    "examples",
)
# Keys of a mailer, with the field that each is in a sendmail.cf.
MAILER_FIELDS: Final = {
    "program": "P",
    "flags": "F",
    "sender": "S",
    "recipient": "R",
    "arguments": "A",
    "end-of-line": "E",
    "longest-line": "L",
    "largest-message": "M",
    "messages-per-connection": "m",
    "recipients-per-envelope": "r",
    "directory": "D",
    "user": "U",
    "niceness": "N",
    "charset": "C",
    "types": "T",
    "wait": "W",
    "queue-group": "Q",
    "root": "/",
}
_OPTIONAL: Final = re.compile(r"-o\S*\s+")
_ESCAPES: Final = str.maketrans(
    {"\\": "\\\\", '"': '\\"', ",": "\\,", "\n": "\\n", "\r": "\\r", "\f": "\\f", "\b": "\\b"}
)


def read_part(part: Mapping[str, object], file: Path, surroundings: Surroundings, places: Places) -> CfConfiguration:
    """Read the part; what is wrong with it is among the configuration's complaints."""
    reading = Reading(surroundings)
    root = Element(part, (), places, reading.complaints)
    root.at()
    mailers.predefine(reading)
    root.unknown(*KEYS)
    _read_level(reading, root)
    _read_macros(reading, root.table("macros"))
    _read_classes(reading, root.table("classes"), file.absolute().parent)
    _read_maps(reading, root.table("maps"))
    _read_options(reading, root.table("options"))
    _read_small(reading, root)
    examples = [_example(root, "", *line) for line in root.lines("examples")]
    for element in root.tables("ruleset"):
        examples += _read_rule_set(reading, element)
    for element in root.tables("header"):
        _read_header(reading, element)
    for element in root.tables("mailer"):
        _read_mailer(reading, element)
    root.at()
    finish(reading)
    found = tuple(example for example in examples if example is not None)
    return replace(configuration_of(reading, file), examples=found)


def _read_level(reading: Reading, root: Element) -> None:
    level = root.number("level")
    vendor = root.text("vendor")
    small_lines.read_version(reading, f"{small_lines.NEWEST_LEVEL if level is None else level}{vendor and '/'}{vendor}")


def _read_macros(reading: Reading, macros: Element) -> None:
    for key in macros.values:
        value = macros.template(key)
        name, rest = reading.name_of(braced_name(octets_of(key)))
        if name and not rest:
            reading.macros[name] = value


def _read_classes(reading: Reading, classes: Element, home: Path) -> None:
    included: list[tuple[str, str, Element]] = []
    for key in classes.values:
        element = classes.table(key)
        element.unknown("words", "files", "programs", "maps", "includes")
        braced = braced_name(octets_of(key))
        name, rest = reading.name_of(braced)
        if not name or rest:
            continue
        for word in element.texts("words"):
            reading.add_words(name, reading.expand(element.in_notation(word)).split())
        for text in element.texts("files"):
            read_class_file(reading, f"{braced}{_at_home(element.in_notation(text), home)}")
        for source, mark in (("programs", "|"), ("maps", "")):
            for text in element.texts(source):
                read_class_file(reading, f"{braced}{mark}{element.in_notation(text)}")
        included += ((name, other, element) for other in element.texts("includes"))
    for name, other, element in included:
        element.at("includes")
        reading.add_words(name, [f"{IN_CLASS}{braced_name(octets_of(other))}"])


def _at_home(text: str, home: Path) -> str:
    """Return the source of a class with its file as it is meant from the folder of the site file."""
    flag = _OPTIONAL.match(text)
    option, file = (flag[0], text[flag.end() :]) if flag else ("", text)
    return text if file.startswith(("/", '"')) or not file else f"{option}{octets_of(str(home))}/{file}"


def _read_maps(reading: Reading, maps: Element) -> None:
    for name in maps.values:
        element = maps.table(name)
        element.unknown("kind", "arguments")
        kind, arguments = element.text("kind"), element.template("arguments")
        element.at()
        small_lines.read_map(reading, f"{octets_of(name)} {octets_of(kind)} {arguments}")


def _read_options(reading: Reading, options: Element) -> None:
    for name, value in options.values.items():
        if isinstance(value, bool | int):
            options.at(name)
            read_option(reading, f" {octets_of(name)}={value}")
            continue
        for text in options.texts(name):
            read_option(reading, f" {octets_of(name)}={options.in_notation(text)}")


def _read_small(reading: Reading, root: Element) -> None:
    precedence = root.table("precedence")
    for name in precedence.values:
        number = precedence.number(name)
        small_lines.read_priority(reading, f"{octets_of(name)}={number or 0}")
    environment = root.table("environment")
    for name, value in environment.values.items():
        environment.at(name)
        text = octets_of(name) if value is True else f"{octets_of(name)}={environment.template(name)}"
        small_lines.read_environment(reading, text)
    for key, read in (("queue-group", small_lines.read_queue_group), ("milter", small_lines.read_milter)):
        for element in root.tables(key):
            element.unknown("name", "fields")
            text = f"{octets_of(element.text('name'))}, {element.template('fields')}"
            element.at()
            read(reading, text)


def _read_rule_set(reading: Reading, element: Element) -> list[RuleExample | None]:
    element.unknown("name", "number", "also", "rules", "examples")
    name, number = octets_of(element.text("name")), element.number("number")
    also = list(map(octets_of, element.texts("also")))
    element.at()
    if number is None and (also or not name):
        element.wrong("a rule set without a number", 'write number = 10; a rule set with name = "..." alone needs none')
        return []
    for each in also:
        reading.rule_sets.enter(f"{each}={number}")
    entered = rules.begins_rule_set(reading, name if number is None else f"{name}={number}" if name else str(number))
    for line, at in element.lines("rules"):
        reading.complaints.origin = replace(element.places.origin(element.at("rules")), line=at, column=1)
        _read_rule(reading, element, line, entered)
    return [_example(element, name or str(number), *line) for line in element.lines("examples")]


def _read_rule(reading: Reading, element: Element, line: str, rule_set: int | None) -> None:
    try:
        rule = read_rule(line)
    except NotationError as error:
        element.wrong(error.wrong, error.right)
        return
    rules.read_rule(reading, f"{rule.left}\t{rule.right}", rule_set)


def _example(element: Element, rule_set: str, line: str, at: int) -> RuleExample | None:
    """Read ``input -> expected``; None when it is none."""
    place = element.places.origin(element.at("examples"))
    origin = Origin(place.file, at, 1)
    given, expected = split_line(line)
    if expected is None:
        element.wrong(f"an example without an arrow in line {at}", f"write  input {ARROW} expected")
        return None
    return RuleExample(rule_set, element.in_notation(given), element.in_notation(expected), origin)


def _read_header(reading: Reading, element: Element) -> None:
    element.unknown("name", "text", "flags", "macro", "check", "keep-comments")
    name, flags, macro = (octets_of(element.text(key)) for key in ("name", "flags", "macro"))
    condition = f"?{MACRO}{braced_name(macro)}?" if macro else f"?{flags}?" if flags else ""
    check, text = octets_of(element.text("check")), element.template("text")
    plus = "+" if element.flag("keep-comments") else ""
    element.at()
    read_header(reading, f"{condition}{name}: {f'{CALL}{plus}{check}' if check else text}")


def _read_mailer(reading: Reading, element: Element) -> None:
    element.unknown("name", *MAILER_FIELDS)
    fields = [octets_of(element.text("name"))]
    for key, value in element.values.items():
        letter = MAILER_FIELDS.get(key)
        if letter is None:
            continue
        text = str(element.number(key) or 0) if isinstance(value, int) else element.template(key)
        fields.append(f"{letter}={_escaped(text)}")
    element.at()
    mailers.read_mailer(reading, ", ".join(fields))


def _escaped(text: str) -> str:
    """Return text as a field of an M line has it."""
    escaped = text.translate(_ESCAPES)
    return f"\\{escaped}" if escaped[:1].isspace() else escaped
