"""MTBL, MDMN and ALIAS: the tables, the domains and the sources of aliases, mmdftailor(5).

The first bare word of a record names the thing and everything that is named after it; every other
parameter is a pair.  What nobody knows is left out with a complaint, and the rest of the record counts.
"""

from typing import Final, TypeVar

from msgspec import Struct

from posthouse.mail.lookup import Origin
from posthouse.mail.mmdf_fields import Field
from posthouse.site.tailor import kinds
from posthouse.site.tailor.complaints import Entry, one_of, shown
from posthouse.site.tailor.entries import (
    Lines,
    NameserverUse,
    RegexpWays,
    TailorAlias,
    TailorDomain,
    TailorTable,
)
from posthouse.site.tailor.specs import read_value

_COMPILE_FLAGS: Final = ("extended", "icase", "newline", "none", "nosub")
_MATCH_FLAGS: Final = ("none", "notbol", "noteol")
_SOURCES: Final = {each.value: each for each in Lines}
_USES: Final = {each.value: each for each in NameserverUse if each.value}
_OPTIONS: Final = ("abort", "route", "partial", "reject")
_TABLE_FLAGS: Final = ("file", "dbm", "ns", "nis", *_USES, *_OPTIONS)
_TABLE_KEYS: Final = ("name", "file", "show", "flags", "type")
_DOMAIN_KEYS: Final = ("name", "dmn", "show", "table")
_ALIAS_FLAGS: Final = ("trusted", "nobypass", "public")
# What the types with keys of their own know; "bind_dn", "password_file", "command", "database" and "query" are ours.
_PARAMETERS: Final = {
    Lines.LDAP: (
        *("attrib", "filter", "scope", "search_base", "server_host", "server_port", "timeout"),
        *("bind_dn", "password_file"),
    ),
    Lines.SQL: ("database", "query"),
    Lines.NIS: ("command",),
}

_Word = TypeVar("_Word")


class Tables:
    """The tables so far, in order, and the first of each name."""

    def __init__(self) -> None:
        self.all: list[TailorTable] = []
        self._spelled: dict[str, TailorTable] = {}

    def add(self, table: TailorTable) -> TailorTable | None:
        """Append a table; return the earlier one of this name, which stays the one that is found."""
        self.all.append(table)
        first = self._spelled.setdefault(table.name.lower(), table)
        return None if first is table else first

    def find(self, name: str) -> TailorTable | None:
        """Return the first table of a name, without case."""
        return self._spelled.get(name.lower())

    def need(self, name: str, show: str, origin: Origin) -> str:
        """Return a table's name as it is spelled; the table is made when there is none."""
        found = self._spelled.get(name.lower())
        if found is None:
            found = TailorTable(name, name, show or name, implicit=True, origin=origin)
            self.add(found)
        return found.name


def base_word(entry: Entry, what: str) -> str | None:
    """Return the word that names a thing (or ``base=``), None without one, and complain about other bare words."""
    base: str | None = None
    for number, field in enumerate(entry.fields):
        if field.key is not None:
            base = field.text if field.key.lower() == "base" else base
        elif number == 0:
            base = field.text
        elif field.text or number < len(entry.fields) - 1:  # "a, " ends in an empty field, and means nothing
            entry.complain(
                field, f"{shown(field.text)} stands alone in {what}", "write key=value; quote what has separators in it"
            )
    return base


class _Table(Struct):
    """A table being read."""

    name: str | None
    file: str = ""
    show: str = ""
    lines: Lines = Lines.FILE
    use: NameserverUse = NameserverUse.NONE
    options: set[str] = set()
    add_prefix: bool = False
    add_suffix: bool = False
    compile_flags: tuple[str, ...] = ()
    match_flags: tuple[str, ...] = ()
    zone: str = ""
    link: str = ""
    parameters: tuple[Field, ...] = ()


def read_table(entry: Entry) -> TailorTable | None:
    """Return a table; None, with a complaint, when it has no name."""
    base = base_word(entry, "a table")
    table = _Table(base, base or "", base or "")
    for field in entry.fields:
        if field.key is not None:
            _table_key(entry, field, table)
    if not table.name:
        entry.complain(None, "a table without a name", "begin with it: MTBL aliases, file=aliases")
        return None
    return _finished(entry, table, table.name)


def _table_key(entry: Entry, field: Field, table: _Table) -> None:
    key = (field.key or "").lower()
    match key:
        case "base":
            pass
        case "name" | "file" | "show" | "link":
            setattr(table, key, field.text)
        case "domain":
            table.zone = field.text
        case "flags":
            _table_flag(entry, field, table)
        case "type":
            table.lines = known(entry, field, _SOURCES, table.lines)
        case "addprefix" | "addsuffix":
            setattr(table, f"add_{key[3:]}", read_value(entry, field, kinds.switch, before=False))
        case "cflag":
            table.compile_flags += _posix_flag(entry, field, _COMPILE_FLAGS)
        case "eflag":
            table.match_flags += _posix_flag(entry, field, _MATCH_FLAGS)
        case _:
            table.parameters += (field,)  # judged when the type is known


def _table_flag(entry: Entry, field: Field, table: _Table) -> None:
    flag = field.text.lower()
    if flag in _OPTIONS:
        table.options = table.options | {flag}
    elif flag in ("file", "dbm", "ns", "nis"):
        table.lines = Lines(flag)
    elif flag in _USES:
        table.use = _USES[flag]
    elif flag == "root":
        table.use = NameserverUse.DOMAIN
        entry.complain(field, "flags=root is obsolete", 'it is read as flags=domain; write that, with dmn="" in MDMN')
    else:
        entry.complain(field, f"a table has no flag {shown(field.text)}", one_of(_TABLE_FLAGS))


def _posix_flag(entry: Entry, field: Field, flags: tuple[str, ...]) -> tuple[str, ...]:
    flag = field.text.lower()
    if flag not in flags:
        entry.complain(field, f"{field.key} has no {shown(field.text)}", one_of(flags))
        return ()
    return () if flag == "none" else (flag,)


def known(entry: Entry, field: Field, values: dict[str, _Word], before: _Word) -> _Word:
    """Return the value that a word stands for, without case; ``before``, with a complaint, when none does."""
    found = values.get(field.text.lower())
    if found is None:
        entry.complain(field, f"{field.key}={shown(field.text)} is unknown", one_of(tuple(values)))
        return before
    return found


def _finished(entry: Entry, table: _Table, name: str) -> TailorTable:
    use = table.use
    if table.lines is Lines.NS and use is NameserverUse.NONE:
        use = _old_use(entry, table.file)
    elif use is not NameserverUse.NONE and table.lines is not Lines.NS:
        entry.complain(None, f"flags={use.value} in a table without flags=ns", "add flags=ns, or leave it out")
    known_keys = _PARAMETERS.get(table.lines, ())
    for field in table.parameters:
        if (field.key or "").lower() not in known_keys:
            entry.complain(field, f"a table has no key {shown(field.key or '')}", one_of((*_TABLE_KEYS, *known_keys)))
    return TailorTable(
        name,
        table.file or name,
        table.show or name,
        table.lines,
        use,
        abort="abort" in table.options,
        route="route" in table.options,
        partial="partial" in table.options,
        reject="reject" in table.options,
        regexp=RegexpWays(table.add_prefix, table.add_suffix, table.compile_flags, table.match_flags),
        zone=table.zone,
        link=table.link,
        parameters=tuple(((field.key or "").lower(), field.text) for field in table.parameters),
        origin=entry.origin,
    )


def _old_use(entry: Entry, file: str) -> NameserverUse:
    """Before there were flags for it, the file of a nameserver table said what is asked for."""
    use = _USES.get(file.lower(), NameserverUse.NONE)
    if use is NameserverUse.NONE:
        entry.complain(None, "a nameserver table that asks for nothing", "add flags=domain or flags=channel")
    else:
        entry.complain(None, f"file={file} says what is asked for", f"it is read as flags={use.value}; write that")
    return use


def read_domain(entry: Entry, tables: Tables) -> TailorDomain | None:
    """Return a domain; None, with a complaint, when it has no name."""
    base = base_word(entry, "a domain")
    said = {"name": base, "dmn": base, "show": None, "table": None}
    for field in entry.fields:
        key = None if field.key is None else field.key.lower()
        if key == "tbl":
            entry.complain(field, "a domain has no key tbl", "it is read as table; write that")
            key = "table"
        if key in said:
            said[key] = field.text
        elif key is not None and key != "base":
            entry.complain(field, f"a domain has no key {shown(field.key or '')}", one_of(_DOMAIN_KEYS))
    name, dmn = said["name"], said["dmn"]
    if dmn is None:
        right = 'begin with its name: MDMN "edu", table=edu; the root domain is written dmn=""'
        entry.complain(None, "a domain without a name", right)
        return None
    show = said["show"] or base or name or ""
    table = tables.need(said["table"] or name or "rootdomain", show, entry.origin)
    return TailorDomain(name or "", dmn, show, table, entry.origin)


def read_alias(entry: Entry, tables: Tables) -> TailorAlias | None:
    """Return a source of aliases; None, with a complaint, when it names no table."""
    table, flags = "", set()
    for field in entry.fields:
        key, text = (field.key or "").lower(), field.text.lower()
        if field.key is None and text in _ALIAS_FLAGS:
            flags.add(text)
        elif key in ("table", "tbl"):
            table = field.text
        elif field.key is not None:
            entry.complain(field, f"ALIAS has no key {shown(field.key)}", "write table=, and the flags as bare words")
        elif text:
            entry.complain(field, f"ALIAS has no flag {shown(field.text)}", one_of(_ALIAS_FLAGS))
    if not table:
        entry.complain(None, "ALIAS without a table", "write ALIAS table=aliases")
        return None
    name = tables.need(table, "", entry.origin)
    return TailorAlias(name, "trusted" in flags, "nobypass" in flags, "public" in flags, entry.origin)
