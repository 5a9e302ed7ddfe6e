"""The map class syslog: each look-up writes its key to the system's log and finds nothing but "".

``-L`` names the level, ``info`` unless it says otherwise.
"""

from __future__ import annotations

import re
import syslog
from collections.abc import Sequence
from typing import Final

from posthouse.mail.lookup import MapAnswer, MapStatus

LEVELS: Final = {
    "emerg": syslog.LOG_EMERG,
    "alert": syslog.LOG_ALERT,
    "crit": syslog.LOG_CRIT,
    "err": syslog.LOG_ERR,
    "warning": syslog.LOG_WARNING,
    "notice": syslog.LOG_NOTICE,
    "info": syslog.LOG_INFO,
    "debug": syslog.LOG_DEBUG,
}
_MOST_CHARACTERS: Final = 1000
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def level_of(text: str) -> int | None:
    """Return the level that ``-L`` names, with or without ``LOG_``; None when there is no such level."""
    return LEVELS.get(text.lower().removeprefix("log_") or "info")


class SyslogSource:
    """One level of the log."""

    kept_seconds = 0.0  # each look-up is to be seen

    def __init__(self, level: int) -> None:
        self._level = level

    async def find(self, key: str, arguments: Sequence[str]) -> MapAnswer:  # noqa: ARG002 - the port's
        """Write the key."""
        shown = _CONTROL.sub("?", key[:_MOST_CHARACTERS]).encode("ascii", "replace").decode("ascii")
        syslog.syslog(syslog.LOG_MAIL | self._level, shown)
        return MapAnswer(MapStatus.FOUND, "")
