"""Names by which a sendmail site knows a message: the id in its Received field, and the stamps of its macros."""

from datetime import UTC, datetime
from typing import Final

from posthouse.mail.dates import format_arpa_date, format_asctime

OF_COMMAND: Final = "c u"  # {daemon_flags} of a message that no daemon has taken in
_DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwx"  # base 60


def message_name(at: datetime, process: int, number: int) -> str:
    """Return an id of 14 characters: year to second and a number in base 60, then the process."""
    at = at.astimezone(UTC)
    moment = (at.year - 1900, at.month - 1, at.day, at.hour, at.minute, at.second, number // 60, number)
    return "".join(_DIGITS[part % 60] for part in moment) + f"{process % 1_000_000:06}"


def time_macros(at: datetime) -> dict[str, str]:
    """Return $a and $b (RFC 5322), $d (asctime) and $t (minutes as digits) of one moment."""
    date = format_arpa_date(at)
    return {"a": date, "b": date, "d": format_asctime(at), "t": f"{at.astimezone(UTC):%Y%m%d%H%M}"}
