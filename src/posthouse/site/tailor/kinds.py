"""What the values of keywords and keys are: text to a value, with a clause that says what is wrong.

Numbers are read as atoi(3) reads them, so that ``MWARNTIME 24h`` is 24, but never without a complaint.
"""

import re
from collections.abc import Callable
from enum import Flag
from typing import Final, TypeVar

from posthouse.site.tailor.complaints import one_of, shown
from posthouse.site.tailor.entries import SOME, LogLevel, LogStatus
from posthouse.site.tailor.model import Compatibility, MailboxLock, MxSelf

MAX_NUMBER: Final = 2**31 - 1

_NUMBER = re.compile(r"([+-]?[0-9]{1,10})(.*)", re.DOTALL)
_OCTAL = re.compile(r"0?[0-7]{1,6}")
_SIZE = re.compile(r"(-1|[0-9]{1,12})([kKmM]?)")


class WrongValueError(Exception):
    """A value that can't be read; caught by read.py, which makes a complaint of it.

    ``instead`` is used all the same, as MMDF would; None keeps what stood before.
    """

    def __init__(self, wrong: str, right: str, instead: object = None) -> None:
        super().__init__(wrong, right)
        self.wrong = wrong
        self.right = right
        self.instead = instead


Kind = Callable[[str], object]


def text(value: str) -> str:
    """Any text, "" too."""
    return value


def name(value: str) -> str:
    """A text that must say something."""
    if not value:
        raise WrongValueError("an empty value", "name something")
    return value


def number(value: str) -> int:
    """A decimal number."""
    match = _NUMBER.fullmatch(value)
    if match is None:
        raise WrongValueError(f"{shown(value)} is not a number", "write a decimal number")
    found = int(match[1])
    if match[2] or abs(found) > MAX_NUMBER:
        instead = max(-MAX_NUMBER, min(found, MAX_NUMBER))
        raise WrongValueError(f"{shown(value)} is not a number", f"write {instead}, which is used", instead)
    return found


def count(value: str) -> int:
    """A number that is not negative."""
    found = number(value)
    if found < 0:
        raise WrongValueError(f"{shown(value)} is negative", "write 0 or more")
    return found


def switch(value: str) -> bool:
    """0, or any other number."""
    return number(value) != 0


def octal(value: str) -> int:
    """The mode of a file."""
    if not _OCTAL.fullmatch(value) or int(value, 8) > 0o7777:
        raise WrongValueError(f"{shown(value)} is not an octal mode", "write a mode such as 0600")
    return int(value, 8)


def size(value: str) -> int:
    """Octets, with K or M behind; -1 is no bound."""
    match = _SIZE.fullmatch(value)
    if match is None:
        raise WrongValueError(f"{shown(value)} is not a size", "write octets, or a number with K or M, or -1")
    return int(match[1]) * {"": 1, "k": 1024, "m": 1024 * 1024}[match[2].lower()]


def words(value: str) -> tuple[str, ...]:
    """A list in one string, between commas or blanks."""
    return tuple(value.replace(",", " ").split())


def locks(value: str) -> MailboxLock:
    """``advisory, v7, xenix`` or ``all``."""
    everything = MailboxLock.ADVISORY | MailboxLock.V7 | MailboxLock.XENIX
    known = {"advisory": MailboxLock.ADVISORY, "v7": MailboxLock.V7, "xenix": MailboxLock.XENIX, "all": everything}
    found = MailboxLock(0)
    for word in words(value):
        if word.lower() not in known:
            raise WrongValueError(f"{shown(word)} is no lock", one_of(tuple(known)), found or None)
        found |= known[word.lower()]
    if not found:
        raise WrongValueError("no lock", one_of(tuple(known)))
    return found


def mx_self(value: str) -> MxSelf:
    """``strict`` or ``addr``."""
    try:
        return MxSelf(value.lower())
    except ValueError:
        raise WrongValueError(f"{shown(value)} is unknown", one_of(tuple(each.value for each in MxSelf))) from None


def compatibility(value: str) -> Compatibility:
    """``documents`` or ``2.44``."""
    try:
        return Compatibility(value.lower())
    except ValueError:
        right = one_of(tuple(each.value for each in Compatibility))
        raise WrongValueError(f"{shown(value)} is unknown", right) from None


def level(value: str) -> int:
    """The level of a log: a name or a number."""
    if value[:1].isdigit() or value[:1] == "-":
        return number(value)
    try:
        return LogLevel[value.upper().removeprefix("LLOG")].value
    except KeyError:
        raise WrongValueError(f"{shown(value)} is no level", one_of(tuple(each.name for each in LogLevel))) from None


_STATUS: Final = {
    "close": LogStatus.CLOSE,
    "cycle": LogStatus.CYCLE,
    "wait": LogStatus.WAIT,
    "some": SOME,
    "timed": LogStatus.TIMED,
}


def log_status(value: str, before: LogStatus) -> LogStatus:
    """Return the status of a log after one ``stat=``: words add to it, an octal number and timed replace it."""
    if _OCTAL.fullmatch(value):
        bits = int(value, 8)
        if bits & 0o10:
            return LogStatus.TIMED
        order = (LogStatus.CLOSE, LogStatus.CYCLE, LogStatus.WAIT)
        return LogStatus(sum(flag.value for place, flag in enumerate(order) if bits & 1 << place))
    added = _STATUS.get(value.lower())
    if added is None:
        raise WrongValueError(f"{shown(value)} is unknown", one_of(tuple(_STATUS)))
    return added if added is LogStatus.TIMED else before | added


_Flag = TypeVar("_Flag", bound=Flag)


def token(value: str, flags: type[_Flag], nothing: str) -> _Flag:
    """Return the flag of this name, without case; ``nothing`` is the token for none of them."""
    if value.lower() == nothing:
        return flags(0)
    try:
        return flags[value.upper()]
    except KeyError:
        known = (nothing, *(str(each.name).lower() for each in flags))
        raise WrongValueError(f"{shown(value)} is unknown", one_of(known)) from None
