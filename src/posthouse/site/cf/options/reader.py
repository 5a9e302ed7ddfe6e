"""O lines: by letter or by name, with suboptions, into settings."""

import re
from typing import Final

from posthouse.site.cf.declared import Setting
from posthouse.site.cf.dollars import munch
from posthouse.site.cf.options.kinds import Form, read_value
from posthouse.site.cf.options.row import Option
from posthouse.site.cf.options.table import BY_LETTER, BY_LOWER_NAME, OPTIONS, TIMEOUTS_TOGETHER, names_beginning
from posthouse.site.cf.state import Reading

MAX_SETTINGS: Final = 1000  # lines of one option
_LONG: Final = re.compile(r"[ ]*([^=]*?)[ ]*(?:=[ ]*(.*))?", re.DOTALL)
_SEVERAL_TIMEOUTS: Final = {"queuewarn", "queuereturn", "resolver.retrans", "resolver.retry"}
_PARTS: Final = {"q": (".normal", ".urgent", ".non-urgent", ".dsn"), "r": (".first", ".normal")}


def read_option(reading: Reading, text: str) -> None:
    """Read an O line."""
    if text.startswith(" "):
        _read_long(reading, text)
    elif not text:
        reading.complaints.error("null option name", "write O Name=value")
    else:
        _read_short(reading, text[0], text[1:])


def _read_short(reading: Reading, letter: str, value: str) -> None:
    """Read ``Oxvalue``."""
    option = BY_LETTER.get(letter)
    if option is not None:
        _set(reading, option, value)
    elif letter == "M":
        name, rest = reading.name_of(value)
        if name:
            reading.macros[name] = rest
    elif letter == "T":
        _set_queue_timeout(reading, value)
    elif letter == "r":
        _set_timeouts(reading, value)
    elif letter == "g":
        reading.complaints.warning(
            f"option g={value[:80]} has no effect", "set the group with O DefaultUser=user:group"
        )
    else:
        reading.complaints.warning(f"unknown option {letter}", "write O Name=value with the full name of an option")


def _read_long(reading: Reading, text: str) -> None:
    """Read ``O Name=value`` or ``O Name.part=value``."""
    match = _LONG.fullmatch(text)
    name, value = (match[1], match[2] or "") if match else ("", "")
    name, _, part = name.partition(".")
    if not name:
        reading.complaints.error("null option name", "write O Name=value")
        return
    meant = names_beginning(name)
    if len(meant) != 1:
        if meant:
            reading.complaints.error(
                f"ambiguous option name {name} (matches {meant[0]} and {meant[1]})", "write the whole name"
            )
        else:
            reading.complaints.warning(
                f"unknown option name {name[:80]}: it is ignored", "see docs/cf.md for the options"
            )
        return
    if len(meant[0]) != len(name):
        reading.complaints.warning(f"Option {name} used as abbreviation for {meant[0]}", "write the whole name")
    _read_meant(reading, meant[0], part, value)


def _read_meant(reading: Reading, name: str, part: str, value: str) -> None:
    if name == "Timeout":
        if part:
            _set_timeout(reading, part, value)
        else:
            _set_timeouts(reading, value)
    elif name == "QueueTimeout":
        _set_queue_timeout(reading, value)
    else:
        _set(reading, OPTIONS[name], f"{part}={value}" if name == "Milter" and part else value)


def _set_queue_timeout(reading: Reading, value: str) -> None:
    """Read ``5d/4h``: return and warning."""
    returned, slash, warned = value.partition("/")
    if slash:
        _set_timeout(reading, "queuewarn", warned)
    _set_timeout(reading, "queuereturn", returned)


def _set_timeouts(reading: Reading, value: str) -> None:
    """Read the value of the old r line: a time, or names with times, separated by commas."""
    for part in filter(None, re.split(r"[, \t]+", value)):
        name, equals, limit = part.partition("=")
        if equals:
            _set_timeout(reading, name, limit)
            continue
        for together in TIMEOUTS_TOGETHER:
            _set_timeout(reading, together, part)


def _set_timeout(reading: Reading, part: str, value: str) -> None:
    name = part.lower().removesuffix(".*")
    option = BY_LOWER_NAME.get(f"timeout.{name}")
    if option is None:
        reading.complaints.error(f"invalid timeout {part[:80]}", "see docs/cf.md for the time limits")
        return
    _set(reading, option, value)
    if name in _SEVERAL_TIMEOUTS:
        for kind in _PARTS[name[0]]:
            _set(reading, OPTIONS[option.name + kind], value)


def _set(reading: Reading, option: Option, text: str) -> None:
    if option.kind.form is Form.MUNCHED:
        text, _ = munch(text)
    if option.name == "OperatorChars" and option.name in reading.settings:
        reading.complaints.warning("OperatorChars is being redefined", "set it once, before the rule sets")
    settings = reading.settings.setdefault(option.name, [])
    if len(settings) >= MAX_SETTINGS:
        reading.complaints.error(f"option {option.name} is set more than {MAX_SETTINGS} times", "set it once")
        return
    try:
        value = read_value(option.kind, text, lambda wrong: _doubt(reading, option, wrong))
    except ValueError as error:
        reading.complaints.error(f"option {option.name}: {error}", f"give {option.kind.form.value}")
        return
    settings.append(Setting(option.name, value, text, reading.origin))


def _doubt(reading: Reading, option: Option, wrong: str) -> None:
    reading.complaints.warning(f"option {option.name}: {wrong}", f"give {option.kind.form.value}")
