"""The socketmap protocol: a question and an answer, each one netstring.

``12:access alice,`` asks the map ``access`` for ``alice``; the answer is ``OK value``, ``NOTFOUND``, ``TEMP why``,
``TIMEOUT why`` or ``PERM why``.
"""

from typing import Final

from posthouse.mail.errors import MalformedError
from posthouse.mail.lookup import MapAnswer, MapStatus

MAX_ANSWER_OCTETS: Final = 100_000
MAX_LENGTH_DIGITS: Final = 9


def question(map_name: str, key: bytes) -> bytes:
    """Return the octets of a question."""
    content = map_name.encode("latin-1", "replace") + b" " + key
    return b"%d:%s," % (len(content), content)


def read_length(digits: bytes) -> int:
    """Read what stands before the colon of an answer.  Raises MalformedError, also for one that is too long."""
    if not 0 < len(digits) <= MAX_LENGTH_DIGITS or not digits.isdigit():
        raise MalformedError(f"an answer begins with {digits[:20]!r}, not with its length")
    length = int(digits)
    if length > MAX_ANSWER_OCTETS:
        raise MalformedError(f"an answer of {length} octets; at most {MAX_ANSWER_OCTETS}")
    return length


def read_answer(content: bytes) -> MapAnswer:
    """Read the content of an answer.  Raises MalformedError."""
    status, _, rest = content.decode("latin-1").partition(" ")
    match status:
        case "OK":
            return MapAnswer(MapStatus.FOUND, rest)
        case "NOTFOUND":
            return MapAnswer(MapStatus.NOT_FOUND)
        case "TEMP" | "TIMEOUT":
            return MapAnswer(MapStatus.TEMPORARY, reason=f"the server says {status} {rest[:200]}".rstrip())
        case "PERM":
            return MapAnswer(MapStatus.BROKEN, reason=f"the server says PERM {rest[:200]}".rstrip())
    raise MalformedError(f"an answer that says {status[:40]!r}")
