"""The state machine that cuts any text into tokens, and repairs what is unbalanced.

Nothing is refused but too much: every other text gives tokens, with complaints
about what had to be mended.
"""

import re
from enum import Enum
from typing import Final

from posthouse.rewriting.complaint import Complaint
from posthouse.rewriting.macros import NAME
from posthouse.rewriting.tokens import BLANKS, NAMED, ORDINARY_NEXT, Scanned, Syntax, Table

MOST_TOKENS: Final = 1000
LONGEST_TOKEN: Final = 256  # characters
BUFFER: Final = 1250  # characters of one text, counting one more for each token
BUFFER_OF_RULE: Final = 2280  # likewise, of one side of a rule
_NAME = re.compile(NAME, re.DOTALL)


class _Kind(Enum):
    """What a character is; also the state that it leads to."""

    OPERATOR = 0
    ATOM = 1
    QUOTE = 2
    SPACE = 3


# (state, kind) -> (new state, whether the token ends before this character, whether the character is dropped)
_O, _A, _Q, _S = _Kind.OPERATOR, _Kind.ATOM, _Kind.QUOTE, _Kind.SPACE
_TRANSITIONS: Final = {
    (_O, _O): (_O, True, False), (_O, _A): (_A, True, False),
    (_O, _Q): (_Q, True, False), (_O, _S): (_S, True, True),
    (_A, _O): (_O, True, False), (_A, _A): (_A, False, False),
    (_A, _Q): (_Q, True, False), (_A, _S): (_S, True, True),
    (_Q, _O): (_Q, False, False), (_Q, _A): (_Q, False, False),
    (_Q, _Q): (_O, False, False), (_Q, _S): (_Q, False, False),
    (_S, _O): (_O, False, False), (_S, _A): (_A, False, False),
    (_S, _Q): (_Q, False, False), (_S, _S): (_S, False, True),
}  # fmt: skip


class _TooMuchError(Exception):
    """The text breaks a limit."""


def scan_slowly(syntax: Syntax, text: str, table: Table, delimiter: str, *, lenient: bool) -> Scanned:
    """Do what Syntax.scan does, for any text."""
    scan = _Scan(syntax, text, table, delimiter, lenient)
    try:
        end = scan.run()
    except _TooMuchError as reason:
        scan.complain(str(reason), "5.1.0")
        return Scanned(None, len(text), tuple(scan.complaints))
    return Scanned(tuple(scan.tokens) or None, end, tuple(scan.complaints))


class _Scan:
    """One text being cut."""

    def __init__(self, syntax: Syntax, text: str, table: Table, delimiter: str, lenient: bool) -> None:
        self._syntax = syntax
        self._text = text.partition("\0")[0]
        self._has_comments = table is not Table.VERBATIM
        self._has_metasymbols = table is not Table.EXTERNAL
        self._delimiter = delimiter
        self._lenient = lenient
        self._buffer = BUFFER_OF_RULE if lenient else BUFFER
        self.tokens: list[str] = []
        self.complaints: list[Complaint] = []
        self._token: list[str] = []
        self._used = 0
        self._state = _A
        self._comments = 0
        self._angles = 0
        self._is_route = False
        self._at = 0

    def run(self) -> int:
        """Cut the whole text; return where the scan stopped."""
        while True:
            character = self._next()
            if not character:
                break
            if character == "\\":
                self._escape()
            elif character == ORDINARY_NEXT and not self._has_comments and self._state is not _Q:
                self._mark_next()
            elif self._has_metasymbols and "\ue000" <= character <= "\ue0ff" and self._state is not _Q:
                self._metasymbol(character)
            elif self._is_structure(character):
                self._advance(character, self._kind(character))
        self._finish_token()
        return self._at

    def complain(self, text: str, status: str = "") -> None:
        """Note a message about this text."""
        self.complaints.append(Complaint(text, "553", status, about=self._text))

    def _next(self) -> str:
        """Return the next character, a mended one at the end of an unbalanced text, or "" at the end."""
        if self._at >= len(self._text):
            return "" if self._lenient else self._missing_end()
        character = self._text[self._at]
        if character == self._delimiter and not self._comments and self._state is not _Q:
            if not self._angles:
                return ""
            if character == "," and not self._is_route and not self._lenient:
                self.complain("Unbalanced '<'")
                return ">"
        self._at += 1
        return character

    def _missing_end(self) -> str:
        if self._state is _Q:
            missing, opened = '"', '"'
        elif self._comments:
            missing, opened = ")", "("
        elif self._angles:
            missing, opened = ">", "<"
        else:
            return ""
        self.complain(f"Unbalanced '{opened}'")
        return missing

    def _escape(self) -> None:
        """Take a backslash and the character behind it."""
        if not self._comments:
            self._advance("", _A)  # the backslash itself: it may end a token
        character = self._next()
        if not character or self._comments:
            return
        if character == "!" and self._state is not _Q:
            self._advance("!", self._kind("!"))
        else:
            self._keep("\\" + character)

    def _mark_next(self) -> None:
        """Begin a token with the octet 0xff, to which the next character belongs, whatever it is."""
        self._finish_token()
        self._keep(ORDINARY_NEXT)
        self._state = _S

    def _metasymbol(self, symbol: str) -> None:
        if self._comments:
            return
        name = _NAME.match(self._text, self._at) if symbol in NAMED else None
        self._advance(symbol + (name[0] if name else ""), _O)
        if name:
            self._at = name.end()

    def _is_structure(self, character: str) -> bool:
        """Keep the books of brackets; answer whether the character goes to the state machine."""
        if self._state is _Q:
            return True
        if self._has_comments and character == "(":
            self._comments += 1
            return False
        if self._has_comments and character == ")":
            return self._close_comment()
        if self._comments:
            return False
        if character == "<":
            self._angles += 1
            self._is_route = self._is_route or self._text[self._at :].lstrip(BLANKS).startswith("@")
        elif character == ">":
            return self._close_angle()
        return True

    def _close_comment(self) -> bool:
        if self._comments:
            self._comments -= 1
        elif not self._lenient:
            self.complain("Unbalanced ')'")
            return False
        return True

    def _close_angle(self) -> bool:
        self._is_route = False
        if self._angles:
            self._angles -= 1
        elif not self._lenient:
            self.complain("Unbalanced '>'")
            return False
        return True

    def _kind(self, character: str) -> _Kind:
        if character == '"':
            return _Q
        if character in BLANKS or (self._has_comments and character in "()"):
            return _S
        return _O if character in self._syntax.operators else _A

    def _advance(self, characters: str, kind: _Kind) -> None:
        self._state, ends, dropped = _TRANSITIONS[self._state, kind]
        if ends:
            self._finish_token()
        if characters and not dropped:
            self._keep(characters)

    def _keep(self, characters: str) -> None:
        self._used += len(characters)
        if self._used > self._buffer:
            raise _TooMuchError("Address too long")
        self._token.append(characters)

    def _finish_token(self) -> None:
        if not self._token:
            return
        token = "".join(self._token)
        self._token.clear()
        self._used += 1
        if len(self.tokens) >= MOST_TOKENS:
            raise _TooMuchError("prescan: too many tokens")
        if len(token) > LONGEST_TOKEN:
            raise _TooMuchError("prescan: token too long")
        self.tokens.append(token)
