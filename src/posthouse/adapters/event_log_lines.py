"""One event as one line of text, and the file to which lines are appended.

The rule: a line is one event and nothing in it can end it or upset a
terminal.  Control characters are escaped, in JSON as ``\\u001b`` and in text
as the same inside quotes.
"""

import os
import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import Enum
from pathlib import Path

import msgspec

_encode = msgspec.json.Encoder().encode

_PLAIN = frozenset({str, int, float, bool})
# JSON escapes C0 itself; DEL, C1 and Unicode's two line separators upset terminals and readers of lines.
_UNSAFE = re.compile("[\x7f-\x9f\u2028\u2029]")
_NEEDS_QUOTES = re.compile(r'[\x00-\x20"\\=\x7f-\x9f\u2028\u2029]')


def stamp(now: datetime) -> str:
    """Write a time as ISO 8601 in UTC with milliseconds."""
    return now.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def plain(value: object) -> object:
    """Turn a value of ours into one that JSON has; anything unknown becomes its string."""
    if type(value) in _PLAIN:
        return value
    if isinstance(value, datetime):
        return stamp(value)
    if isinstance(value, timedelta):
        return round(value.total_seconds(), 3)
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, bytes):
        return value.decode("ascii", "backslashreplace")
    if isinstance(value, list | tuple | set | frozenset):
        return _plain_list(value)
    return str(value)


def _plain_list(values: Iterable[object]) -> list[object]:
    return [plain(value) for value in values]


def plain_fields(fields: Mapping[str, object]) -> dict[str, object]:
    """Leave out what is None and make the rest plain."""
    return {key: value if type(value) in _PLAIN else plain(value) for key, value in fields.items() if value is not None}


def _escape(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"


def json_line(fields: Mapping[str, object]) -> bytes:
    """Render plain fields as a JSON object and a line end."""
    try:
        line = _encode(fields)
    except UnicodeEncodeError:  # a lone surrogate, from a file name or undecoded wire
        line = _encode({key: _without_surrogates(value) for key, value in fields.items()})
    if line.isascii() and b"\x7f" not in line:
        return line + b"\n"
    # What JSON itself leaves alone can only stand inside strings.
    return _UNSAFE.sub(_escape, line.decode()).encode() + b"\n"


def _without_surrogates(value: object) -> object:
    if isinstance(value, list):
        return [_without_surrogates(one) for one in value]
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value


def text_line(fields: Mapping[str, object]) -> bytes:
    """Render plain fields for people: time, event, then ``key=value``."""
    rest = dict(fields)
    head = [str(rest.pop(key)) for key in ("time", "event") if key in rest]
    words = head + [f"{key}={_word(value)}" for key, value in rest.items()]
    return " ".join(words).encode("utf-8", "backslashreplace") + b"\n"


def _word(value: object) -> str:
    if isinstance(value, list):
        value = ",".join(str(one) for one in value)
    text = str(value)
    if text and not _NEEDS_QUOTES.search(text):
        return text
    return _UNSAFE.sub(_escape, json_line({"": text})[4:-2].decode())


class LineSink:
    """An append-only file, or standard error, to which several processes write whole lines.

    One ``os.write`` with O_APPEND for whole lines, so that lines never mix.  ``reopen`` follows a
    rotation.  A log that cannot be written must not stop mail: the error is counted in ``lost``.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self.lost = 0
        self._is_torn = False  # a full disk took only a part of what was written last
        try:
            self._descriptor = self._open()
        except OSError:
            # sendmail takes mail for users who may not write the log, too.
            self._descriptor = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
            self.lost = 1

    def _open(self) -> int:
        if self._path is None:
            return 2
        self._path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)

    def write(self, lines: bytes) -> None:
        """Write finished lines."""
        if self._is_torn:
            lines = b"\n" + lines  # the rest of a torn line is lost; this one must not be
        try:
            written = os.write(self._descriptor, lines)
        except OSError:  # nothing was written; what was torn before still is
            self.lost += 1
            return
        self._is_torn = written < len(lines)
        self.lost += self._is_torn

    def reopen(self) -> None:
        """Open the path anew; keep the old file when that fails."""
        try:
            fresh = self._open()
        except OSError:
            self.lost += 1
            return
        self.close()
        self._descriptor = fresh

    def close(self) -> None:
        """Close the file; standard error stays open."""
        if self._descriptor != 2:
            os.close(self._descriptor)
            self._descriptor = 2
