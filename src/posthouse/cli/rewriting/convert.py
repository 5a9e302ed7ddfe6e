"""A sendmail.cf as a site.toml with a part [rewriting].

What is written is read back before it is shown: a file that would be read as something else is never written.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from posthouse.adapters.cf_surroundings import surroundings_of
from posthouse.cli.errors import CommandError
from posthouse.cli.formats import printable
from posthouse.cli.rewriting.examples import example_lines
from posthouse.mail.lookup import Origin
from posthouse.mail.problem import Problem
from posthouse.site.cf.assemble import assemble
from posthouse.site.cf.declared import CfConfiguration
from posthouse.site.cf.machine import Surroundings, read_plain_file
from posthouse.site.cf.reader import read_cf
from posthouse.site.rules.convert import toml_text, write_part
from posthouse.site.rules.lifting import lift
from posthouse.site.rules.sameness import differences
from posthouse.site.rules.source import Source
from posthouse.site.toml.reader import walk_of_text
from posthouse.site.toml.rewriting import rules_of

_SHOWN = 5  # differences


def convert_cf(file: Path, examples: Sequence[str] = ()) -> str:
    """Return the site.toml of a configuration file; what it makes of ``examples`` now is written as such.

    Raises SiteError, or CommandError when it cannot be written.
    """
    missing: list[Problem] = []
    surroundings = _forgiving(file, surroundings_of(file), missing)
    source = Source()
    configuration = read_cf(file, surroundings, source)
    site = assemble(configuration)
    settings = lift(configuration, source)
    if configuration.program.macros.get("j") == site.name:
        source.macros.pop("j", None)  # [site] says it
    head = f"[site]\nname = {toml_text(site.name)}\n\n{settings}"
    written = f"{head}{write_part(configuration, source, example_lines(configuration, examples))}"
    _assure_sameness(file, configuration, written, surroundings)
    comments = [*source.opening, f"Converted from {printable(file.name)}."]
    needed = {problem.origin.file: problem for problem in missing if problem.origin.file in source.needed_files()}
    comments += [printable(str(problem)) for problem in (*needed.values(), *site.complaints, *site.without_effect)]
    return "\n".join([*(f"# {line}" for line in comments), "", written])


def _forgiving(file: Path, surroundings: Surroundings, missing: list[Problem]) -> Surroundings:
    """Let class files and accounts be missing: a file may be converted on another machine than the one it is for."""

    def read(path: str, most: int) -> bytes:
        try:
            return read_plain_file(path, most)
        except (OSError, ValueError) as error:
            if path == str(file):
                raise
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            missing.append(
                Problem(Origin(path), f"the file of a class can't be read: {reason}", "make it where it is needed")
            )
            return b""

    return replace(surroundings, read=read, account=None, group=None)


def _assure_sameness(file: Path, configuration: CfConfiguration, text: str, surroundings: Surroundings) -> None:
    """Raise CommandError when the text would be read as something else than it was made of."""
    again = rules_of(walk_of_text(text, file), lambda _: surroundings)
    found = [complaint.problem.wrong for complaint in again.errors] or list(differences(configuration, again))
    if found:
        more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        raise CommandError(
            f"{file} cannot be written as a site.toml without a change: {', '.join(found[:_SHOWN])}{more}",
            os.EX_UNAVAILABLE,
        )
