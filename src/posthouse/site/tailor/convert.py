"""From a tailor file to the part ``[mmdf]`` of a site.toml, which part.py reads.

What has its default is left out; what is said of a channel is written whole, so that nothing depends on the
order of the file any more.
"""

import json
from collections.abc import Iterator
from enum import Enum, Flag
from typing import Final

from posthouse.site.tailor import kinds
from posthouse.site.tailor.entries import (
    AddressForm,
    AddressStyle,
    LogSpec,
    LogStatus,
    NameserverUse,
    ProgramSpec,
    TailorAlias,
    TailorChannel,
    TailorDomain,
    TailorTable,
)
from posthouse.site.tailor.keywords import KEYWORDS
from posthouse.site.tailor.model import Compatibility, TailorConfiguration

_Pairs = Iterator[tuple[str, str]]  # keys with their values, in TOML
_TEXTS: Final = ("show", "que", "tbl", "pgm", "lname", "ldomain")  # of a channel, always written
_FURTHER: Final = ("host", "user", "scr", "trn", "insrc", "outsrc", "indest", "outdest", "known", "confstr")
_STATUS: Final = {LogStatus.CLOSE: 0o1, LogStatus.CYCLE: 0o2, LogStatus.WAIT: 0o4, LogStatus.TIMED: 0o14}
_NUMBERS: Final = {"poll": 8, "ttl": 120, "warntime": None, "failtime": None}  # with their defaults


def write_part(configuration: TailorConfiguration) -> str:
    """Return the part as TOML: keywords, tables, alias sources, domains, channels."""
    blocks = [["[mmdf]", *(f"{key} = {value}" for key, value in _keywords(configuration))]]
    blocks += [_element("table", _table(table)) for table in configuration.tables]
    blocks += [_element("alias", _alias(alias)) for alias in configuration.aliases]
    blocks += [_element("domain", _domain(domain)) for domain in configuration.domains]
    channels = (_channel(channel, configuration.logs.channel) for channel in configuration.channels)
    blocks += [_element("channel", channel) for channel in channels]
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def _element(name: str, pairs: _Pairs) -> list[str]:
    return [f"[[mmdf.{name}]]", *(f"{key} = {value}" for key, value in pairs)]


def _keywords(configuration: TailorConfiguration) -> _Pairs:
    if configuration.compatibility is not Compatibility.DOCUMENTS:
        yield "compat", _value(configuration.compatibility)
    empty = TailorConfiguration(configuration.file)
    written: set[str] = set()
    for keyword in KEYWORDS.values():
        group, _, field = keyword.target.partition(".")
        if not field or keyword.target in written:
            continue
        written.add(keyword.target)  # of synonyms the first
        said, default = (getattr(getattr(each, group), field) for each in (configuration, empty))
        if said != default and said is not None:
            is_octal = keyword.kind is kinds.octal
            yield keyword.name.lower(), f'"{said:04o}"' if is_octal else _value(said, default)
    boxes = configuration.mailboxes
    if (boxes.soft_quota, boxes.hard_quota) != (-1, -1):
        yield "mmaxmbsz", _value((str(boxes.soft_quota), str(boxes.hard_quota)))


def _value(value: object, default: object = None) -> str:
    """Write a value in TOML."""
    match value:
        case bool() | int():
            return json.dumps(value)
        case Flag():
            return _value(tuple(str(each.name).lower() for each in type(value) if each in value))
        case Enum():
            return _value(value.value)
        case LogSpec():
            return _log(value, default if isinstance(default, LogSpec) else value)
        case ProgramSpec():
            return f"{{ name = {_value(value.name)}, path = {_value(value.path)} }}"
        case tuple():
            return f"[{', '.join(_value(each) for each in value)}]"
        case _:
            return json.dumps(str(value)).replace("\x7f", "\\u007f")


def _log(log: LogSpec, default: LogSpec) -> str:
    pairs = [("file", _value(log.file)), ("level", json.dumps(log.level)), ("size", json.dumps(log.size))]
    if log.status != default.status:
        octal = sum(number for flag, number in _STATUS.items() if flag in log.status)
        pairs.append(("stat", f'"{octal:02o}"'))
    if log.timer != default.timer:
        pairs.append(("timer", json.dumps(log.timer)))
    if log.header:
        pairs.append(("hdr", _value(log.header)))
    return f"{{ {', '.join(f'{key} = {value}' for key, value in pairs)} }}"


def _table(table: TailorTable) -> _Pairs:
    yield from (("name", _value(table.name)), ("file", _value(table.file)), ("show", _value(table.show)))
    yield "type", _value(table.lines)
    flags = [table.use.value] if table.use is not NameserverUse.NONE else []
    flags += [flag for flag in ("abort", "route", "partial", "reject") if getattr(table, flag)]
    if flags:
        yield "flags", _value(tuple(flags))
    ways = table.regexp
    switches = {"addprefix": ways.add_prefix, "addsuffix": ways.add_suffix}
    yield from ((key, "1") for key, is_on in switches.items() if is_on)
    for key, words in (("cflag", ways.compile_flags), ("eflag", ways.match_flags)):
        if words:
            yield key, _value(words)
    for key, text in (("domain", table.zone), ("link", table.link), *table.parameters):
        if text:
            yield key, _value(text)


def _alias(alias: TailorAlias) -> _Pairs:
    yield "table", _value(alias.table)
    yield from ((flag, "true") for flag in ("trusted", "nobypass", "public") if getattr(alias, flag))


def _domain(domain: TailorDomain) -> _Pairs:
    for key in ("name", "dmn", "show", "table"):
        yield key, _value(getattr(domain, key))


def _channel(channel: TailorChannel, log: LogSpec) -> _Pairs:
    yield "name", _value(channel.name)
    yield from ((key, _value(getattr(channel, key))) for key in _TEXTS)
    yield from ((key, _value(text)) for key in _FURTHER if (text := getattr(channel, key)))
    yield from ((key, _value(each)) for key in ("mod", "auth") if (each := getattr(channel, key)))
    style = tuple(_style(channel.ap))
    if style:
        yield "ap", _value(style)
    for key, default in _NUMBERS.items():
        if (number := getattr(channel, key)) != default:
            yield key, _value(number)
    if channel.log.file != log.file:
        yield "log", _value(channel.log.file)
    if channel.log.level > log.level:
        yield "level", _value(channel.log.level)


def _style(style: AddressStyle) -> Iterator[str]:
    if style.form is not AddressForm.SAME:
        yield style.form.value
    for word in ("big", "nodots", "try", "nosrcrt", "rejsrcrt"):
        if getattr(style, "try_" if word == "try" else word):
            yield word
