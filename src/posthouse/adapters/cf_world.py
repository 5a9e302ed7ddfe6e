"""What routing by a sendmail.cf asks, on this machine: its maps, its alias files, accounts and their files."""

from __future__ import annotations  # so that the ports are imported by the type checker alone

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from posthouse.adapters.address_files_user import FileRules, UserAddressFiles
from posthouse.adapters.cf_maps import open_cf_maps, open_client_names
from posthouse.adapters.map_answers import MapAnswers
from posthouse.adapters.map_flagged import FlaggedMap
from posthouse.adapters.map_sources import Surroundings, open_map
from posthouse.adapters.resolver_memory import MemoryResolver
from posthouse.mail.map_arguments import fold_octets
from posthouse.rewriting.program import MapDeclaration
from posthouse.site.cf.options.overrides import COMMAND_LINE
from posthouse.submit.sendmail.driver import World

if TYPE_CHECKING:
    from posthouse.adapters.map_answers import KeptMap
    from posthouse.ports import Clock, Logins
    from posthouse.site.cf.declared import CfConfiguration
    from posthouse.submit.sendmail.driver import ClientName, ClientNames

# Alias files of these classes are read by way of their index, or as they are written.
_INDEXED: Final = frozenset({"", "hash", "btree", "dbm", "implicit", "files", "cdb"})


def open_world(
    configuration: CfConfiguration, clock: Clock, logins: Logins, hosts_file: Path | None = None
) -> tuple[World, MapAnswers]:
    """Open everything; the MapAnswers are to be closed."""
    maps = dict(open_cf_maps(configuration, clock, logins, hosts_file).maps)
    aliases = [
        _alias_map(specification, maps, configuration, clock, logins) for specification in alias_files(configuration)
    ]
    blame = {fold_octets(word) for word in configuration.words("DontBlameSendmail")}
    rules = FileRules(
        checks_directories="forwardfileinunsafedirpath" not in blame,
        forward_group_writable="groupwritableforwardfile" in blame,
        include_group_writable="groupwritableincludefile" in blame,
        include_world_writable="worldwritableincludefile" in blame,
    )
    answers = MapAnswers(maps, clock, also=aliases)
    names = _NamesWhenAsked(configuration, clock, hosts_file)
    return World(answers, aliases, logins, UserAddressFiles(logins, rules), names), answers


class _NamesWhenAsked:
    """Port ClientNames: what it needs takes long to import, and commands have no clients."""

    def __init__(self, configuration: CfConfiguration, clock: Clock, hosts_file: Path | None) -> None:
        self._given = configuration, clock, hosts_file
        self._names: ClientNames | None = None

    async def name_of(self, address: str) -> ClientName:
        if self._names is None:
            self._names = open_client_names(*self._given)
        return await self._names.name_of(address)


def alias_files(configuration: CfConfiguration) -> Iterator[str]:
    """Yield the specifications of the option AliasFile, in order; those of a command line stand for the file's."""
    settings = configuration.settings.get("AliasFile", ())
    given = [setting for setting in settings if setting.origin == COMMAND_LINE]
    for setting in given or settings:
        yield from setting.text.replace(",", " ").split()


def alias_path(specification: str, folder: Path) -> Path | None:
    """Return the text file of a specification; None when it names a map of another kind."""
    kind, colon, rest = specification.rpartition(":")
    if fold_octets(kind) not in _INDEXED or not rest or rest.startswith("-"):
        return None
    return folder / (rest if colon else specification)


def _alias_map(
    specification: str, maps: dict[str, FlaggedMap], configuration: CfConfiguration, clock: Clock, logins: Logins
) -> KeptMap:
    """Return the map of one specification: a file, or a map of any class that is declared here."""
    path = alias_path(specification, configuration.file.absolute().parent)
    if path is not None:
        declaration = MapDeclaration("aliases", "implicit", str(path))
    else:
        kind, _, rest = specification.partition(":")
        declaration = MapDeclaration("aliases", fold_octets(kind), rest)
        if fold_octets(kind) == "sequence" and (known := maps.get(fold_octets(rest))) is not None:
            return known
    return open_map(declaration, Surroundings(clock, logins, MemoryResolver()))[0]
