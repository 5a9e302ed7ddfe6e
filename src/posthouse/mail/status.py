"""Enhanced mail system status codes.  RFC 3463."""

import re

from msgspec import Struct

from posthouse.mail.errors import MalformedError

# RFC 3463 section 2: class "." subject "." detail; no leading zeros, at most three digits.
_STATUS = re.compile(r"([245])\.(0|[1-9][0-9]{0,2})\.(0|[1-9][0-9]{0,2})")


class Status(Struct, frozen=True):
    """One status code, as in ``5.1.1``."""

    class_: int
    subject: int
    detail: int

    def __post_init__(self) -> None:
        if self.class_ not in (2, 4, 5) or not (0 <= self.subject <= 999 and 0 <= self.detail <= 999):
            raise MalformedError(f"{self.class_}.{self.subject}.{self.detail} is not a status of RFC 3463")

    def __str__(self) -> str:
        return f"{self.class_}.{self.subject}.{self.detail}"

    @classmethod
    def parse(cls, text: str) -> "Status":
        """Read ``5.1.1``.  Raises MalformedError."""
        match = _STATUS.fullmatch(text)
        if match is None:
            raise MalformedError(f"{text!r} is not a status of RFC 3463")
        return cls(int(match[1]), int(match[2]), int(match[3]))

    @classmethod
    def leading(cls, text: str) -> "Status | None":
        """Return the status with which a reply's text begins, or None."""
        match = _STATUS.match(text)
        if match is None or text[match.end() : match.end() + 1] not in ("", " ", "\t"):
            return None
        return cls(int(match[1]), int(match[2]), int(match[3]))
