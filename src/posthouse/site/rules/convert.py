"""From a sendmail.cf to the part ``[rewriting]`` of a site.toml, which part.py reads back."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Final

from posthouse.rewriting.macros import bare_name, expand
from posthouse.rewriting.tokens import Syntax, Table
from posthouse.site.cf.classes import is_map
from posthouse.site.cf.declared import CfConfiguration, HeaderDeclaration
from posthouse.site.rules.octets import unicode_of
from posthouse.site.rules.part import MAILER_FIELDS
from posthouse.site.rules.source import ClassSource, RuleSetSource, RuleSource, Source
from posthouse.site.rules.wildcards import wildcard_names
from posthouse.site.rules.writing import write_left, write_right, write_template

WIDEST_LEFT: Final = 40  # columns, up to which arrows stand below each other
WIDEST: Final = 118
_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")
_NUMBERS: Final = frozenset("LMmrN")
_HIGHEST_NUMBER: Final = 99  # of a rule set that has one in the file

Pairs = Iterable[tuple[str, str]]


def write_part(configuration: CfConfiguration, source: Source, examples: Sequence[str] = ()) -> str:
    """Return the part as TOML; ``examples`` are lines of what becomes of addresses."""
    writer = _Writer(configuration, source, examples)
    blocks = [*writer.tables(), *writer.headers(), *writer.rule_sets(), *writer.mailers()]
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


class _Writer:
    """One configuration being written."""

    def __init__(self, configuration: CfConfiguration, source: Source, examples: Sequence[str]) -> None:
        self._examples = examples
        program = configuration.program
        self._configuration = configuration
        self._source = source
        self._expand = partial(expand, macros=program.macros)
        self._syntax = Syntax(program.operators, program.blank_substitute)
        self._table = Table.VERBATIM if program.level >= 9 else Table.INTERNAL

    def tables(self) -> Iterator[list[str]]:
        """Yield what is said once: level, macros, classes, maps, options."""
        configuration, source = self._configuration, self._source
        level = [f"level = {configuration.program.level}"]
        level += [f"vendor = {toml_text(configuration.vendor)}"] if configuration.vendor else []
        examples = [f"examples = {toml_text(chr(10).join([*self._examples, '']))}"] if self._examples else []
        yield ["[rewriting]", *level, *examples]
        yield from _table("macros", (line for name, said in source.macros.items() for line in self._macro(name, said)))
        yield from _table(
            "classes", (line for name, said in source.classes.items() for line in self._class(name, said))
        )
        yield from _table("maps", self._maps())
        yield from _table("options", self._options())
        priorities = configuration.priorities.items()
        yield from _table("precedence", (f"{toml_key(unicode_of(name))} = {number}" for name, number in priorities))
        environment = configuration.environment.items()
        yield from _table(
            "environment",
            (f"{toml_key(name)} = {'true' if value is None else _template(value)}" for name, value in environment),
        )
        for key, named in (("queue-group", source.queue_groups), ("milter", source.milters)):
            for name, fields in named:
                yield _element(key, [("name", toml_text(unicode_of(name))), ("fields", _template(fields))])

    def _macro(self, name: str, comments: Sequence[str]) -> Iterator[str]:
        yield from _comments(comments)
        yield f"{toml_key(unicode_of(name))} = {_template(self._configuration.program.macros.get(name, ''))}"

    def _class(self, name: str, said: ClassSource) -> Iterator[str]:
        yield from _comments(said.comments)
        words = [write_template(word.now(self._expand)) for word in said.words]
        includes = []
        for other, then in said.includes:
            if then == self._configuration.program.classes.get(other, frozenset()):
                includes.append(unicode_of(other))
            else:
                words += sorted(map(unicode_of, then))
        maps = [write_template(file) for file in said.files if is_map(file)]
        files = [write_template(file) for file in said.files if not file.startswith("|") and not is_map(file)]
        programs = [write_template(file[1:]) for file in said.files if file.startswith("|")]
        arrays = {"words": list(dict.fromkeys(words)), "files": files, "programs": programs}
        arrays |= {"maps": maps, "includes": includes}
        fields = [f"{key} = {_array(texts)}" for key, texts in arrays.items() if texts]
        yield f"{toml_key(unicode_of(name))} = {{ {', '.join(fields)} }}" if fields else f"{toml_key(name)} = {{}}"

    def _maps(self) -> Iterator[str]:
        for said in self._source.maps.values():
            yield from _comments(said.comments)
            fields = [f"kind = {toml_text(said.kind)}"]
            arguments = said.arguments.now(self._expand)
            fields += [f"arguments = {_template(arguments)}"] if arguments else []
            yield f"{toml_key(said.name)} = {{ {', '.join(fields)} }}"

    def _options(self) -> Iterator[str]:
        for name, said in self._source.options.items():
            for text in said:
                yield from _comments(text.comments)
            values = [write_template(text.text) for text in said]
            yield f"{toml_key(name)} = {toml_text(values[0]) if len(values) == 1 else _array(values)}"

    def headers(self) -> Iterator[list[str]]:
        """Yield the H lines."""
        for header, comments in zip(self._configuration.headers, self._source.headers, strict=True):
            yield [*_comments(comments), *_element("header", _header(header))]

    def rule_sets(self) -> Iterator[list[str]]:
        """Yield the rule sets, in the order of the file."""
        for said in self._source.rule_sets.values():
            yield [*_comments(said.comments), *_element("ruleset", self._rule_set(said))]

    def _rule_set(self, said: RuleSetSource) -> Iterator[tuple[str, str]]:
        if said.names:
            yield "name", toml_text(said.names[-1])
        if not said.names or said.number <= _HIGHEST_NUMBER:
            yield "number", str(said.number)
        if said.names[:-1]:
            yield "also", _array(said.names[:-1])
        if said.rules:
            yield (
                "rules",
                toml_text("\n".join(["", *(line for rule in said.rules for line in self._rule(rule)), ""])[1:]),
            )

    def _rule(self, rule: RuleSource) -> Iterator[str]:
        yield from _comments(rule.comments)
        left, right = rule.left.now(self._expand), rule.right.now(self._expand)
        names = wildcard_names(self._syntax.scan(left, self._table, "\t", lenient=True).tokens or ())
        line = f"{write_left(left, names):<{WIDEST_LEFT}} -> {write_right(right, names)}"
        if not rule.remark:
            yield line
        elif len(line) + len(rule.remark) + 4 <= WIDEST:
            yield f"{line}  # {rule.remark}"
        else:
            yield f"# {rule.remark}"
            yield line

    def mailers(self) -> Iterator[list[str]]:
        """Yield the M lines."""
        for name, fields, comments in self._source.mailers.values():
            yield [*_comments(comments), *_element("mailer", [("name", toml_text(unicode_of(name))), *_mailer(fields)])]


def _mailer(fields: Mapping[str, str]) -> Pairs:
    keys = {letter: key for key, letter in MAILER_FIELDS.items()}
    for letter, value in fields.items():
        is_number = letter in _NUMBERS and value.isascii() and value.isdigit() and len(value) < 16
        yield keys[letter], str(int(value)) if is_number else _template(value)


def _header(header: HeaderDeclaration) -> Pairs:
    yield "name", toml_text(unicode_of(header.name))
    if header.flags:
        yield "flags", toml_text(unicode_of(header.flags))
    if header.macro:
        yield "macro", toml_text(unicode_of(bare_name(header.macro)))
    if header.rule_set:
        yield "check", toml_text(header.rule_set)
    else:
        yield "text", _template(header.template)
    if header.keeps_comments:
        yield "keep-comments", "true"


def _table(name: str, lines: Iterable[str]) -> Iterator[list[str]]:
    written = list(lines)
    if written:
        yield [f"[rewriting.{name}]", *written]


def _element(name: str, pairs: Pairs) -> list[str]:
    return [f"[[rewriting.{name}]]", *(f"{key} = {value}" for key, value in pairs)]


def _comments(comments: Sequence[str]) -> list[str]:
    return [f"# {comment}" for comment in comments]


def _template(octets: str) -> str:
    return toml_text(write_template(octets))


def _array(texts: Sequence[str]) -> str:
    return f"[{', '.join(map(toml_text, texts))}]"


def toml_key(key: str) -> str:
    """Return a key, in quotes where it needs them."""
    return key if _BARE_KEY.fullmatch(key) else toml_text(key)


def toml_text(text: str) -> str:
    """Return a text: as it stands, where that is possible."""
    is_plain = all(char.isprintable() or char in "\n\t" for char in text)
    if is_plain and "\n" in text and "'''" not in text and not text.endswith("'"):
        return f"'''\n{text}'''"
    if is_plain and "'" not in text and "\n" not in text and ("\\" in text or '"' in text):
        return f"'{text}'"
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
