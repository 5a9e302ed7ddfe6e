"""Quotes and their backslashes taken off: of a map's key, and as the map class dequote does it."""

from typing import Final

_BLANKS: Final = " \t"
_COMMENT: Final = {"(": 1, ")": -1}
_ANGLE: Final = {"<": 1, ">": -1}


def strip_quotes(text: str) -> str:
    """Return text without double quotes, and without the backslashes that quote one character."""
    if '"' not in text and "\\" not in text:
        return text
    kept: list[str] = []
    characters = iter(text)
    for character in characters:
        if character == "\\":
            kept.append(next(characters, ""))
        elif character != '"':
            kept.append(character)
    return "".join(kept)


def dequote(text: str, space: str) -> str | None:
    """Return text without its quotes; None when it has none, or would not be one address without them.

    ``space`` replaces blanks; if it is "", text with blanks stays quoted.  The map class dequote.
    """
    kept: list[str] = []
    books = _Books()
    has_quotes = False
    characters = iter(text)
    for character in characters:
        shown = space if character == " " and space else character
        if character == "\\":
            shown += next(characters, "")
            books.is_broken = len(shown) == 1
        elif character == '"' and not books.comments:
            has_quotes = True
            books.is_quoted = not books.is_quoted
            continue
        else:
            books.note(shown)
        kept.append(shown)
    return "".join(kept) if has_quotes and books.are_even else None


def is_one_address(text: str) -> bool:
    """Has the text balanced quotes, parentheses and angle brackets, and no blank outside quotes?"""
    books = _Books()
    characters = iter(text)
    for character in characters:
        if character == "\\":
            books.is_broken = not next(characters, "")
        elif character == '"':
            books.is_quoted = not books.is_quoted
        elif not books.is_quoted:
            books.note(character)
    return books.are_even


class _Books:
    """What is open in a text, as it is read."""

    def __init__(self) -> None:
        self.is_quoted = False
        self.is_broken = False  # by a blank, a bracket that closes nothing, or a backslash at the end
        self.comments = 0
        self._angles = 0

    @property
    def are_even(self) -> bool:
        return not (self.is_quoted or self.is_broken or self.comments or self._angles)

    def note(self, character: str) -> None:
        """Count a bracket or a blank."""
        if character in _BLANKS:
            self.is_broken = True
        elif character in _COMMENT:
            self.comments += _COMMENT[character]
        elif character in _ANGLE and not self.comments:
            self._angles += _ANGLE[character]
        self.is_broken = self.is_broken or self.comments < 0 or self._angles < 0
