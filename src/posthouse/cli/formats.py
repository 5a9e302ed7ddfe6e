"""How times, sizes and long values look in a terminal.  Pure functions; the widths fit 80 columns."""

from datetime import datetime, timedelta


def short_duration(duration: timedelta) -> str:
    """Return a duration in two units at most: ``45s``, ``12m``, ``3h12m``, ``2d4h``."""
    seconds = max(0, int(duration.total_seconds()))
    if seconds < 60:
        return f"{seconds}s"
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if minutes < 60:
        return f"{minutes}m"
    if hours < 24:
        return f"{hours}h{minutes % 60:02}m" if minutes % 60 else f"{hours}h"
    return f"{days}d{hours % 24}h" if hours % 24 else f"{days}d"


def plural(number: int, noun: str, many: str = "") -> str:
    """Return ``1 message``, ``2 messages``; ``many`` where it is not the noun with an s."""
    return f"{number} {noun}" if number == 1 else f"{number} {many or noun + 's'}"


def due_in(due: datetime, now: datetime) -> str:
    """Say when the next attempt is: ``now``, ``in 12m``."""
    return "now" if due <= now else f"in {short_duration(due - now)}"


def short_size(octets: int) -> str:
    """Return a size in at most five characters: ``512``, ``1.2k``, ``34M``."""
    size = float(octets)
    for unit in ("", "k", "M", "G"):
        if size < 1000 or unit == "G":
            return f"{size:.1f}{unit}" if unit and size < 10 else f"{size:.0f}{unit}"
        size /= 1024
    raise AssertionError("unreachable")


def printable(text: str) -> str:
    """Escape control characters: what a remote host said must not steer a terminal."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in text
    )


def fitted(text: str, width: int) -> str:
    """Cut a text to a width, with a mark where it was cut."""
    text = printable(text)
    return text if len(text) <= width else text[: max(width - 2, 1)] + ".."


def iso(moment: datetime) -> str:
    """Return a time for JSON: UTC, to the second at least."""
    return moment.isoformat().replace("+00:00", "Z")
