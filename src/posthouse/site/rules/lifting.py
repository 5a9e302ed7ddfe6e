"""What the standard rule sets of a sendmail.cf mean in the native language: taken out of the source, and written.

Only where every rule of the sets that use a class, a map or a macro is a standard one does it become a setting; what
is written otherwise than m4 writes it stays where it is.  toml/rewriting.py gives the settings back to the rule sets.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Final

from posthouse.rewriting.symbols import MACRO
from posthouse.site import names
from posthouse.site.cf.declared import CfConfiguration
from posthouse.site.rules.octets import unicode_of
from posthouse.site.rules.source import Source
from posthouse.site.rules.standard import is_standard

MAP_FORMS: Final = {  # name of the map: its arguments as m4 writes them, and the name of the table
    "mailertable": ("-o ", "mailertable"),
    "virtuser": ("-o ", "virtusertable"),
    "generics": ("-o ", "genericstable"),
    "access": ("-T<TMPF> -o ", "access"),
}
_PATH: Final = re.compile(r"/[!-~]+")
# The rule sets, by number or lower-case name, that give a setting its meaning.
_LOCAL: Final = ("parse0", "parse1", "canonify2")
_RELAY: Final = ("rcpt_ok", "relay_ok", "parserecipient")
_MASQUERADE: Final = ("masqhdr", "masqenv")
_NEXT_HOPS: Final = ("parse1", "mailertotriple")
_ACCESS: Final = ("d", "a", "f", "e", "u", "searchlist", "basic_check_mail", "basic_check_relay")


def lift(configuration: CfConfiguration, source: Source) -> str:
    """Return the settings as TOML, "" when there are none; what they say is no longer in the source."""
    lifting = _Lifting(configuration, source)
    blocks = [
        *lifting.domains("w", _LOCAL, ""),
        *lifting.domains("R", _RELAY, 'kind = "relay"\nsubdomains = true'),
        *lifting.aliases(),
        *lifting.virtual_users(),
        *lifting.mailertable(),
        *lifting.generics(),
        *lifting.masquerade(),
        *lifting.access(),
        *lifting.smart_host(),
    ]
    return "".join(f"{block}\n\n" for block in blocks)


class _Lifting:
    """One configuration whose settings are being taken out."""

    def __init__(self, configuration: CfConfiguration, source: Source) -> None:
        self._source = source
        self._program = configuration.program
        self._standard = {
            name.lower()
            for rule_set in source.rule_sets.values()
            if is_standard(rule_set)
            for name in (*rule_set.names, str(rule_set.number))
        }

    def _are_standard(self, *rule_sets: str) -> bool:
        return self._standard.issuperset(rule_sets)

    def domains(self, class_name: str, rule_sets: tuple[str, ...], more: str) -> Iterator[str]:
        """Yield a domain for each word of a class that is one."""
        if self._are_standard(*rule_sets):
            for name in self._taken_domains(class_name):
                yield "\n".join(filter(None, (f"[domains.{_text(name)}]", more)))

    def aliases(self) -> Iterator[str]:
        """Yield the alias files, where each is a plain path."""
        said = self._source.options.get("AliasFile", [])
        paths = [path for text in said for path in text.text.replace(",", " ").split()]
        if not paths or not self._are_standard("localaddr", *_LOCAL) or not all(map(_PATH.fullmatch, paths)):
            return
        if len(said) > 1 or " ".join(paths) != said[0].text.strip():
            return  # put together otherwise than they would be read back
        tables = [f"aliases-{number}" if number > 1 else "aliases" for number in range(1, len(paths) + 1)]
        for table, path in zip(tables, paths, strict=True):
            yield f'[tables.{table}]\nkind = "file"\nfile = {_text(path)}'
        yield f"[aliases]\ntables = {_list(tables)}"
        del self._source.options["AliasFile"]

    def virtual_users(self) -> Iterator[str]:
        """Yield the table of virtual users, and the domains that have nobody else."""
        if not self._are_standard(*_LOCAL) or "R" not in self._source.classes:
            return
        yield from self._table("virtuser", "virtual", lambda table: [f"tables = {_list([table])}"], "VirtHost")

    def mailertable(self) -> Iterator[str]:
        """Yield the table of next hops."""
        if self._are_standard("mailertable", *_NEXT_HOPS):
            yield from self._table("mailertable", "mailertable", lambda table: [f"tables = {_list([table])}"])

    def generics(self) -> Iterator[str]:
        """Yield the table of what senders are to others."""
        if self._are_standard(_MASQUERADE[0]):
            yield from self._table("generics", "generics", lambda table: [f"table = {_text(table)}"], "G")

    def access(self) -> Iterator[str]:
        """Yield the table of what is decided of clients and addresses."""
        if self._are_standard(*_ACCESS):
            yield from self._table("access", "access", lambda table: [f"table = {_text(table)}"])

    def masquerade(self) -> Iterator[str]:
        """Yield the domain that is shown, and for whom."""
        shown = self._program.macros.get("M", "")
        if not shown or "M" not in self._source.macros or not self._are_standard(*_MASQUERADE):
            return
        if not _is_domain(shown):
            return
        lines = ["[masquerade]", f"as = {_text(shown)}"]
        for key, class_name in (("domains", "M"), ("except", "N")):
            taken = self._taken_domains(class_name)
            lines += [f"{key} = {_list(taken)}"] if taken else []
        exposed = self._taken_words("E", lambda word: word.isprintable() and " " not in word and "{" not in word)
        lines += [f"exposed = {_list(exposed)}"] if exposed else []
        del self._source.macros["M"]
        yield "\n".join(lines)

    def smart_host(self) -> Iterator[str]:
        """Yield the host to which all other mail goes."""
        host = self._program.macros.get("S")
        if host is None or "S" not in self._source.macros or not self._are_standard(*_NEXT_HOPS):
            return
        if _is_domain(host):
            yield f'[[route]]\nhost = "*"\nchannel = "smtp"\nrelay = {_text(host)}'
            del self._source.macros["S"]

    def _table(
        self, map_name: str, section: str, lines: Callable[[str], list[str]], class_name: str = ""
    ) -> Iterator[str]:
        """Yield a table and the section that names it; ``class_name`` holds its domains."""
        said = self._source.maps.get(map_name)
        form, table = MAP_FORMS[map_name]
        if said is None or said.kind != "hash" or not said.arguments.text.startswith(form):
            return
        path = said.arguments.text.removeprefix(form)
        if MACRO in path or not _PATH.fullmatch(path):
            return
        domains = self._taken_domains(class_name) if class_name else []
        del self._source.maps[map_name]
        yield f'[tables.{table}]\nkind = "hash"\nfile = {_text(path)}'
        more = [f"domains = {_list(domains)}"] if domains else []
        yield "\n".join([f"[{section}]", *lines(table), *more])

    def _taken_domains(self, class_name: str) -> list[str]:
        return self._taken_words(class_name, _is_domain)

    def _taken_words(self, class_name: str, is_wanted: Callable[[str], bool]) -> list[str]:
        """Take the words of a class that are wanted out of the source."""
        said = self._source.classes.get(class_name)
        if said is None:
            return []
        taken = [word.text for word in said.words if MACRO not in word.text and is_wanted(word.text)]
        kept = [word for word in said.words if word.text not in taken]
        if kept or said.files or said.includes:
            said.words = kept
        else:
            del self._source.classes[class_name]
        return list(dict.fromkeys(map(unicode_of, taken)))


def _is_domain(word: str) -> bool:
    """Is a word a domain, in the form in which it would be read back?"""
    try:
        return word.isascii() and names.domain_name(word) == word
    except ValueError:
        return False


def _text(text: str) -> str:
    return json.dumps(text)


def _list(texts: list[str]) -> str:
    return f"[{', '.join(map(_text, texts))}]"
