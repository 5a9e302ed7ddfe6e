"""An MMDF site as the commands open it: its tailor file, its tables, its users."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from posthouse.cli.errors import CommandError
from posthouse.routing.mmdf.authorization import Submitter
from posthouse.routing.mmdf.compiled import MmdfRouting, compile_mmdf
from posthouse.routing.mmdf.resolve import AddressCheck
from posthouse.routing.mmdf.verdict import Checked
from posthouse.site.tailor.model import Compatibility, TailorConfiguration
from posthouse.site.tailor.reader import read_tailor_file
from posthouse.submit.mmdf import answer_steps

if TYPE_CHECKING:
    from posthouse.ports import Table

_TABLES = "tables"
# Whom every machine has, though lists of users leave them out.
_ALWAYS_THERE = ("root", "nobody")


class OpenedSite(Struct, frozen=True):
    """A site that was read, and its tables."""

    configuration: TailorConfiguration
    routing: MmdfRouting
    tables: "Mapping[str, Table]"

    async def check(self, address: str, submitter: Submitter | None = None) -> Checked:
        """Verify an address of a message of its own; of root, unless told otherwise."""
        sender = submitter or Submitter("root", answers_to=f"root@{self.configuration.names.full}")
        checked, trace = await answer_steps(AddressCheck(self.routing, sender).check(address), self.tables)
        return replace(checked, trace=trace)


def open_site(
    path: Path,
    *,
    users: Path | None = None,
    folder: Path | None = None,
    compatibility: Compatibility | None = None,
    nameservers: Sequence[str] = (),
) -> OpenedSite:
    """Open a site.  ``folder`` stands for MTBLDIR.  Raises SiteError and CommandError."""
    from posthouse.adapters.clock_system import SystemClock
    from posthouse.adapters.table_mmdf import open_mmdf_tables, users_table

    configuration = read_configuration(path, compatibility)
    try:
        listed = None if users is None else users_table(users, (*_ALWAYS_THERE, configuration.people.login))
    except OSError as error:
        raise CommandError(f"can't read the users: {error}", os.EX_NOINPUT) from error
    tables = open_mmdf_tables(
        configuration,
        SystemClock(),
        users=listed,
        folder=folder or folder_of_tables(configuration),
        nameservers=nameservers,
    )
    return OpenedSite(configuration, compile_mmdf(configuration, compatibility), tables)


def read_configuration(path: Path, compatibility: Compatibility | None = None) -> TailorConfiguration:
    """Read an mmdftailor, or a site.toml with a part [mmdf].  Raises SiteError and CommandError."""
    if path.suffix != ".toml":
        return read_tailor_file(path, compatibility or Compatibility.DOCUMENTS)
    from posthouse.site.tailor.site import tailor_of
    from posthouse.site.toml import read_site

    found = tailor_of(read_site(path))
    if found is None:
        raise CommandError(f"{path} has no [mmdf]: its routes are the native language's; see posthouse explain", 78)
    return found


def folder_of_tables(configuration: TailorConfiguration) -> Path | None:
    """A site that was copied from its machine has its tables beside its tailor file; None is MTBLDIR."""
    beside = configuration.file.parent / _TABLES
    if beside.is_dir() and not configuration.under(configuration.folders.tables).is_dir():
        return beside
    return None


def split_long_options(arguments: Sequence[str], names: Sequence[str], usage: str) -> tuple[dict[str, Path], list[str]]:
    """Take ``--name FILE`` and ``--name=FILE`` out of the arguments of a classic program.  Raises CommandError."""
    found: dict[str, Path] = {}
    rest = list(arguments)
    for name in names:
        for at, argument in enumerate(rest):
            if argument.startswith(f"--{name}="):
                found[name] = Path(argument.partition("=")[2])
                del rest[at]
                break
            if argument == f"--{name}":
                if at + 1 == len(rest):
                    raise CommandError(f"--{name} needs a file\n{usage}", os.EX_USAGE)
                found[name] = Path(rest[at + 1])
                del rest[at : at + 2]
                break
    return found, rest
