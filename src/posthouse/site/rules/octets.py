"""Octet text (rewriting/symbols.py) and the Unicode text of a TOML file.

A site.toml is UTF-8, a configuration of sendmail any octets: what is no UTF-8 there is written ``{\\xff}`` here.
"""

from posthouse.rewriting.symbols import ZERO_OR_MORE


def octets_of(text: str) -> str:
    """Return Unicode text as octet text."""
    return text.encode("utf-8", "surrogateescape").decode("latin-1")


def unicode_of(octets: str) -> str:
    """Return octet text without metasymbols as Unicode text; octets that cannot stand in a line are escaped."""
    decoded = octets.encode("latin-1").decode("utf-8", "surrogateescape")
    return "".join(char if char.isprintable() else _escaped(char) for char in decoded)


def plain_unicode(octets: str) -> str:
    """Return octet text for a comment: what cannot be shown becomes a question mark."""
    wire = "".join("?" if char >= ZERO_OR_MORE else char for char in octets).encode("latin-1", "replace")
    decoded = wire.decode("utf-8", "replace")
    return "".join(char if char.isprintable() else "?" for char in decoded)


def _escaped(char: str) -> str:
    return "".join(f"{{\\x{octet:02x}}}" for octet in char.encode("utf-8", "surrogateescape"))
