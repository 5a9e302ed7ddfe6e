"""What the native tables of a site.toml are to the rule sets of its part ``[rewriting]``: classes, maps, macros.

    [domains."x"]                 class w, or class R where its kind is relay
    [aliases]                     the option AliasFile
    [virtual] [mailertable]       the maps virtuser and mailertable; domains of [virtual] are class VirtHost
    [generics] [access]           the maps generics and access; domains of [generics] are class G
    [masquerade]                  the macro M, classes M, N and E
    [[route]] host = "*"          the macro S, by its relay
    [accounts]                    the option MailboxDatabase

What rule sets have no word for is a problem, never a setting that nobody heeds.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from posthouse.rewriting.program import RewritingProgram
from posthouse.rewriting.symbols import MAP_BEGIN
from posthouse.site.cf.declared import ACCOUNTS_FILE
from posthouse.site.model import DomainKind, Site, TableKind
from posthouse.site.toml import feature_language
from posthouse.site.toml.walk import Walk

ACCESS_ARGUMENTS: Final = "-T<TMPF> -o "
USUAL_ARGUMENTS: Final = "-o "
_MAPS: Final = {"virtual": "virtuser", "mailertable": "mailertable", "generics": "generics", "access": "access"}
_Part = dict[str, dict[str, object]]
_WITHOUT_MEANING: Final = {"channels": "mailers of [rewriting]"}


def with_settings(walk: Walk, site: Site, part: Mapping[str, object]) -> Mapping[str, object]:
    """Return the part with what the settings of the file add to it."""
    added = _Settings(walk, site)
    added.domains()
    added.aliases()
    added.maps()
    added.masquerade()
    added.smart_host()
    added.accounts()
    for name, instead in _WITHOUT_MEANING.items():
        if name in walk.document:
            walk.wrong((name,), f"[{name}] has no meaning beside rule sets", f"write {instead}")
    return {**part, **{key: _merged(values, part.get(key)) for key, values in added.part.items()}}


def complain_of_unheeded(walk: Walk, program: RewritingProgram) -> None:
    """Complain of each table that no rule asks."""
    sides = [rule.right.lower() for rule_set in program.rule_sets.values() for rule in rule_set.rules]
    for section, name in _MAPS.items():
        if section in walk.document and not any(f"{MAP_BEGIN}{name} " in side for side in sides):
            wrong = f"no rule asks the table of [{section}]"
            walk.wrong((section,), wrong, f"write a rule with {{lookup {name}}}, or take the table out")


def _merged(added: Mapping[str, object], own: object) -> object:
    """Put what is added before what the part says itself, which a class holds besides and anything else replaces."""
    if not isinstance(own, Mapping):
        return added if own is None else own
    merged: dict[str, object] = {**added, **own}
    for name, values in added.items():
        said = own.get(name)
        if isinstance(values, Mapping) and isinstance(said, Mapping) and "words" in values:
            words = said.get("words", [])
            merged[name] = {**said, "words": [*values["words"], *words] if isinstance(words, list) else words}
    return merged


class _Settings:
    """The settings of one file, while they become elements of the part."""

    def __init__(self, walk: Walk, site: Site) -> None:
        self._walk = walk
        self._site = site
        self.part: _Part = {}

    def _set(self, key: str, name: str, value: object) -> None:
        self.part.setdefault(key, {})[name] = value

    def _class(self, name: str, words: Sequence[str]) -> None:
        if words:
            self._set("classes", name, {"words": list(words)})

    def _map(self, name: str, table: str, arguments: str) -> None:
        source = self._site.tables.get(table)
        if source is None:
            return  # noted where it is named
        if source.kind is not TableKind.HASH:
            wrong = f"rule sets ask tables of kind hash, and {table} is of kind {source.kind.value}"
            self._walk.wrong(("tables", table), wrong, 'write kind = "hash"')
            return
        self._set("maps", name, {"kind": "hash", "arguments": f"{arguments}{source.path}"})

    def domains(self) -> None:
        """Give local domains to class w, the others to class R."""
        domains = self._site.domains.values()
        self._class("w", [domain.name for domain in domains if domain.kind is DomainKind.LOCAL])
        self._class("R", [domain.name for domain in domains if domain.kind is DomainKind.RELAY])
        for domain in domains:
            if domain.kind is DomainKind.LOCAL and domain.subdomains:
                wrong = f"rule sets know no subdomains of {domain.name}"
                self._walk.wrong(("domains", domain.name, "subdomains"), wrong, "declare each of them")

    def aliases(self) -> None:
        """Make the alias tables the option AliasFile."""
        paths = []
        for source in self._site.aliases:
            table = self._site.tables[source.table]
            if table.kind is TableKind.FILE and table.path is not None:
                paths.append(str(table.path))
            else:
                wrong = f"the aliases of a site with rule sets stand in a file, and {table.name} is none"
                self._walk.wrong(("tables", table.name), wrong, 'write kind = "file"')
        if paths:
            self._set("options", "AliasFile", ", ".join(paths))

    def maps(self) -> None:
        """Make the tables maps, and their domains classes."""
        virtual = self._site.virtual
        if virtual is not None:
            self._single("virtual", virtual.tables)
            self._map("virtuser", virtual.tables[0] if virtual.tables else "", USUAL_ARGUMENTS)
            self._class("VirtHost", virtual.domains)
        if self._site.mailertables:
            self._single("mailertable", self._site.mailertables)
            self._map("mailertable", self._site.mailertables[0], USUAL_ARGUMENTS)
        if "generics" in self._walk.document:
            generics = self._walk.single(feature_language.GENERICS)
            self._map("generics", str(generics.get("table", "")), USUAL_ARGUMENTS)
            self._class("G", _texts(generics.get("domains")))
        if "access" in self._walk.document:
            access = self._walk.single(feature_language.ACCESS)
            self._map("access", str(access.get("table", "")), ACCESS_ARGUMENTS)

    def _single(self, section: str, tables: Sequence[str]) -> None:
        if len(tables) > 1:
            wrong = f"rule sets ask one table of [{section}]"
            self._walk.wrong((section, "tables"), wrong, "put them together in one table")

    def masquerade(self) -> None:
        """Make the domain that is shown the macro M."""
        if "masquerade" not in self._walk.document:
            return
        values = self._walk.single(feature_language.MASQUERADE)
        self._set("macros", "M", str(values.get("name", "")))
        for name, field in (("M", "domains"), ("N", "shown"), ("E", "exposed")):
            self._class(name, _texts(values.get(field)))

    def accounts(self) -> None:
        """Make the file of accounts the option MailboxDatabase."""
        if self._site.passwd is not None:
            self._set("options", "MailboxDatabase", f"{ACCOUNTS_FILE}{self._site.passwd}")

    def smart_host(self) -> None:
        """Make the relay of everything else the macro S; other routes are mailertable's."""
        if "route" not in self._walk.document:
            return
        for index, rule in enumerate(self._site.routes):
            if rule.pattern == "*" and rule.channel == "smtp" and rule.relay:
                self._set("macros", "S", rule.relay)
            elif rule.origin.line:
                wrong = "a part [rewriting] knows no routes but that of a relay for everything"
                self._walk.wrong(("route", index), wrong, "write the others into the table of [mailertable]")


def _texts(value: object) -> list[str]:
    return [str(each) for each in value] if isinstance(value, tuple) else []
