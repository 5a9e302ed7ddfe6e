"""Columns of a line of text, as the map class ``text`` and the hosts file have them.

Without a delimiter columns are words between white space; with one, what stands between two of
it, blanks and all.  Columns count from 0.
"""

from collections.abc import Iterable

from posthouse.mail.map_arguments import fold_octets

_WHITE = " \t\n"
_SPACE = " \t\n\v\f\r"


def column(line: str, number: int, delimiter: str = "") -> str | None:
    """Return one column; None when the line has not so many.  The last one runs to the end of the line."""
    signs = delimiter or _WHITE
    if not line or (number == 0 and delimiter and line[0] == delimiter):
        return None
    if number == 0 and not delimiter:
        line = line.lstrip(_SPACE)
    for _ in range(number):
        place = _first(line, signs)
        if place is None:
            return None
        line = line[place + 1 :]
        if not delimiter:
            line = line.lstrip(_SPACE)
    return line[: _first(line, signs)]


def canonical_name(lines: Iterable[str], name: str, domain: str) -> str | None:
    """Return the canonical name that a hosts file gives a host; None when it does not know it.  hosts(5).

    In the first line that has the name, the first name with a dot is the canonical one, or else the first name,
    completed with the domain ("" when there is none).  ``name`` may also be short, or end in the domain or the
    beginning of it.  Names compare without case.
    """
    wanted = {fold_octets(one) for one in (name, _without_domain(name, domain)) if one}
    for line in lines:
        _, *names = line.partition("#")[0].split() or [""]
        if wanted.isdisjoint(map(fold_octets, names)):
            continue
        dotted = next((one for one in names if "." in one), None)
        return dotted or (f"{names[0]}.{domain}" if domain else None)
    return None


def _without_domain(name: str, domain: str) -> str:
    """Return the host's part of a name in this domain, which need not be whole: ``www.example`` in example.org."""
    name = name.removesuffix(".")
    host, dot, rest = name.partition(".")
    inside = fold_octets(domain)
    if dot and rest and (inside == fold_octets(rest) or inside.startswith(fold_octets(rest) + ".")):
        return host
    return name


def _first(text: str, signs: str) -> int | None:
    places = [place for place in map(text.find, signs) if place >= 0]
    return min(places) if places else None
