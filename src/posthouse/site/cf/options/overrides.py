"""Options of a command line over those of the file: ``-OName=value``, ``-oxvalue``, ``-MXvalue``."""

from collections.abc import Sequence

from msgspec.structs import replace

from posthouse.mail.lookup import Origin
from posthouse.site.cf.complaints import Complaint
from posthouse.site.cf.declared import CfConfiguration
from posthouse.site.cf.machine import Machine, Surroundings
from posthouse.site.cf.options.reader import read_option
from posthouse.site.cf.state import Reading

COMMAND_LINE = Origin("command line")


def with_options(configuration: CfConfiguration, texts: Sequence[str]) -> tuple[CfConfiguration, tuple[Complaint, ...]]:
    """Return the configuration with more options set, and what is wrong with them.

    A text is what stands behind the O of a line: `` Name=value`` with its blank, or a letter and its value.
    """
    if not texts:
        return configuration, ()
    reading = Reading(Surroundings(Machine("localhost")))
    reading.complaints.origin = COMMAND_LINE
    before = dict(reading.macros)
    for text in texts:
        read_option(reading, text)
    settings = dict(configuration.settings)
    for name, given in reading.settings.items():
        settings[name] = (*settings.get(name, ()), *given)
    defined = {name: value for name, value in reading.macros.items() if before.get(name) != value}
    program = replace(configuration.program, macros={**configuration.program.macros, **defined})
    return replace(configuration, settings=settings, program=program), tuple(reading.complaints.found)
