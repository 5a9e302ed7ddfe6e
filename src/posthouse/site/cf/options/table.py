"""All options by name and by letter."""

from typing import Final

from posthouse.site.cf.options.mail import MAIL_OPTIONS
from posthouse.site.cf.options.row import Option
from posthouse.site.cf.options.smtp import SMTP_OPTIONS, TIMEOUTS

OPTIONS: Final[dict[str, Option]] = {option.name: option for option in (*MAIL_OPTIONS, *SMTP_OPTIONS, *TIMEOUTS)}
BY_LETTER: Final[dict[str, Option]] = {option.letter: option for option in OPTIONS.values() if option.letter}
BY_LOWER_NAME: Final[dict[str, Option]] = {name.lower(): option for name, option in OPTIONS.items()}

# Names that stand for others: T sets two time limits, r sets them in a row, and M and g belong to other lines.
TIMEOUT: Final = "timeout"
QUEUE_TIMEOUT: Final = "queuetimeout"
LONG_NAMES: Final = tuple(
    sorted((*(name for name in OPTIONS if not name.startswith("Timeout.")), "Timeout", "QueueTimeout"), key=str.lower)
)
# What a lone number on the old r line sets.
TIMEOUTS_TOGETHER: Final = ("mail", "rcpt", "datainit", "datablock", "datafinal", "command")


def names_beginning(text: str) -> list[str]:
    """Return the long names that begin with text, whatever their case; the one that is meant stands alone."""
    folded = text.lower()
    exact = [name for name in LONG_NAMES if name.lower() == folded]
    return exact or [name for name in LONG_NAMES if name.lower().startswith(folded)]
