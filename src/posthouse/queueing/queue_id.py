"""The name of a queued message: when it was accepted, and which one of that moment.

A queue id is an integer of 63 bits, milliseconds since 2020 and 22 bits that the
caller draws; people see it as 13 characters that sort as the integers do.  Age is
therefore a range of ids, and needs no index of its own.
"""

from datetime import UTC, datetime, timedelta

from posthouse.mail.errors import MalformedError
from posthouse.mail.queued import QueueId

DRAWN_BITS = 22
_TIME_BITS = 41  # enough until 2089
_EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
_LENGTH = 13
_MILLISECOND = timedelta(milliseconds=1)

# Digits and letters in the order of ASCII, without I, L, O and U, which are misread or misheard.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VALUES = {character: value for value, character in enumerate(_ALPHABET)}
_PAIRS = tuple(high + low for high in _ALPHABET for low in _ALPHABET)


def make_queue_id(accepted: datetime, drawn: int) -> int:
    """Return the number of a message; ``drawn`` is in [0, 2**22)."""
    if not 0 <= drawn < 1 << DRAWN_BITS:
        raise ValueError(f"{drawn} does not fit in {DRAWN_BITS} bits")
    return lowest_number(accepted) | drawn


def lowest_number(at: datetime) -> int:
    """Return the least number that a message accepted at this time can have; clamped to what numbers can say."""
    milliseconds = (at - _EPOCH) // _MILLISECOND
    return min(max(milliseconds, 0), (1 << _TIME_BITS) - 1) << DRAWN_BITS


def lowest_queue_id(at: datetime) -> QueueId:
    """Return the least queue id of a message accepted at this time, for cut-offs by age."""
    return format_queue_id(lowest_number(at))


def format_queue_id(number: int) -> QueueId:
    """Return the text of a number."""
    if not 0 <= number < 1 << 63:
        raise ValueError(f"{number} is not the number of a message")
    pairs = _PAIRS
    return (
        _ALPHABET[number >> 60]
        + pairs[number >> 50 & 1023]
        + pairs[number >> 40 & 1023]
        + pairs[number >> 30 & 1023]
        + pairs[number >> 20 & 1023]
        + pairs[number >> 10 & 1023]
        + pairs[number & 1023]
    )


def parse_queue_id(text: str) -> int:
    """Read a queue id, in either case of letters.  Raises MalformedError."""
    if len(text) != _LENGTH or not text.isascii():
        raise MalformedError(f"{text[:40]!r} is not a queue id: it has {_LENGTH} digits and letters")
    number = 0
    for character in text.upper():
        value = _VALUES.get(character)
        if value is None:
            raise MalformedError(f"{text!r} is not a queue id: {character!r} does not occur in one")
        number = number << 5 | value
    if number >> 63:
        raise MalformedError(f"{text!r} is not a queue id: it is too large")
    return number


def accepted_at(number: int) -> datetime:
    """Return the time in a number, to the millisecond."""
    return _EPOCH + (number >> DRAWN_BITS) * _MILLISECOND
