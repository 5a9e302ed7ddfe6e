"""From sides of rules and templates, as ``site/cf`` has them before expansion, to the notation of notation.py."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from posthouse.rewriting.macros import NAME, bare_name
from posthouse.rewriting.symbols import (
    ARGUMENTS,
    CALL,
    ELSE,
    END_IF,
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
    USER,
)
from posthouse.site.cf.dollars import as_written
from posthouse.site.rules.notation import SIGNS
from posthouse.site.rules.octets import unicode_of

_SIGNS: Final = {symbol: sign for sign, symbol in SIGNS.items()}
_NAMED: Final = f"{MACRO}{MACRO_NOW}{IF}{IN_CLASS}{NOT_IN_CLASS}"
_PIECE: Final = re.compile(
    rf"""(?P<call>{CALL})\s*(?P<set>"[^"{{}}\\\ue000-\ue0ff]*"|[A-Za-z0-9_]+)"""
    rf"|(?P<lookup>{MAP_BEGIN})\s*(?P<map>[A-Za-z0-9_.]+)"
    rf"|(?P<named>[{_NAMED}])(?P<name>{NAME})"
    r"|(?P<symbol>[\ue000-\ue0ff])"
    r'|(?P<escaped>\\[^\ue000-\ue0ff])|"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<blank>\s+)'
    r'|(?P<literal>[^\s"\\\ue000-\ue0ff]+|.)',
    re.DOTALL,
)
_ARROW: Final = re.compile(r"(?<!\S)->(?!\S)")
_MAILER: Final = "{mailer:}"
_ON_THE_LEFT: Final = {HOST: "{empty}", ELSE: "{|}", MAILER: "{mailer:}"}
_WITH_NAMES: Final = {MACRO: "$", MACRO_NOW: "&", IF: "if "}


def write_left(side: str, names: Sequence[str]) -> str:
    """Return a left side; ``names`` are those of its wildcards, in order."""
    return _ARROW.sub("-{}>", _Left(names).write(side))


def write_right(side: str, names: Sequence[str]) -> str:
    """Return a right side; ``names`` are those of the wildcards on the left."""
    return _Right(names).write(side)


def write_template(text: str) -> str:
    """Return a template: every blank in it counts."""
    return _Template().write(text)


class _Side:
    """What both sides of a rule have in common."""

    keeps_blanks = False

    def write(self, side: str) -> str:
        """Return the whole side."""
        text = ""
        is_open = False  # behind a quote that nothing closes every blank counts
        for piece in _PIECE.finditer(side):
            written = _literal(piece[0]) if is_open and piece["blank"] else self._piece(piece)
            is_open = is_open or piece["literal"] == '"'
            if text.endswith(_MAILER) and not is_open and not written.startswith((" ", "#")):
                text += " "
            is_comment = written.startswith("#") and text[-1:] in ("", " ")
            text += f"{{#}}{written[1:]}" if is_comment and not self.keeps_blanks else written
        return text if self.keeps_blanks else text.strip()

    def _piece(self, piece: re.Match[str]) -> str:
        if piece["quoted"] is not None:
            return f'"{"".join(map(self._within_quotes, _PIECE.finditer(piece["quoted"])))}"'
        if piece["blank"]:
            return piece[0] if self.keeps_blanks else " "
        if piece["literal"] in ('"', "\\"):
            return piece[0] if self.keeps_blanks else f"{{{piece[0]}}}"
        if piece["escaped"] or piece["literal"]:
            return _literal(piece[0])
        return self._special(piece)

    def _within_quotes(self, piece: re.Match[str]) -> str:
        is_literal = piece["blank"] or piece["escaped"] or piece["literal"]
        return _literal(piece[0]) if is_literal else self._special(piece)

    def _special(self, piece: re.Match[str]) -> str:
        """Return what is not literal."""
        if piece["call"] and self.keeps_blanks:
            return f"{{call}}{_literal(piece[0][1:])}"
        if piece["call"]:
            return f"{{call {unicode_of(piece['set'])}}}"
        if piece["named"]:
            sign = _WITH_NAMES.get(piece["named"]) or as_written(piece["named"])
            return f"{{{sign}{unicode_of(bare_name(piece['name']))}}}"
        return "{call}" if piece["symbol"] == CALL else f"{{{as_written(piece[0][0])}}}{_literal(piece[0][1:])}"


class _Left(_Side):
    """A left side: wildcards get their names."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names: Iterator[str] = iter(names)

    def _special(self, piece: re.Match[str]) -> str:
        symbol = piece["symbol"] or piece["named"] or ""
        if symbol in _SIGNS:
            return f"{{{next(self._names)}{_SIGNS[symbol]}{unicode_of(bare_name(piece['name'] or ''))}}}"
        return _ON_THE_LEFT.get(symbol) or super()._special(piece)


class _Template(_Side):
    """A template: conditionals and macros."""

    keeps_blanks = True

    def __init__(self) -> None:
        self._conditions = 0

    def _special(self, piece: re.Match[str]) -> str:
        symbol = piece["symbol"]
        if piece["named"] == IF:
            self._conditions += 1
        elif symbol == ELSE:
            return "{else}" if self._conditions else "{|}"
        elif symbol == END_IF and self._conditions:
            self._conditions -= 1
            return "{endif}"
        return super()._special(piece)


class _Right(_Template):
    """A right side: what wildcards matched, look-ups, and the triple."""

    keeps_blanks = False

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__()
        self._names = names
        self._closing: list[str] = []

    def _special(self, piece: re.Match[str]) -> str:
        symbol = piece["symbol"] or piece["lookup"] or ""
        if symbol in (HOST, USER):
            return self._separator(symbol, is_first=piece.start() == 0)
        if symbol and ARGUMENTS < symbol <= chr(ord(ARGUMENTS) + len(self._names)):
            return f"{{{self._names[ord(symbol) - ord(ARGUMENTS) - 1]}}}"
        if symbol == HOST_MAP_BEGIN or piece["lookup"]:
            self._closing.append(MAP_END if piece["lookup"] else HOST_MAP_END)
            return f"{{lookup {piece['map']}}}" if piece["lookup"] else "{canonical}"
        if self._closing and symbol == self._closing[-1]:
            self._closing.pop()
            return "{end}"
        return "{mailer:}" if symbol == MAILER else super()._special(piece)

    def _separator(self, symbol: str, *, is_first: bool) -> str:
        is_host = symbol == HOST
        if self._closing:
            return "{argument}" if is_host else "{default}"
        if is_first:
            return "{return}" if is_host else "{once}"
        return "{host:}" if is_host else "{user:}"


def _literal(text: str) -> str:
    return unicode_of(text.replace("{", "{{").replace("}", "}}"))
