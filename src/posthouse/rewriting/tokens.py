"""Addresses as tokens, and tokens as addresses.

The common address is cut by one regular expression; quotes, backslashes,
comments and unbalanced brackets go to the state machine in scanning.py.  Both
give the same tokens (tests/property/test_rewriting_tokens.py).
"""

import re
from enum import Enum
from functools import lru_cache
from typing import Final

from msgspec import Struct

from posthouse.rewriting.complaint import Complaint
from posthouse.rewriting.macros import NAME
from posthouse.rewriting.symbols import IN_CLASS, MACRO_NOW, NOT_IN_CLASS

BLANKS: Final = "\t\n\v\f\r "
DELIMITERS: Final = "()<>,;\r\n"  # operators whatever the configuration says
METASYMBOLS: Final = "\ue000-\ue0ff"
ORDINARY_NEXT: Final = "\xff"  # in rules: the next octet stands for itself
NAMED: Final = IN_CLASS + NOT_IN_CLASS + MACRO_NOW  # metasymbols with a name behind them in the same token
_ALWAYS_SHORT: Final = 255  # characters: a text of this length breaks no limit of scanning.py
_UPPER_LATIN = re.compile("[\xc0-\xde]")
_ASCII_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}


class Table(Enum):
    """Which characters mean what while text is cut into tokens."""

    EXTERNAL = "external"  # addresses and answers of maps: parentheses are comments
    INTERNAL = "internal"  # rules below level 9, and defaults of maps: metasymbols are tokens, too
    VERBATIM = "verbatim"  # rules from level 9 on: parentheses are tokens


class Scanned(Struct, frozen=True):
    """Text as tokens.  ``tokens`` is None when there are none, or when the text breaks a limit.

    ``end`` is where the scan stopped in the text: at the delimiter, or behind the last character.
    """

    tokens: tuple[str, ...] | None
    end: int
    complaints: tuple[Complaint, ...] = ()


def fold(text: str) -> str:
    """Return octet text with A to Z in lower case, and every other octet as it is."""
    if text.isascii() or not _UPPER_LATIN.search(text):
        return text.lower()
    return text.translate(_ASCII_LOWER)


class Syntax:
    """The character tables of one configuration: its operators, and what joins two atoms."""

    def __init__(self, operators: str = ".:@[]", blank_substitute: str = " ") -> None:
        self.operators = frozenset(operators + DELIMITERS) - frozenset(BLANKS + '"\\')
        self.blank_substitute = blank_substitute
        cut = re.escape("".join(sorted(self.operators)))
        blanks = re.escape(BLANKS)
        self._plain = {
            Table.EXTERNAL: re.compile(r'[^"\\()\0]*'),
            Table.INTERNAL: re.compile(r'[^"\\()\0]*'),
            Table.VERBATIM: re.compile(rf'[^"\\\0{ORDINARY_NEXT}]*'),
        }
        meta = rf"[{NAMED}](?:{NAME})|[{METASYMBOLS}]"
        outer = re.compile(rf"[{cut}]|[^{cut}{blanks}]+")
        inner = re.compile(rf"{meta}|[{cut}]|[^{cut}{blanks}{METASYMBOLS}]+", re.DOTALL)
        self._cutter = {Table.EXTERNAL: outer, Table.INTERNAL: inner, Table.VERBATIM: inner}
        self._not_atom = self.operators | frozenset(BLANKS + '"') | frozenset(map(chr, range(0xE000, 0xE100)))
        self.join_marked = lru_cache(maxsize=8192)(self._join_marked)
        self.rescan = lru_cache(maxsize=4096)(self._rescan)

    def scan(self, text: str, table: Table = Table.EXTERNAL, delimiter: str = "", *, lenient: bool = False) -> Scanned:
        """Cut text into tokens, up to the first ``delimiter`` outside quotes, comments and angle brackets.

        A lenient scan (of a rule's side) repairs nothing and complains of nothing.
        """
        if self._is_plain(text, table, delimiter):
            tokens = self._cutter[table].findall(text)
            return Scanned(tuple(tokens) or None, len(text))
        from posthouse.rewriting.scanning import scan_slowly  # (it imports this module)

        return scan_slowly(self, text, table, delimiter, lenient=lenient)

    def _is_plain(self, text: str, table: Table, delimiter: str) -> bool:
        if len(text) > _ALWAYS_SHORT or (delimiter and delimiter in text):
            return False
        if "<" in text or ">" in text:
            opened = text.find("<")
            if not 0 <= opened < text.find(">") or text.count("<") != 1 or text.count(">") != 1:
                return False
        return self._plain[table].fullmatch(text) is not None

    def is_atom(self, character: str) -> bool:
        """Does a token that begins with this character stand apart from another such token?"""
        return character not in self._not_atom

    def join(self, tokens: tuple[str, ...] | list[str], blank: str | None = None) -> str:
        """Return the tokens as one text; ``blank`` (BlankSub, if None) stands between two atoms."""
        if len(tokens) == 1:
            return tokens[0]
        separator = self.blank_substitute if blank is None else blank
        written: list[str] = []
        after_atom = False
        for token in tokens:
            atom = token[0] not in self._not_atom
            if atom and after_atom:
                written.append(separator)
            written.append(token)
            after_atom = atom
        return "".join(written)

    def _join_marked(self, marked: str, blank: str | None = None) -> str:
        """Join tokens each of which a NUL ends: the form in which rules see them."""
        return self.join(marked[:-1].split("\0"), blank)

    def _rescan(self, marked: str) -> Scanned:
        """Join such tokens and cut them anew, as is done with the default of a look-up."""
        text = self.join_marked(marked)
        return self.scan(text, Table.INTERNAL) if text else Scanned((), 0)
