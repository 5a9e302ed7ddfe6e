"""What is wrong in the alias tables: entry by entry, and between them when all are read.  MMDF tables(5)."""

from collections.abc import Iterator

from posthouse.mail.lookup import Origin
from posthouse.mail.problem import Problem
from posthouse.site.tailor.complaints import shown
from posthouse.site.tailor.model import TailorConfiguration

_QUALIFIERS = ("|", "/")
_INCLUSIONS = ("<", ":include:")


class AliasMistakes:
    """Collects what aliases lead to."""

    def __init__(self, configuration: TailorConfiguration) -> None:
        self._sources = {alias.table.lower(): at for at, alias in reversed(list(enumerate(configuration.aliases)))}
        self._trusted = {alias.table.lower() for alias in configuration.aliases if alias.trusted}
        self._single: dict[str, tuple[int, str, Origin]] = {}  # aliases that stand for one name: source and name

    def of_entry(self, table: str, key: str, value: str, origin: Origin) -> Iterator[Problem]:
        """Judge an entry, if its table is a source of aliases."""
        if table not in self._sources:
            return
        if not value:
            yield Problem(origin, f"the alias {shown(key)} stands for nobody", "name an address, or leave it out")
            return
        if table not in self._trusted and any(_is_used(member) for member in value.split(",")):
            wrong = f"the alias {shown(key)} names a file or a program, and its table {table} is not trusted"
            yield Problem(origin, wrong, f"write ALIAS table={table}, trusted, if nobody else can write there")
        at = self._sources[table]
        if at <= self._single.get(key, (at,))[0]:
            target = value.lower()
            is_one = target != key and not any(mark in target for mark in ',@%!|/=<>: ~"')
            self._single[key] = (at, target if is_one else "", origin)

    def circles(self) -> Iterator[Problem]:
        """Find aliases that stand for each other: MMDF accepts what goes there, and nobody gets it."""
        told: set[str] = set()
        for first in self._single:
            passed: dict[str, None] = {}  # in order
            name = first
            while name in self._single and name not in told:
                if name in passed:
                    names = list(passed)
                    circle = " to ".join((*names[names.index(name) :], name))
                    wrong = f"the aliases lead in a circle: {circle}"
                    yield Problem(self._single[name][2], wrong, "end it at a user: who writes there reaches nobody")
                    break
                passed[name] = None
                name = self._single[name][1]
            told.update(passed)


def _is_used(member: str) -> bool:
    """Does a member of an alias name a file or a program of this machine?"""
    member = member.strip().removeprefix('"')
    if member.lower().startswith(_INCLUSIONS):
        return False
    return any(mark in member.rpartition("@")[0] or ("@" not in member and mark in member) for mark in _QUALIFIERS)
