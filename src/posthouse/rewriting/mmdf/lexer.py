"""The words and marks of an address, RFC 822 section 3.3 as MMDF reads it.

Blanks, ``!``, ``%`` and ``.`` have no meaning here: ``!`` and ``%`` are letters of a word, and
square brackets are, too (a domain literal is a word like any other).  A backslash quotes inside
quotes and comments only; elsewhere it is a letter.  Controls are mistakes, and so are octets above
127, but in header fields: names of today are written with them (RFC 6532).
"""

import re
from collections.abc import Iterator
from enum import Enum

from msgspec import Struct

from posthouse.mail.errors import MalformedError


class Mark(Enum):
    """What a token is."""

    WORD = "word"
    COMMENT = "comment"
    COMMA = ","
    AT = "@"
    COLON = ":"
    SEMICOLON = ";"
    LESS = "<"
    INCLUDE = "<<"
    GREATER = ">"
    ERROR = "error"
    END = "end"


class Token(Struct, frozen=True):
    """One token; ``text`` of words and comments is without quotes, backslashes and parentheses."""

    mark: Mark
    text: str = ""


_MARKS = {mark.value: Token(mark) for mark in (Mark.COMMA, Mark.AT, Mark.COLON, Mark.SEMICOLON, Mark.GREATER)}
_LESS, _INCLUDE = Token(Mark.LESS), Token(Mark.INCLUDE)
END = Token(Mark.END)
ERROR = Token(Mark.ERROR)
_BLANKS = " \t\n"
# What ends a word.  ``)`` and ``]`` inside one are letters, and so is a backspace.
_BREAKS = frozenset(' \t\n(,:;<>@"')
_WORD = re.compile(r"(?!\])[\b!#-\')*+\-./0-9=?A-Z\[\\\]^_`a-z{|}~]+")
_WORD_8BIT = re.compile(r"(?!\])[\b!#-\')*+\-./0-9=?A-Z\[\\\]^_`a-z{|}~\x80-\xff]+")


def tokens(text: str, *, eight_bit: bool = False) -> Iterator[Token]:
    """Yield the tokens of a text, and at last one with Mark.END.  After Mark.ERROR comes what follows the mistake."""
    word = _WORD_8BIT if eight_bit else _WORD
    at = 0
    while at < len(text):
        character = text[at]
        if character in _BLANKS:
            at += 1
        elif character in _MARKS:
            yield _MARKS[character]
            at += 1
        elif character == "<":
            is_include = text.startswith("<<", at)
            yield _INCLUDE if is_include else _LESS
            at += 2 if is_include else 1
        else:
            token, at = _longer(text, at, word)
            yield token
    yield END


def _longer(text: str, at: int, letters: re.Pattern[str]) -> tuple[Token, int]:
    """Read a token of more than one character: where it begins, and where the next one may."""
    character = text[at]
    try:
        if character == '"':
            return _quoted(text, at + 1)
        if character == "(":
            return _comment(text, at + 1)
    except MalformedError:
        return ERROR, len(text)
    word = letters.match(text, at)
    if word is None:
        return ERROR, at + 1
    if word.end() < len(text) and text[word.end()] not in _BREAKS:
        return ERROR, word.end() + 1  # a letter that may stand nowhere
    return Token(Mark.WORD, word[0]), word.end()


def _quoted(text: str, at: int) -> tuple[Token, int]:
    letters: list[str] = []
    while at < len(text):
        if text[at] == '"':
            return Token(Mark.WORD, "".join(letters)), at + 1
        if text[at] == "\\":
            at += 1
        letters.append(text[at : at + 1])
        at += 1
    raise MalformedError("a quotation mark is not closed")


def _comment(text: str, at: int) -> tuple[Token, int]:
    depth, letters = 1, list[str]()
    while at < len(text):
        character = text[at]
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth == 0:
            return Token(Mark.COMMENT, "".join(letters)), at + 1
        if character == "\\":
            at += 1
            character = text[at : at + 1]
        letters.append(character)
        at += 1
    raise MalformedError("a comment is not closed")
