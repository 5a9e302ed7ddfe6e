"""C, F and T lines: words of classes, from the line, from files, from programs and from maps."""

import re
from collections.abc import Iterator
from typing import Final

from posthouse.mail.lookup import MapStatus
from posthouse.site.cf.dollars import SPACE, quoted_word
from posthouse.site.cf.state import Reading

MAX_OCTETS: Final = 64 * 1024 * 1024  # of a class file
MAX_PROGRAM_OCTETS: Final = 16 * 1024 * 1024
LONGEST_LINE: Final = 2047  # characters of a class file's line that are read at once

_WORD: Final = re.compile(rf"[^{SPACE}]+")
_FLAG: Final = re.compile(rf"[^{SPACE}]*[{SPACE}]*")
_SCAN_SET: Final = re.compile(r"\[(\^?)(\]?[^\]]*)\]")
_CONVERSION: Final = re.compile(r"%(\*?)([0-9]*)(s|c|d|\[\^?\]?[^\]]*\]|%)")


def read_class(reading: Reading, text: str) -> None:
    """Read a C line: the words are expanded now."""
    name, rest = reading.name_of(text)
    if name:
        reading.add_words(name, _WORD.findall(reading.expand(rest)))


def read_trusted(reading: Reading, text: str) -> None:
    """Read a T line: class t."""
    reading.add_words("t", _WORD.findall(text))


def read_class_file(reading: Reading, text: str) -> None:
    """Read an F line: ``Fx [-o] file [format]``, ``Fx |program`` or ``Fx key@kind:arguments``."""
    name, rest = reading.name_of(text)
    if not name:
        return
    rest = rest.lstrip(SPACE)
    is_optional = rest.startswith("-o")
    if is_optional:
        rest = _FLAG.sub("", rest, count=1)
    if not rest:
        reading.complaints.error(
            "fileclass: missing file name", f"write F{text[:1]}/path/to/file, or F{text[:1]}-o /path"
        )
    elif rest.startswith("|"):
        _from_program(reading, name, rest[1:], is_optional)
    elif is_map(rest):
        _from_map(reading, name, rest, is_optional)
    else:
        _from_file(reading, name, rest, is_optional)


def is_map(source: str) -> bool:
    """Does the source of a class name a map, ``key@kind:arguments``, and no file?"""
    if source.startswith("/") or "@" not in source:
        return False
    specification = source.partition("@")[2]
    return specification == "LDAP" or (not specification.startswith(":") and ":" in specification)


def _from_file(reading: Reading, name: str, source: str, is_optional: bool) -> None:
    path, rest, is_closed = quoted_word(source)
    if not is_closed:
        reading.complaints.error(f"illegal filename '{source[:200]}'", "close the quote")
        return
    form = rest.strip(SPACE) or "%s"
    try:
        pattern = compile_format(form)
    except ValueError as error:
        reading.complaints.error(
            f'the format "{form[:100]}" can\'t be used: {error}', "write %s or %[^\\#], or no format"
        )
        return
    try:
        octets = reading.read_file(path, MAX_OCTETS)
    except (OSError, ValueError) as error:
        if not is_optional:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            reading.complaints.error(
                f"fileclass: cannot open '{path}': {reason}", f"make the file, or write F{name}-o if it need not exist"
            )
        return
    if len(octets) > MAX_OCTETS:
        reading.complaints.error(f"{path} is larger than {MAX_OCTETS} octets", "keep lists of this size in a map")
        return
    _add_lines(reading, name, octets, pattern)


def _from_program(reading: Reading, name: str, command: str, is_optional: bool) -> None:
    reading.is_cacheable = False
    argv = _WORD.findall(command)
    if reading.surroundings.run is None or not argv:
        reading.complaints.warning(
            f"class {name} is to come from the program {command.strip(SPACE) or '(none)'}, which was not run",
            "programs are run when mail is served; their words are missing here",
        )
        return
    try:
        octets = reading.surroundings.run(argv)
    except OSError as error:
        if not is_optional:
            reading.complaints.error(
                f"fileclass: cannot open '|{command}': {error.strerror or error}", "name a program that can be run"
            )
        return
    _add_lines(reading, name, octets[:MAX_PROGRAM_OCTETS], compile_format("%s"))


def _from_map(reading: Reading, name: str, source: str, is_optional: bool) -> None:
    reading.is_cacheable = False
    key, _, specification = source.partition("@")
    kind, _, arguments = ("ldap", "", "") if specification == "LDAP" else specification.partition(":")
    if reading.surroundings.look_up is None:
        reading.complaints.warning(
            f"class {name} is to come from a {kind} map, which was not asked",
            "maps are asked when mail is served; their words are missing here",
        )
        return
    answer = reading.surroundings.look_up(kind, arguments, key)
    if answer.status is MapStatus.FOUND and answer.value is not None:
        reading.add_words(name, _WORD.findall(answer.value))
    elif answer.status is not MapStatus.NOT_FOUND and not is_optional:
        reading.complaints.error(
            f"fileclass: F{{{name}}}: map lookup failed: {answer.reason}", "see that the map can be opened and asked"
        )


def _add_lines(reading: Reading, name: str, octets: bytes, pattern: re.Pattern[str]) -> None:
    for line in _lines(octets):
        if line.startswith("#"):
            continue
        match = pattern.match(line)
        if match:
            reading.add_words(name, _WORD.findall(match["word"]))


def _lines(octets: bytes) -> Iterator[str]:
    """Return each line with its end; one that is too long comes in pieces, as from a buffer of fixed size."""
    for wire in octets.splitlines(keepends=True):
        text = wire.decode("iso8859-1").partition("\0")[0]
        for start in range(0, max(len(text), 1), LONGEST_LINE):
            yield text[start : start + LONGEST_LINE]


def compile_format(form: str) -> re.Pattern[str]:
    """Return a scanf(3) format as a pattern whose group ``word`` is its one text.  Raises ValueError."""
    pattern: list[str] = []
    texts = at = 0
    while at < len(form):
        char = form[at]
        if char in SPACE:
            pattern.append(rf"[{SPACE}]*")
            at += 1
            continue
        if char != "%":
            pattern.append(re.escape(char))
            at += 1
            continue
        conversion = _CONVERSION.match(form, at)
        if conversion is None:
            raise ValueError(f'"{form[at : at + 4]}" is no conversion that this program knows')
        at = conversion.end()
        texts += conversion[3] != "%" and not conversion[1]
        pattern.append(_conversion(conversion[3], conversion[1] != "", min(int(conversion[2] or 2047), LONGEST_LINE)))
    if texts != 1:
        raise ValueError(f"it stores {texts} texts, and one is needed")
    return re.compile("".join(pattern), re.DOTALL)


def _conversion(kind: str, is_dropped: bool, width: int) -> str:
    group = "?:" if is_dropped else "?P<word>"
    if kind == "%":
        return "%"
    if kind == "s":
        return rf"[{SPACE}]*({group}[^{SPACE}]{{1,{width}}})"
    if kind == "c":
        return rf"({group}.{{{1 if width == LONGEST_LINE else width}}})"
    if kind == "d":
        return rf"[{SPACE}]*({group}[-+]?[0-9]{{1,{width}}})"
    scan = _SCAN_SET.fullmatch(kind)
    if scan is None or not scan[2]:
        raise ValueError(f'"%{kind}" is an empty set')
    return rf"({group}[{scan[1]}{_scan_set(scan[2])}]{{1,{width}}})"


def _scan_set(characters: str) -> str:
    """Return the characters of a scan set for a pattern: only a range's hyphen means something."""
    parts: list[str] = []
    at = 0
    while at < len(characters):
        if characters[at + 1 : at + 2] == "-" and at + 2 < len(characters) and characters[at] <= characters[at + 2]:
            parts.append(f"{re.escape(characters[at])}-{re.escape(characters[at + 2])}")
            at += 3
        else:
            parts.append(re.escape(characters[at]))
            at += 1
    return "".join(parts)
