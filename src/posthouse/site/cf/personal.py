"""A user's own part of the configuration, ``.mailcf`` in the home: header fields and macros for what that user sends.

Allman, "Sendmail - An Internetwork Mail Router", personal configuration.  Lines of other kinds are not obeyed:
where mail goes, the site decides.
"""

from msgspec.structs import replace

from posthouse.mail.lookup import Origin
from posthouse.mail.problem import Problem
from posthouse.rewriting.tokens import fold
from posthouse.site.cf.declared import CfConfiguration
from posthouse.site.cf.dollars import translate
from posthouse.site.cf.headers import read_header
from posthouse.site.cf.lines import MAX_LINE, LongLine, logical_lines
from posthouse.site.cf.machine import Machine, Surroundings
from posthouse.site.cf.small_lines import read_macro
from posthouse.site.cf.state import Reading

MOST_OCTETS = 64 * 1024


def with_personal(configuration: CfConfiguration, path: str, octets: bytes) -> tuple[CfConfiguration, list[Problem]]:
    """Return the configuration with a user's lines, and what of them is not obeyed.

    A field of the user's takes the place of the site's default of its name; a macro's value that of the site's.
    """
    reading = Reading(Surroundings(Machine("localhost")))
    reading.level = configuration.program.level
    before = dict(reading.macros)
    for line in logical_lines(octets):
        reading.complaints.origin = Origin(path, line.number)
        if isinstance(line, LongLine):
            reading.complaints.error(f"a line of more than {MAX_LINE} octets", "break it up")
        elif not line.text.startswith("#"):
            _read(reading, translate(line.text, reading.level, reading.syntax))
        if reading.complaints.too_many:
            break
    defined = {name: value for name, value in reading.macros.items() if before.get(name) != value}
    own = [header for header in reading.headers if not header.rule_set]
    names = {fold(header.name) for header in own}
    kept = [header for header in configuration.headers if header.rule_set or fold(header.name) not in names]
    program = replace(configuration.program, macros={**configuration.program.macros, **defined})
    problems = [complaint.problem for complaint in reading.complaints.found]
    return replace(configuration, program=program, headers=(*kept, *own)), problems


def _read(reading: Reading, text: str) -> None:
    letter, rest = text[:1], text[1:]
    if not text.strip():
        return
    if letter == "D":
        read_macro(reading, rest)
    elif letter == "H":
        known = len(reading.headers)
        read_header(reading, rest)
        if len(reading.headers) > known and reading.headers[-1].rule_set:
            reading.complaints.warning("a field of your own names a rule set: it is ignored", "write the field's text")
    else:
        reading.complaints.warning(
            f"lines of kind {letter!r} are for the site alone: it is ignored", "write H lines and D lines"
        )
