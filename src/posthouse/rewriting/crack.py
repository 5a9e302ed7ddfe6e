"""The template of an address: what a person wrote around it stays, the address itself becomes ``$g``.

``Joe (x) <joe@a>`` is ``Joe (x) <$g>``.  A phrase that would not be one without quotes is quoted.
"""

from typing import Final

from posthouse.rewriting.symbols import MACRO
from posthouse.rewriting.tokens import BLANKS

ALWAYS_QUOTED: Final = "@,;:\\()[]"  # whatever the option MustQuoteChars says
DEFAULT_MUST_QUOTE: Final = f"{ALWAYS_QUOTED}.'"
LONGEST_TEMPLATE: Final = 255  # characters
_ADDRESS: Final = MACRO + "g"
_PUNT: Final = f"<{_ADDRESS}>"  # for what is too long: nothing but the address stays


def crack(address: str, must_quote: str = DEFAULT_MUST_QUOTE, colon_is_ordinary: bool = False) -> str:
    """Return the template of an address, as octet text with the macro ``$g``."""
    template = _Cracking(address.partition("\0")[0], must_quote, colon_is_ordinary).run()
    return template if len(template) <= LONGEST_TEMPLATE else _PUNT


class _Cracking:
    """One address being taken apart."""

    def __init__(self, text: str, must_quote: str, colon_is_ordinary: bool) -> None:
        self._text = text
        self._must_quote = must_quote
        self._colon_is_ordinary = colon_is_ordinary
        self._start = len(text) - len(text.lstrip(BLANKS))
        self._at = self._start
        self._written = list(text[: self._start])
        self._written_head = self._start  # where the present address's text begins in what is written
        self._head = self._start  # likewise in the text
        self._copying = 0  # above 0: the text is no part of the address
        self._comments = self._angles = self._brackets = 0
        self._is_quoted = self._is_copy_quoted = False
        self._is_given_up = False  # quotes behind the closing bracket: sendmail keeps nothing then
        self._has_address = self._needs_quotes = self._had_angle = self._had_colon = False

    def run(self) -> str:
        while self._at < len(self._text):
            if self._is_given_up:
                return _PUNT
            character = self._text[self._at]
            self._at += 1
            if self._copying > 0:
                self._written.append(character)
            if self._take(character):
                self._put_address()
        closing = ['"'] if self._is_copy_quoted else []
        closing += [")"] * self._comments + [">"] * (self._angles > 0)
        return "".join(self._written + closing)

    def _take(self, character: str) -> bool:
        """Take one character; answer whether it belongs to the address."""
        if character == "\\":
            return self._take_escape()
        if character == '"' and not self._comments:
            self._is_quoted = not self._is_quoted
            if self._copying > 0:
                self._is_copy_quoted = True
                self._is_given_up = self._at < len(self._text)
            return False
        if self._is_quoted:
            return True
        if character == "(" or self._comments:
            self._take_comment(character)
            return False
        return self._take_plain(character)

    def _take_escape(self) -> bool:
        if not self._comments and not self._is_quoted:
            self._needs_quotes = True
        if self._at < len(self._text):
            if self._copying > 0:
                self._written.append(self._text[self._at])
            self._at += 1
        return True

    def _take_comment(self, character: str) -> None:
        if character == "(":
            self._comments += 1
            if self._copying <= 0:
                if len(self._written) != self._written_head:
                    self._written.append(" ")
                self._written.append(character)
            self._copying += 1
        elif character == ")":
            self._comments -= 1
            self._copying -= 1

    def _take_plain(self, character: str) -> bool:
        """Take a character outside quotes and comments."""
        if character == ")":
            self._take_back()
        elif character in "[]":
            self._brackets += 1 if character == "[" else -1
        if character == ":" and self._ends_group_name():
            return self._take_colon()
        if character == ";" and self._copying <= 0 and not self._colon_is_ordinary:
            self._written.append(character)
        if character in self._must_quote:
            self._needs_quotes = True
        if character == "<":
            self._needs_quotes = self._needs_quotes or self._had_angle
            self._had_angle = True
            self._angles = 1
            self._keep_phrase(character)
            self._copying = 0
            return False
        return self._take_closing_angle() if character == ">" else True

    def _take_back(self) -> None:
        """A parenthesis or bracket that closes nothing is not kept."""
        if self._copying > 0 and len(self._written) > self._written_head:
            self._written.pop()

    def _ends_group_name(self) -> bool:
        return self._angles <= 0 and self._brackets <= 0 and not self._had_colon and not self._colon_is_ordinary

    def _take_colon(self) -> bool:
        """Take the colon of ``list: members;``, or the first of DECnet's ``node::user``."""
        following = self._text[self._at : self._at + 1]
        if following and following in ":.":
            self._needs_quotes = True
            if self._copying > 0:
                self._written += (":", following)
            self._at += 1
            return True
        self._had_colon = True
        self._keep_phrase(":")
        while self._text[self._at : self._at + 1] and self._text[self._at] in BLANKS:
            self._written.append(self._text[self._at])
            self._at += 1
        self._copying = 0
        self._written_head = len(self._written)
        self._head = self._at
        return False

    def _keep_phrase(self, closing: str) -> None:
        """What seemed an address was a phrase: write it as it is, or in quotes."""
        del self._written[self._written_head :]
        if self._needs_quotes:
            end = len(self._text[: self._at - 1].rstrip(BLANKS))  # before the head, if only blanks are behind it
            phrase, blanks = self._text[self._head : end], self._text[end : self._at - 1]
            self._written.append('"' + phrase.replace('"', '\\"') + '"')
            self._written.append(blanks + closing)
        else:
            self._written.append(self._text[self._head : self._at])
        self._written = list("".join(self._written))
        self._has_address = self._needs_quotes = False

    def _take_closing_angle(self) -> bool:
        if self._angles <= 0:
            self._take_back()
            self._needs_quotes = True
            return False
        self._angles -= 1
        if self._copying <= 0:
            self._written.append(">")
        self._copying += 1
        return False

    def _put_address(self) -> None:
        if self._copying <= 0 and not self._has_address:
            if self._written and self._written[-1] == ")":
                self._written.append(" ")
            self._written.append(_ADDRESS)
            self._has_address = True
