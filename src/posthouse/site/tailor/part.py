"""The part ``[mmdf]`` of a site.toml: a tailor file in the native language.

    [mmdf]
    mlname = "grove"
    mtbldir = "tables"

    [[mmdf.table]]
    name = "aliases"
    flags = ["dbm"]

    [[mmdf.channel]]
    name = "smtp"
    tbl = "hosts"
    ap = ["822", "nodots"]

The keywords are those of mmdftailor(5), in any case; ``table``, ``domain``, ``alias`` and ``channel`` are MTBL, MDMN,
ALIAS and MCHN.  Each element stands for one record of a tailor file: a list for several parameters, a table for
pairs, ``true`` for a flag.  The records are read by the reader of tailor files, at the lines where the elements
stand, so that values, defaults, complaints and origins are the same.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from posthouse.mail.mmdf_fields import quote_field
from posthouse.site.tailor.keywords import KEYWORDS
from posthouse.site.tailor.model import Compatibility, TailorConfiguration
from posthouse.site.tailor.reader import parse_tailor

LISTS: Final = {"table": "MTBL", "domain": "MDMN", "alias": "ALIAS", "channel": "MCHN"}
LineOf = Callable[[tuple[str | int, ...]], int]  # of a path below the part
Wrong = Callable[[tuple[str | int, ...], str, str], None]  # notes what is wrong at a path


def read_part(part: Mapping[str, object], file: Path, line_of: LineOf, wrong: Wrong) -> TailorConfiguration:
    """Read the part.  What is no record goes to ``wrong``; other mistakes are complaints, as in a tailor file."""
    records: dict[int, str] = {}
    for path, record in _records(part, wrong):
        line = line_of(path)
        if line in records:
            wrong(path, "two elements begin on one line", "write each on a line of its own")
        records[line] = record
    last = max(records, default=0)
    text = "\n".join(records.get(line, "") for line in range(1, last + 1))
    return parse_tailor(text, file, Compatibility.DOCUMENTS)


def _records(part: Mapping[str, object], wrong: Wrong) -> Iterator[tuple[tuple[str | int, ...], str]]:
    for name, value in part.items():
        keyword = LISTS.get(name.lower())
        if keyword is None:
            if name.upper() not in KEYWORDS or name.upper() in LISTS.values():
                wrong((name,), f'"{name}" is no keyword of MMDF', f"the lists are {', '.join(LISTS)}")
            else:
                yield (name,), f"{name.upper()} {_single(value)}"
        elif not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
            wrong((name,), f"{name} is no list of tables", f"write [[mmdf.{name}]] for each")
        else:
            for at, element in enumerate(value):
                yield (name, at), f"{keyword} {_fields(element)}"


def _single(value: object) -> str:
    """Write the value of a keyword; the file of a log stands alone, before its pairs."""
    if isinstance(value, dict) and "file" in value:
        pairs = {key: each for key, each in value.items() if key != "file"}
        return ", ".join(filter(None, (_quoted(value["file"]), _fields(pairs))))
    return _fields(value)


def _fields(value: object) -> str:
    """Write a value as the fields of a record."""
    if isinstance(value, dict):
        return ", ".join(field for key, each in value.items() for field in _pairs(key, each))
    if isinstance(value, list):
        return ", ".join(_quoted(each) for each in value)
    return _quoted(value)


def _pairs(key: str, value: object) -> Iterator[str]:
    if isinstance(value, bool):
        yield from [key] if value else []
    elif isinstance(value, list):
        yield from (f"{key}={_quoted(each)}" for each in value)
    else:
        yield f"{key}={_quoted(value)}"


def _quoted(value: object) -> str:
    text = str(int(value)) if isinstance(value, bool) else str(value)
    # Octet text: a letter that no octet is stands for those of its UTF-8.
    octets = text if all(ord(letter) < 0x100 for letter in text) else text.encode().decode("latin-1")
    return quote_field(octets) if octets else '""'
