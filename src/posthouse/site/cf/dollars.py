"""What is done to every line before it is read: comments, ``$`` and escapes.

``$x`` becomes a metasymbol (rewriting/symbols.py) with the name behind it; ``$$`` is a dollar sign.
From level 3 on, ``#`` begins a comment anywhere but after a backslash or in ``$#``.
"""

import re
from typing import Final

from posthouse.rewriting.macros import Complain, braced_name, parse_name
from posthouse.rewriting.symbols import (
    ARGUMENTS,
    CALL,
    ELSE,
    END_IF,
    EXACTLY_ONE,
    HOST,
    HOST_MAP_BEGIN,
    HOST_MAP_END,
    IF,
    IN_CLASS,
    MACRO,
    MACRO_NOW,
    MAILER,
    MAP_BEGIN,
    MAP_END,
    NOT_IN_CLASS,
    NOTHING,
    ONE_OR_MORE,
    USER,
    ZERO_OR_MORE,
)

SPACE: Final = " \t\n\v\f\r"

_ALONE: Final = {
    "*": ZERO_OR_MORE,
    "+": ONE_OR_MORE,
    "-": EXACTLY_ONE,
    "@": HOST,
    "#": MAILER,
    ":": USER,
    ">": CALL,
    "[": HOST_MAP_BEGIN,
    "]": HOST_MAP_END,
    "(": MAP_BEGIN,
    ")": MAP_END,
    "|": ELSE,
    ".": END_IF,
    **{str(digit): chr(ord(ARGUMENTS) + digit) for digit in range(10)},
}
_NAMED: Final = {"=": IN_CLASS, "~": NOT_IN_CLASS, "&": MACRO_NOW, "?": IF}
_WRITTEN: Final = {
    **{symbol: f"${char}" for char, symbol in (*_ALONE.items(), *_NAMED.items())},
    NOTHING: "$@",
    MACRO: "$",
}
_NOTABLE: Final = re.compile(r"[$#]")
_ESCAPES: Final = {"r": "\r", "n": "\n", "f": "\f", "b": "\b"}


def as_written(symbol: str) -> str:
    """Return a metasymbol as it is written in a configuration file: ``$*``."""
    return _WRITTEN.get(symbol, "$?")


def written(text: str) -> str:
    """Return octet text as it is written in a configuration file."""
    return "".join(as_written(char) if char >= "\ue000" else char for char in text)


def printable_line(text: str) -> str:
    """Return the beginning of a line as it is written, to be shown in a complaint."""
    return written(text[:200])


def translate(text: str, level: int, complain: Complain) -> str:
    """Return one line as octet text with metasymbols, without comments and white space at its end."""
    done: list[str] = []
    at = 0
    while notable := _NOTABLE.search(text, at):
        start = notable.start()
        done.append(text[at:start])
        if notable[0] == "$":
            piece, at = _dollar(text, start, complain)
            done.append(piece)
        elif start == 0 or level < 3:
            done.append("#")
            at = start + 1
        elif text[start - 1] == "\\":
            done[-1] = f"{done[-1][:-1]}#"
            at = start + 1
        else:
            before = "".join(done)
            done = [before[:1] + before[1:].rstrip(" \t\v\f\r")]
            newline = text.find("\n", start)
            at = newline if newline >= 0 else len(text)
    whole = "".join(done) + text[at:]
    return whole[:1] + whole[1:].rstrip(SPACE)


def _dollar(text: str, start: int, complain: Complain) -> tuple[str, int]:
    """Return what ``$`` and its name become, and the place behind them."""
    sign = text[start + 1 : start + 2]
    if sign in ("", "$"):
        return "$", start + 1 + len(sign)
    if sign in _ALONE:
        return _ALONE[sign], start + 2
    symbol = _NAMED.get(sign, "")
    name, end = parse_name(text, start + (2 if symbol else 1), complain)
    if not name:
        return "", end
    return f"{symbol or MACRO}{braced_name(name)}", end


def munch(text: str, delimiter: str = "") -> tuple[str, str]:
    """Return a field without its quotes and escapes, and the text from the delimiter on."""
    field: list[str] = []
    in_quotes = False
    at = 0
    while at < len(text):
        char = text[at]
        if char == "\\":
            at += 1
            field.append(_ESCAPES.get(text[at], text[at]) if at < len(text) else "")
        elif char == '"':
            in_quotes = not in_quotes
        elif char == delimiter and not in_quotes:
            break
        else:
            field.append(char)
        at += 1
    return "".join(field), text[at:]


def quoted_word(text: str) -> tuple[str, str, bool]:
    """Return a file name, which may stand in quotes or have escaped blanks, the rest, and whether it was closed."""
    word: list[str] = []
    in_quotes = is_escaped = False
    at = 0
    while at < len(text):
        char = text[at]
        if is_escaped:
            is_escaped = False
            word.append(char if char == " " else f"\\{char}")
        elif char == "\\":
            is_escaped = True
        elif char == '"':
            in_quotes = not in_quotes
        elif char == " " and not in_quotes:
            break
        else:
            word.append(char)
        at += 1
    return "".join(word), text[at:], not (in_quotes or is_escaped)
