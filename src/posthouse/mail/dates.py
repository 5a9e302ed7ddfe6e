"""Dates as mail writes them.  The rule: English and UTC, whatever the locale and the zone of the machine."""

from datetime import UTC, datetime
from functools import lru_cache

# Not strftime: its names follow the locale.
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def format_date(at: datetime) -> str:
    """Return the date-time of RFC 5322 section 3.3."""
    return _format_second(at.astimezone(UTC).replace(microsecond=0))


def format_arpa_date(at: datetime) -> str:
    """Return the same with the zone as sendmail writes it."""
    return format_date(at).replace("+0000", "GMT")


@lru_cache(maxsize=8)  # many fields are of the same second
def _format_second(at: datetime) -> str:
    return f"{DAYS[at.weekday()]}, {at.day} {MONTHS[at.month - 1]} {at.year:04} {at:%H:%M:%S} +0000"


def format_asctime(at: datetime) -> str:
    """Return the date of asctime(3), which stands in the separator lines of mbox files."""
    at = at.astimezone(UTC)
    return f"{DAYS[at.weekday()]} {MONTHS[at.month - 1]} {at.day:2d} {at:%H:%M:%S} {at.year:04}"
