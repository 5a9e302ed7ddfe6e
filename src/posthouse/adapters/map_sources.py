"""From declared maps to maps that answer.

The one place that knows which source serves which class.  The classes arith, macro, dequote, regex, null,
sequence and switch need nobody: rewriting answers them itself, and they are left out here.
"""

from __future__ import annotations  # so that the ports are imported by the type checker alone

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from posthouse.adapters.map_flagged import EntriesSource, FlaggedMap, SilentSource, Source
from posthouse.adapters.map_host import HostsFile, HostSource, Records
from posthouse.mail.errors import MalformedError
from posthouse.mail.lookup import MapStatus
from posthouse.mail.map_arguments import MapArguments, fold_octets, read_map_arguments
from posthouse.mail.problem import Problem
from posthouse.rewriting.program import MapDeclaration

if TYPE_CHECKING:
    from posthouse.ports import Clock, Logins, Resolver
    from posthouse.programs.identity import Identity

# What $[ $] asks when the configuration declares no map ``host``.
HOST_DECLARATION: Final = MapDeclaration("host", "host", "-a. -D")
_ANSWERED_BY_REWRITING: Final = frozenset({"arith", "macro", "dequote", "regex", "null", "sequence", "switch"})
# Classes whose servers are gone from today's machines, and what a site can do instead.
_GONE: Final[Mapping[str, str]] = {
    "nis": "NIS is not supported; write the map to a text file (ypcat -k) and make it a hash map",
    "nisplus": "NIS+ is not supported; write the table to a text file and make it a hash map",
    "netinfo": "NetInfo is not supported; write the directory to a text file and make it a hash map",
    "ni": "NetInfo is not supported; write the directory to a text file and make it a hash map",
    "ph": "ph servers are not supported; ask the directory by a socket or program map",
    "hesiod": "Hesiod is not supported; its data are TXT records, which a dns map can ask for",
    "userdb": "user databases are not supported; use aliases and a generics table",
}
# Classes whose mistakes are met when the map is first asked: what needs it waits.
_WAITING: Final = frozenset({"user", "text", "socket"})
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


class Surroundings(Struct, frozen=True):
    """What maps need of the site and the machine."""

    clock: Clock
    logins: Logins
    resolver: Resolver
    records: Records | None = None  # None: DNS is not to be asked
    hosts_file: Path = Path("/etc/hosts")  # the option HostsFile
    host_services: tuple[str, ...] = ("dns", "files")  # of the service switch: tables/service_switch.py
    domain: str = ""  # the macro $m
    identity: Identity | None = None  # DefaultUser: whom programs run as
    folder: Path = Path("/")  # what relative file names are relative to
    stab: Mapping[str, str] = {}


class OpenMaps(Struct, frozen=True):
    """Every map by its lower-case name, and what is wrong with their declarations."""

    maps: Mapping[str, FlaggedMap]
    problems: tuple[Problem, ...] = ()


def open_maps(declarations: Mapping[str, MapDeclaration], surroundings: Surroundings) -> OpenMaps:
    """Open the maps of a configuration, and ``host``.

    Nothing is read here and nothing fails: a map whose source is missing answers so until it is there.
    """
    maps: dict[str, FlaggedMap] = {}
    problems: list[Problem] = []
    for declaration in (HOST_DECLARATION, *declarations.values()):
        if declaration.kind in _ANSWERED_BY_REWRITING:
            maps.pop(fold_octets(declaration.name), None)  # a ``host`` of their own
            continue
        opened, complaints = open_map(declaration, surroundings)
        maps[fold_octets(declaration.name)] = opened
        for complaint in complaints:
            wrong, _, right = complaint.partition("; ")
            problems.append(
                Problem(declaration.origin, f"map {declaration.name}: {wrong}", right or "correct the K line")
            )
    return OpenMaps(maps, tuple(problems))


def open_map(declaration: MapDeclaration, surroundings: Surroundings) -> tuple[FlaggedMap, tuple[str, ...]]:
    """Open one map; return it with what is wrong in its declaration."""
    flags = read_map_arguments(declaration.kind, declaration.arguments)
    complaints = flags.complaints
    builder = _BUILDERS.get(declaration.kind)
    try:
        if builder is None:
            reason = _GONE.get(declaration.kind, f"there is no map class {declaration.kind}")
            source: Source = SilentSource(reason, is_optional=flags.is_optional)
            complaints += (reason,)
        else:
            source = builder(declaration.name, flags, surroundings)
    except MalformedError as error:
        waits = declaration.kind in _WAITING and bool(flags.file or declaration.kind == "user")
        status = MapStatus.TEMPORARY if waits else MapStatus.BROKEN
        source = SilentSource(str(error), status, is_optional=waits and flags.is_optional)
        complaints += (str(error),)
    return FlaggedMap(declaration.name, flags, source, declaration.kind), complaints


def _path(flags: MapArguments, surroundings: Surroundings) -> Path:
    if not flags.file:
        raise MalformedError("no file name; write it after the flags")
    return surroundings.folder / flags.file


def _database(_: str, flags: MapArguments, surroundings: Surroundings) -> Source:
    from posthouse.adapters.map_database import DatabaseSource

    return DatabaseSource(_path(flags, surroundings), flags, surroundings.clock)


def _constant(_: str, flags: MapArguments, surroundings: Surroundings) -> Source:
    from posthouse.adapters.map_database import CDB_SUFFIX, DatabaseSource

    return DatabaseSource(_path(flags, surroundings), flags, surroundings.clock, CDB_SUFFIX)


def _ldap(_: str, flags: MapArguments, __: Surroundings) -> Source:
    from posthouse.adapters.map_ldap import LdapSource, read_question

    return LdapSource(read_question(flags))


def _text(_: str, flags: MapArguments, surroundings: Surroundings) -> Source:
    from posthouse.adapters.map_text import TextSource, column_number

    keys, values = column_number(flags.key_column, 0), column_number(flags.value_column, 0)
    if keys is None or values is None:
        raise MalformedError("-k or -v of a text map is no number; columns count from 0")
    return TextSource(_path(flags, surroundings), flags, surroundings.clock, keys=keys, values=values)


def _implicit(_: str, flags: MapArguments, surroundings: Surroundings) -> Source:
    from posthouse.adapters.map_implicit import AliasSource

    return AliasSource(_path(flags, surroundings), flags, surroundings.clock)


def _host(_: str, flags: MapArguments, surroundings: Surroundings) -> Source:  # noqa: ARG001 - as the others
    hosts = HostsFile(surroundings.hosts_file, surroundings.clock)
    return HostSource(surroundings.host_services, hosts, surroundings.records, surroundings.domain)


def _dns(_: str, flags: MapArguments, surroundings: Surroundings) -> Source:
    from posthouse.adapters.map_dns import TYPES, DnsSource

    kind = flags.others.get("R", "").upper()
    if kind not in TYPES:
        raise MalformedError(f"no type of records; write -R and one of {', '.join(sorted(TYPES))}")
    if surroundings.records is None:
        return SilentSource("DNS is not to be asked here")
    return DnsSource(surroundings.records, flags, kind)


def _bestmx(_: str, flags: MapArguments, surroundings: Surroundings) -> Source:
    from posthouse.adapters.map_dns import BestMxSource

    return BestMxSource(surroundings.resolver, flags)


def _arpa(_: str, flags: MapArguments, surroundings: Surroundings) -> Source:  # noqa: ARG001 - as the others
    from posthouse.adapters.map_dns import ArpaSource

    return ArpaSource()


def _user(_: str, flags: MapArguments, surroundings: Surroundings) -> Source:
    from posthouse.adapters.map_user import FIELDS, UserSource, field_name

    field = field_name(flags.value_column)
    if field is None:
        raise MalformedError(f"there is no field {flags.value_column}; -v is one of {', '.join(FIELDS)}")
    return UserSource(surroundings.logins, field)


def _program(_: str, flags: MapArguments, surroundings: Surroundings) -> Source:
    from posthouse.adapters.map_program import ProgramSource

    if not flags.file:
        raise MalformedError("no program; write its path after the flags")
    return ProgramSource(flags, surroundings.identity)


def _socket(name: str, flags: MapArguments, _: Surroundings) -> Source:
    from posthouse.adapters.map_socket import PATIENCE_SECONDS, SocketSource, read_place

    patience = flags.others.get("d", "")
    return SocketSource(name, read_place(flags.file), flags, read_seconds(patience) if patience else PATIENCE_SECONDS)


def _syslog(_: str, flags: MapArguments, __: Surroundings) -> Source:
    from posthouse.adapters.map_syslog import LEVELS, SyslogSource, level_of

    level = level_of(flags.others.get("L", ""))
    if level is None:
        raise MalformedError(f"there is no such level; -L is one of {', '.join(LEVELS)}")
    return SyslogSource(level)


def _stab(_: str, flags: MapArguments, surroundings: Surroundings) -> Source:
    return EntriesSource(dict(surroundings.stab), keeps_case=flags.keeps_case)


_BUILDERS: Final[Mapping[str, Callable[[str, MapArguments, Surroundings], Source]]] = {
    "hash": _database,
    "btree": _database,
    "dbm": _database,
    "cdb": _constant,
    "ldap": _ldap,
    "ldapx": _ldap,
    "text": _text,
    "implicit": _implicit,
    "host": _host,
    "dns": _dns,
    "bestmx": _bestmx,
    "arpa": _arpa,
    "user": _user,
    "program": _program,
    "socket": _socket,
    "syslog": _syslog,
    "stab": _stab,
}


def read_seconds(text: str) -> float:
    """Read a time such as ``10s`` or ``1m30s``; a number alone is seconds.  Raises MalformedError."""
    total, digits = 0, ""
    for character in text.lower():
        if character in "0123456789" and len(digits) < 6:
            digits += character
        elif character in _UNITS and digits:
            total += int(digits) * _UNITS[character]
            digits = ""
        else:
            raise MalformedError(f"{text!r} is no time such as 10s")
    total += int(digits or 0)
    if not 0 < total <= _UNITS["d"]:
        raise MalformedError(f"{text!r} is no time between a second and a day")
    return float(total)
