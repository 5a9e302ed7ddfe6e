"""What the header of a message or of a part of one says of its body: as much of MIME as conversions need.

RFC 2045 and 2046.  Fields are octet text, each with its continuation lines after a line feed.
"""

import re
from collections.abc import Iterable
from typing import Final

from msgspec import Struct

_TYPE: Final = re.compile(r"\s*([!-.0-9A-~]+)\s*/\s*([!-:<-~]+)")
_BOUNDARY: Final = re.compile(r';\s*boundary\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([!-:<-~]+))', re.IGNORECASE | re.DOTALL)
_COMMENT: Final = re.compile(r"\([^()]*\)")
_LONGEST_BOUNDARY: Final = 200  # RFC 2046 section 5.1.1 allows 70


class Entity(Struct, frozen=True):
    """Type and encoding.  ``kind`` and ``encoding`` are in lower case, "" where nothing is said of them."""

    kind: str = ""  # text/plain
    encoding: str = ""
    written_encoding: str = ""
    boundary: str = ""
    is_mime: bool = False  # it has MIME-Version

    @property
    def group(self) -> str:
        """The first half of its type: text, multipart."""
        return self.kind.partition("/")[0]

    @property
    def subtype(self) -> str:
        """The second half."""
        return self.kind.partition("/")[2]


def entity_of(fields: Iterable[str]) -> Entity:
    """Read the fields of a header; of two of a name the first counts."""
    found: dict[str, str] = {}
    for field in fields:
        name, _, value = field.partition(":")
        found.setdefault(name.strip().lower(), value)
    content = found.get("content-type", "")
    kind = _TYPE.match(_COMMENT.sub("", content))
    boundary = _BOUNDARY.search(content)
    mark = "" if boundary is None else re.sub(r"\\(.)", r"\1", boundary[1]) if boundary[1] else boundary[2] or ""
    written = _COMMENT.sub("", found.get("content-transfer-encoding", "")).strip()
    return Entity(
        f"{kind[1]}/{kind[2]}".lower() if kind is not None else "",
        written.lower(),
        written,
        mark if len(mark) <= _LONGEST_BOUNDARY else "",
        "mime-version" in found,
    )


def is_encoding(field: str) -> bool:
    """Is it Content-Transfer-Encoding?"""
    return field.partition(":")[0].strip().lower() == "content-transfer-encoding"
