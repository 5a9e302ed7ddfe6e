"""The tables of a document that say what features of sendmail's m4 files say: virtual users, next hops, masquerading.

``[virtual]`` and ``[mailertable]`` count everywhere; the others are words of the standard rule sets, and without a part
``[rewriting]`` they are a problem rather than a setting that nobody heeds.
"""

from collections.abc import Mapping

from posthouse.site.model import TableKind, TableSource, VirtualUsers
from posthouse.site.toml import feature_language
from posthouse.site.toml.references import check_reference, check_references
from posthouse.site.toml.walk import Walk

RULES = "rewriting"
_BESIDE_RULES = (feature_language.GENERICS, feature_language.MASQUERADE, feature_language.ACCESS)


def read_virtual(walk: Walk, tables: Mapping[str, TableSource]) -> VirtualUsers | None:
    """Read ``[virtual]``."""
    name = feature_language.VIRTUAL.name
    if name not in walk.document:
        return None
    values = walk.single(feature_language.VIRTUAL)
    found = check_references(walk, values, "tables", (name, "tables"), tables)
    domains = values.get("domains", ())
    return VirtualUsers(found, domains if isinstance(domains, tuple) else (), walk.origin((name,)))


def read_mailertables(walk: Walk, tables: Mapping[str, TableSource]) -> tuple[str, ...]:
    """Read ``[mailertable]``."""
    name = feature_language.MAILERTABLE.name
    values = walk.single(feature_language.MAILERTABLE)
    return check_references(walk, values, "tables", (name, "tables"), tables)


def beside_rules(walk: Walk, tables: Mapping[str, TableSource]) -> None:
    """Read what counts beside rule sets alone, for its mistakes; toml/rewriting.py makes something of it."""
    for section in _BESIDE_RULES:
        if section.name not in walk.document:
            continue
        values = walk.single(section)
        table = values.get("table")
        path = (section.name, "table")
        if table is not None and check_reference(walk, table, path, tables, "table"):
            kind = tables[str(table)].kind
            if kind is not TableKind.HASH:
                walk.wrong(path, f"the table {table} is of kind {kind.value}", 'declare it with kind = "hash"')
        if RULES not in walk.document:
            wrong = f"[{section.name}] has an effect beside rule sets only"
            walk.wrong((section.name,), wrong, "add a part [rewriting], or take it out")
