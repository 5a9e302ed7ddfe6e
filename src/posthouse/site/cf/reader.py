"""Reads a configuration file of sendmail: line by line, each by its first character.

``Sendmail Installation and Operation Guide``, section 5.  Whatever the octets are, the answer is a
configuration with its complaints.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from posthouse.mail.lookup import Origin
from posthouse.rewriting.program import MapDeclaration, RewritingProgram
from posthouse.site.cf import mailers, rules, small_lines
from posthouse.site.cf.classes import read_class, read_class_file, read_trusted
from posthouse.site.cf.complaints import MAX_COMPLAINTS
from posthouse.site.cf.declared import CfConfiguration
from posthouse.site.cf.dollars import printable_line, translate
from posthouse.site.cf.headers import read_header
from posthouse.site.cf.lines import MAX_LINE, MAX_OCTETS, Line, LongLine, logical_lines
from posthouse.site.cf.machine import Surroundings
from posthouse.site.cf.mailers import read_mailer
from posthouse.site.cf.options.reader import read_option
from posthouse.site.cf.state import Reading

OLD_OPERATORS: Final = ".:@[]"  # where neither OperatorChars nor $o says otherwise
LEVEL_OF_DOTS: Final = 2  # from which on canonical names end in a dot

_READERS: Final[Mapping[str, Callable[[Reading, str], None]]] = {
    "C": read_class,
    "D": small_lines.read_macro,
    "E": small_lines.read_environment,
    "F": read_class_file,
    "H": read_header,
    "K": small_lines.read_map,
    "M": read_mailer,
    "O": read_option,
    "P": small_lines.read_priority,
    "Q": small_lines.read_queue_group,
    "T": read_trusted,
    "V": small_lines.read_version,
    "X": small_lines.read_milter,
}


# Told of each line before it is read: what was read so far, the line, and its text without comments.
Listener = Callable[[Reading, Line, str], None]


def read_cf(path: Path, surroundings: Surroundings, listener: Listener | None = None) -> CfConfiguration:
    """Read a configuration file."""
    reading = Reading(surroundings)
    reading.complaints.origin = Origin(str(path))
    mailers.predefine(reading)
    octets = _octets(reading, str(path))
    if octets is not None:
        _read_lines(reading, str(path), octets, listener)
        reading.complaints.origin = Origin(str(path))
        finish(reading)
    return configuration_of(reading, path)


def _octets(reading: Reading, path: str) -> bytes | None:
    try:
        octets = reading.read_file(path, MAX_OCTETS)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        reading.complaints.error(f"the file can't be read: {reason}", "name a configuration file that can be read")
        return None
    if len(octets) > MAX_OCTETS:
        reading.complaints.error(
            f"the file is larger than {MAX_OCTETS} octets", "keep large classes in files, or in maps"
        )
        return None
    nul = octets.find(b"\0")
    if nul >= 0:
        origin = Origin(path, octets.count(b"\n", 0, nul) + 1)
        reading.complaints.error("this is no text: it holds a NUL octet", "name the text file", origin)
        return None
    return octets


def _read_lines(reading: Reading, path: str, octets: bytes, listener: Listener | None) -> None:
    rule_set: int | None = None
    for line in logical_lines(octets):
        reading.complaints.origin = Origin(path, line.number)
        if isinstance(line, LongLine):
            reading.complaints.error(f"a line of more than {MAX_LINE} octets", "break it up")
        else:
            text = "" if line.text.startswith("#") else translate(line.text, reading.level, reading.syntax)
            if listener is not None:
                listener(reading, line, text)
            if text.startswith("S"):
                rule_set = rules.begins_rule_set(reading, text[1:])
            else:
                _read_line(reading, text, rule_set)
        if reading.complaints.too_many:
            reading.complaints.found.pop()
            reading.complaints.error(
                f"reading stopped here after {MAX_COMPLAINTS - 1} complaints", "see that this is a configuration file"
            )
            return


def _read_line(reading: Reading, text: str, rule_set: int | None) -> None:
    letter = text[:1]
    if not text.strip() or letter == "L":
        return
    if letter == "R":
        rules.read_rule(reading, text[1:], rule_set)
    elif letter in _READERS:
        _READERS[letter](reading, text[1:])
    else:
        reading.complaints.error(
            f'unknown configuration line "{printable_line(text)}"',
            "a line begins with one of C D E F H K M O P Q R S T V X #",
        )


def finish(reading: Reading) -> None:
    """Do what waits for the end of the file."""
    own_name = reading.expand(reading.macros.get("j", "")) or "localhost"
    if "." not in own_name:
        reading.complaints.warning(
            f"local host name ({own_name}) is not qualified", "give the host's full name in a line Djhost.example.org"
        )
    reading.add_words("w", [own_name])
    _add_interfaces(reading)
    if "local" not in reading.mailers:
        reading.complaints.error("No local mailer defined", "write a line Mlocal, P=..., F=..., A=...")
    mailers.complete_for_level(reading)


def _add_interfaces(reading: Reading) -> None:
    machine = reading.surroundings.machine
    settings = reading.settings.get("DontProbeInterfaces")
    probing = settings[-1].value if settings else "false"
    if probing != "true":
        reading.add_words("w", list(machine.interfaces))
    if probing == "false":
        reading.add_words("w", list(machine.loopback))


def configuration_of(reading: Reading, path: Path) -> CfConfiguration:
    """Return what was read."""
    by_number = sorted(reading.mailers.items(), key=lambda entry: entry[1].number)
    return CfConfiguration(
        file=path,
        program=_program(reading),
        vendor=reading.vendor,
        mailers=dict(by_number),
        headers=tuple(reading.headers),
        settings={name: tuple(settings) for name, settings in reading.settings.items() if settings},
        priorities=reading.priorities,
        queue_groups=reading.queue_groups,
        environment=reading.environment,
        milters=tuple(reading.milters),
        spellings={word: shown for word, shown in reading.spellings.items() if word != shown},
        files=reading.files_read(),
        is_cacheable=reading.is_cacheable,
        complaints=tuple(reading.complaints.found),
    )


def _program(reading: Reading) -> RewritingProgram:
    def last(name: str) -> str:
        settings = reading.settings.get(name)
        return str(settings[-1].value) if settings else ""

    old = reading.expand(reading.macros.get("o", "")) if reading.level < 7 else ""
    return RewritingProgram(
        level=reading.level,
        operators=last("OperatorChars") or old or OLD_OPERATORS,
        blank_substitute=last("BlankSub")[:1] or " ",
        rule_sets=reading.rule_sets.finished(),
        names=reading.rule_sets.numbers,
        macros=reading.macros,
        classes={name: frozenset(words) for name, words in reading.classes.items()},
        maps=_maps(reading),
    )


def _maps(reading: Reading) -> Mapping[str, MapDeclaration]:
    """Return the maps that are declared; below level 2 names that ``$[ $]`` gives end in no dot."""
    if reading.level >= LEVEL_OF_DOTS or "host" in reading.maps:
        return reading.maps
    return {"host": MapDeclaration("host", "host", "-D"), **reading.maps}
