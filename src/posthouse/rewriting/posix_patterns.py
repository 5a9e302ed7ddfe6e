"""Regular expressions of POSIX (IEEE Std 1003.1, section 9), by way of Python's: extended and basic.

The match is leftmost and as long as it can be.  What the groups hold is what
Python's greedy search gives within that match.
"""

import re
from functools import lru_cache
from typing import Final

_CLASSES: Final = {
    "alpha": "a-zA-Z",
    "digit": "0-9",
    "alnum": "a-zA-Z0-9",
    "upper": "A-Z",
    "lower": "a-z",
    "space": " \\t\\n\\r\\f\\v",
    "blank": " \\t",
    "punct": re.escape("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"),
    "print": " -~",
    "graph": "!-~",
    "cntrl": "\\x00-\\x1f\\x7f",
    "xdigit": "0-9a-fA-F",
}
_NAMED_CLASS = re.compile(r"\[:([a-z]+):\]|\[\.(.)\.\]|\[=(.)=\]", re.DOTALL)
_KEPT_ESCAPES: Final = frozenset("wWsSbB123456789")  # of GNU; the rest of the escapes quote a character
_BOUNDS: Final = {"<": r"\b(?=\w)", ">": r"\b(?<=\w)", "`": r"\A", "'": r"\Z"}
_SWAPPED: Final = frozenset("(){}|+?")  # in basic expressions these are special after a backslash
LONGEST_KEY: Final = 1024  # characters that are matched


class BadPatternError(Exception):
    """The text is no regular expression; the message says why."""


class PosixPattern:
    """One expression, made ready."""

    def __init__(self, text: str, *, basic: bool, ignore_case: bool) -> None:
        try:
            self._expression = re.compile(
                _translate(text, basic), re.IGNORECASE | re.ASCII if ignore_case else re.ASCII
            )
        except (re.error, OverflowError, RecursionError) as wrong:
            raise BadPatternError(f"{text}: {wrong}") from wrong
        self.groups = self._expression.groups
        self._is_anchored = "$" in text

    @property
    def source(self) -> str:
        """The expression in Python's language."""
        return self._expression.pattern

    def is_in(self, key: str) -> bool:
        """Does the expression match anywhere?"""
        return self._expression.search(key[:LONGEST_KEY]) is not None

    def match(self, key: str) -> tuple[str | None, ...] | None:
        """Return the whole match and its groups; None when the key does not match."""
        key = key[:LONGEST_KEY]
        found = self._expression.search(key)
        if found is None:
            return None
        if not self._is_anchored:
            for end in range(len(key), found.end(), -1):
                longer = self._expression.fullmatch(key, found.start(), end)
                if longer is not None:
                    found = longer
                    break
        return (found[0], *found.groups())


@lru_cache(maxsize=256)
def compile_posix(text: str, *, basic: bool, ignore_case: bool) -> PosixPattern:
    """Return the expression made ready.  Raises BadPatternError."""
    return PosixPattern(text, basic=basic, ignore_case=ignore_case)


def _translate(text: str, basic: bool) -> str:
    """Return a POSIX expression in Python's language."""
    written: list[str] = []
    at = 0
    while at < len(text):
        character = text[at]
        at += 1
        if character == "[":
            bracket, at = _bracket(text, at)
            written.append(bracket)
        elif character == "\\":
            escaped = text[at : at + 1]
            at += 1
            written.append(_escape(escaped, basic))
        elif character == "$":
            written.append(r"\Z")
        elif basic and character in _SWAPPED:
            written.append("\\" + character)
        elif character == "{" and not re.match(r"[0-9]*(,[0-9]*)?\}", text[at:]):
            written.append(r"\{")
        elif character == ".":
            written.append(r"[\s\S]")
        else:
            written.append(character)
    return "".join(written)


def _escape(escaped: str, basic: bool) -> str:
    if not escaped:
        raise re.error("Trailing backslash")
    if basic and escaped in _SWAPPED:
        return escaped
    if escaped in _BOUNDS:
        return _BOUNDS[escaped]
    return "\\" + escaped if escaped in _KEPT_ESCAPES else re.escape(escaped)


def _bracket(text: str, at: int) -> tuple[str, int]:
    """Translate a bracket expression that begins at a place; return it and the place behind it."""
    negated = text[at : at + 1] == "^"
    at += negated
    members: list[str] = []
    first = True
    while first or text[at : at + 1] != "]":
        first = False
        if at >= len(text):
            raise re.error("Unmatched [")
        named = _NAMED_CLASS.match(text, at)
        if named is None:
            members.append("-" if text[at] == "-" and members and text[at + 1 : at + 2] != "]" else re.escape(text[at]))
            at += 1
            continue
        at = named.end()
        if named[1] is not None and named[1] not in _CLASSES:
            raise re.error("Invalid character class name")
        members.append(_CLASSES[named[1]] if named[1] is not None else re.escape(named[2] or named[3]))
    return f"[{'^' if negated else ''}{''.join(members)}]", at + 1
