r"""The fields of a line as MMDF writes them, everywhere: tailor file, values of tables, lines of the queue.

    MCHN  smtp, show="SMTP hosts", que=smtp     ; a comment

Blanks, commas, colons, semicolons and hash signs separate fields; white space with one other separator beside it
counts once.  A field that would begin with ``;`` or ``#`` is a comment to the end.  Double quotes toggle quoting
anywhere in a field, in them only ``"`` and ``\`` are special; two of them make an empty field.  A backslash takes the
meaning from the next character; ``\n \r \b \f`` and octal numbers stand for characters.  ``key=value`` is a pair.

Texts are octet text: one character below U+0100 for each octet.
"""

import re
from typing import Final

from msgspec import Struct


class Lexing(Struct, frozen=True):
    """What differs between the documents (the defaults) and MMDF 2.44."""

    slash_and_bar: bool = False  # do / and | separate fields?
    spaced_pairs: bool = True  # is ``key = value`` a pair, and ``a=b=c`` one with the value b=c?


DOCUMENTS: Final = Lexing()
MOST_FIELDS: Final = 100  # of a value
SNAPSHOT: Final = Lexing(slash_and_bar=True, spaced_pairs=False)


class Field(Struct, frozen=True):
    """One field; ``key`` is None unless it is the value of a pair."""

    text: str
    key: str | None = None
    offset: int = 0  # where it begins in the line
    is_odd: bool = False  # a pair that MMDF 2.44 reads otherwise: blanks around its =, or another = in its value


class Fields(Struct, frozen=True):
    """The fields of a line; ``comment`` is the offset of the comment that ends it, -1 without one."""

    fields: tuple[Field, ...]
    comment: int = -1

    def flat(self) -> list[str]:
        """Return the texts, a pair as the three ``=``, key and value."""
        texts: list[str] = []
        for each in self.fields:
            texts += [each.text] if each.key is None else ["=", each.key, each.text]
        return texts


_WHITE = " \t\n\r"
_LEADING = re.compile(r"[ \t\n\r\v\f]*")
_SEPARATORS = {False: " \t\n\r,;:#", True: " \t\n\r,;:#/|"}
_PLAIN = {bars: re.compile(rf'[^{re.escape(separators)}="\\]+') for bars, separators in _SEPARATORS.items()}
_IN_QUOTES = re.compile(r'[^"\\]+')
_OCTAL = re.compile(r"[0-7]+")
_UNQUOTED = re.compile(r'[^"\\;:#=\v\f\x1c-\x1f\x85\xa0]*')  # nothing but words, commas and plain white space
_CONTROLS = {"n": "\n", "r": "\r", "b": "\b", "f": "\f"}
_NEEDS_QUOTES = re.compile(r"[^A-Za-z0-9_+*!$%&<>~^-]")
_ESCAPED = re.compile(r'[\x00-\x1f\x7f"\\]')


def split_fields(text: str, lexing: Lexing = DOCUMENTS) -> Fields:
    """Split a line.  Any text has fields; an open quote ends with the line."""
    return _Scan(text, lexing).run()


def value_fields(value: str) -> tuple[str, ...]:
    """Split the value of a domain, access or authorization table; at most MOST_FIELDS, empty ones left out."""
    if _UNQUOTED.fullmatch(value):  # nearly every value: what the scan below would find, in a hundredth of its time
        return tuple(value.replace(",", " ").split()[:MOST_FIELDS])
    listed = (one.text if one.key is None else f"{one.key}={one.text}" for one in split_fields(value).fields)
    return tuple(text for text in listed if text)[:MOST_FIELDS]


def quote_field(text: str) -> str:
    """Return a field as it is written: in double quotes when it needs them."""
    if text and not _NEEDS_QUOTES.search(text):
        return text
    return '"' + _ESCAPED.sub(_escape, text) + '"'


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    # Three digits do not end an octal number: a digit that follows would be taken into it.
    digit_follows = match.string[match.end() : match.end() + 1] in set("01234567")
    if character in '"\\':
        return "\\" + character
    return f"\\{ord(character):03o}" + ('""' if digit_follows else "")


class _Scan:
    """One line being split."""

    def __init__(self, text: str, lexing: Lexing) -> None:
        self._text = text
        self._lexing = lexing
        self._plain = _PLAIN[lexing.slash_and_bar]
        self._fields: list[Field] = []
        self._at = 0
        self._before = ""  # the separator before the field

    def run(self) -> Fields:
        """Read to the end."""
        while self._at < len(self._text):
            begin = self._skip()
            word = self._word()
            has_begun = self._at > begin
            stop = self._text[self._at : self._at + 1]
            if not has_begun and stop and stop in ";#":
                return Fields(tuple(self._fields), begin)
            self._at += 1
            if stop == "=":
                comment = self._pair(word, begin, has_begun=has_begun)
                if comment >= 0:
                    return Fields(tuple(self._fields), comment)
                continue
            # "a , b" is two fields: white space and what stands in it are one separator.
            before, self._before = self._before, stop
            is_one_separator = stop and before and before in _WHITE
            # Blanks behind "a;" are what a comment would be; behind "a," they are an empty field.
            is_empty_comment = not stop and before and before in ";#"
            if has_begun or not (is_one_separator or is_empty_comment):
                self._fields.append(Field(word, offset=begin))
        return Fields(tuple(self._fields))

    def _skip(self) -> int:
        match = _LEADING.match(self._text, self._at)
        self._at = match.end() if match else self._at
        return self._at

    def _word(self) -> str:
        """Read up to a separator outside quotes, or the end."""
        text, pieces = self._text, []
        in_quotes = False
        while self._at < len(text):
            match = (_IN_QUOTES if in_quotes else self._plain).match(text, self._at)
            if match:
                pieces.append(match[0])
                self._at = match.end()
            elif text[self._at] == '"':
                in_quotes = not in_quotes
                self._at += 1
            elif text[self._at] == "\\":
                pieces.append(self._escape())
            else:
                break
        return "".join(pieces)

    def _escape(self) -> str:
        """Read a backslash and what it stands for."""
        octal = _OCTAL.match(self._text, self._at + 1)
        if octal:
            self._at = octal.end()
            return chr(int(octal[0][-3:], 8) & 0xFF)  # the low eight bits are in the last three digits
        character = self._text[self._at + 1 : self._at + 2]
        self._at += 1 + len(character)
        return _CONTROLS.get(character, character)

    def _pair(self, key: str, begin: int, *, has_begun: bool) -> int:
        """Read the value after an equals sign; return where a comment begins in its place, -1 otherwise."""
        is_odd = False
        if self._lexing.spaced_pairs and not has_begun and self._fields and self._before in _WHITE:
            last = self._fields[-1]
            if last.key is None:
                self._fields.pop()
                key, begin, is_odd = last.text, last.offset, True
        value_begin = self._skip()
        is_odd = is_odd or (value_begin > 0 and self._text[value_begin - 1] != "=")
        value = self._word()
        stop = self._text[self._at : self._at + 1]
        if stop == "=" and not self._lexing.spaced_pairs:
            # To MMDF 2.44 the second sign begins a pair of its own, and is the value of the first.
            self._fields += [Field("=", key, begin, is_odd=True), Field(value, offset=value_begin)]
            self._at += 1
            self._before = "="
            return -1
        while stop == "=":
            self._at += 1
            value, is_odd = f"{value}={self._word()}", True
            stop = self._text[self._at : self._at + 1]
        self._fields.append(Field(value, key, begin, is_odd))
        if stop and stop in ";#" and self._at == value_begin:
            return value_begin
        self._before = stop
        self._at += 1
        return -1
