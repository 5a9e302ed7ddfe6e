"""Reads a site file: octets to text, text to TOML, TOML to a Site.

A file that is not TOML has one problem, where the parser stopped; every other file has all
of its problems reported at once.
"""

import os
import re
import stat
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from posthouse.mail.lookup import Origin
from posthouse.site.model import Site
from posthouse.site.problems import Problem, SiteError
from posthouse.site.toml.assemble import assemble
from posthouse.site.toml.positions import Positions
from posthouse.site.toml.walk import Walk

if TYPE_CHECKING:
    from posthouse.site.cf.machine import Surroundings

MAX_OCTETS = 10 * 1024 * 1024

_PLACE = re.compile(r"(.*) \(at (?:line ([0-9]+), column ([0-9]+)|end of document)\)", re.DOTALL)
_PYTHON_TUPLE = re.compile(r"\((?:'[^']*',? ?)+\)")
_PYTHON_TEXT = re.compile(r"'([^']*)'")
_HINTS = (
    ("twice", "say it once"),
    ("overwrite", "say it once"),
    ("uplicate", "say it once"),
    ("llegal character", "end a text with a quote on its own line"),
    ("alue", 'write texts in quotes, as in name = "mail.example.org"'),
)
_HINT = "a line is a [table], a key = value, or a # comment; keys with dots in them stand in quotes"

# What a part [rewriting] takes from the machine; the argument is the hosts file that it names.
SurroundingsOf = Callable[[Path | None], "Surroundings"]


def _of_no_machine(_: Path | None) -> "Surroundings":
    from posthouse.site.cf.machine import Machine, Surroundings

    return Surroundings(Machine("localhost"))


def read(path: Path, surroundings: SurroundingsOf = _of_no_machine) -> Site:
    """Read a site file.  Raises SiteError."""
    walk = walk_of(path)
    site = assemble(walk, path.absolute())
    if "mmdf" in walk.document:
        from posthouse.site.toml.mmdf import with_mmdf

        site = with_mmdf(walk, site)
    if "rewriting" in walk.document:
        from posthouse.site.toml.rewriting import with_rewriting

        site = with_rewriting(walk, site, surroundings)
    if walk.problems:
        raise SiteError(sorted(walk.problems, key=lambda problem: (problem.origin.line, problem.origin.column)))
    return site


def walk_of(path: Path) -> Walk:
    """Return a site file as TOML.  Raises SiteError when it is none."""
    return walk_of_text(_text(path), path)


def walk_of_text(text: str, path: Path) -> Walk:
    """Return the text of a site file as TOML.  Raises SiteError when it is none."""
    try:
        document = tomllib.loads(text)
        positions = Positions(text)
    except tomllib.TOMLDecodeError as error:
        raise SiteError([_syntax_problem(str(error), text, str(path))]) from error
    except RecursionError as error:
        raise _unusable(path, "the file nests arrays or tables too deeply", "a few levels are enough") from error
    except ValueError as error:  # a number with thousands of digits
        raise _unusable(path, f"the file is not TOML: {error}", "correct it") from error
    return Walk(document, positions, str(path), path.absolute().parent)


def _text(path: Path) -> str:
    try:
        with open(path, "rb", opener=_open_without_waiting) as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                raise _unusable(path, "this is no plain file", "name the site file itself")
            wire = stream.read(MAX_OCTETS + 1)
    except IsADirectoryError as error:
        raise _unusable(path, "this is a directory", "name the site file itself") from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise _unusable(path, f"the file can't be read: {reason}", "name a site file that can be read") from error
    if len(wire) > MAX_OCTETS:
        raise _unusable(path, f"the file is larger than {MAX_OCTETS} octets", "keep large tables in files of their own")
    try:
        return wire.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        before = wire[: error.start]
        line, column = before.count(b"\n") + 1, error.start - before.rfind(b"\n")
        problem = Problem(Origin(str(path), line, column), "the file is not UTF-8", "save it as UTF-8")
        raise SiteError([problem]) from error


def _open_without_waiting(path: str, flags: int) -> int:
    # A pipe to which nobody writes must not hold up a start or a reload for ever.
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)


def _unusable(path: Path, wrong: str, right: str) -> SiteError:
    return SiteError([Problem(Origin(str(path)), wrong, right)])


def _syntax_problem(message: str, text: str, file: str) -> Problem:
    """Make a problem of the parser's message, which ends in the place."""
    match = _PLACE.fullmatch(message)
    wrong = match[1] if match else message
    if match and match[2]:
        origin = Origin(file, int(match[2]), int(match[3]))
        right = next((hint for word, hint in _HINTS if word in wrong), _HINT)
    else:
        origin = Origin(file, text.count("\n") + 1, len(text) - text.rfind("\n"))
        wrong, right = f"{wrong}, at the end of the file", "close what was opened: a quote, a bracket or a brace"
    wrong = _PYTHON_TUPLE.sub(lambda names: ".".join(_PYTHON_TEXT.findall(names[0])), wrong)
    return Problem(origin, f"not TOML: {wrong[:1].lower()}{wrong[1:]}", right)
