"""Address lists as MMDF reads them: one address after the other, mistakes between them.

Both kinds of route are read: ``@a,@b:user@c`` (RFC 822), and ``user@c@b@a`` (RFC 733), which
becomes the first.  An address that was written the old way and had no name gets its own local
part as one, as MMDF prints it: ``user <@a,@b:user@c>``.
"""

import re
from collections.abc import Iterator

from msgspec import Struct, field

from posthouse.mail.errors import MalformedError
from posthouse.rewriting.mmdf.lexer import Mark, Token, tokens

_INCLUDE = "include"
# Nearly every address: one word, and perhaps a domain, in letters that mean nothing to the lexer.
_SIMPLE = re.compile(r"([!#-'*+\-./0-9=?A-Z^_`a-z{|}~]+)(?:@([0-9A-Za-z._-]+))?")


class MmdfAddress(Struct, frozen=True):
    """One address.  ``route`` is in the order of travel.

    ``phrase`` and ``groups`` are as they are to be printed before it, outermost first; a group is named at its first
    member only.  ``is_include`` says that ``local`` names a file of addresses (``<file``, ``<<file``,
    ``:include:file``).  ``comment`` is the last one that stands behind anything, without its parentheses: headers take
    it for a name where there is none.
    """

    local: str
    domain: str = ""
    route: tuple[str, ...] = ()
    phrase: tuple[str, ...] = ()  # words, or comments, which begin with "("
    groups: tuple[str, ...] = ()
    is_include: bool = False
    comment: str = ""

    @property
    def hops(self) -> tuple[str, ...]:
        """The domains still to be crossed, the next one first."""
        return (*self.route, self.domain) if self.domain else self.route


class AddressMistake(Struct, frozen=True):
    """An address could not be parsed; what follows the mistake may be one again.

    ``before`` is what was read of it up to the mistake.  ``is_mailbox`` says whether it got as far as a local part.
    """

    before: MmdfAddress = MmdfAddress("")
    is_mailbox: bool = False


class _EndOfListError(Exception):
    """The text is at its end where a new address could begin; caught by read_addresses."""


def read_addresses(text: str) -> Iterator[MmdfAddress | AddressMistake]:
    """Yield the addresses of a list in order.  Never raises; the work is linear in the length of the text."""
    simple = _SIMPLE.fullmatch(text)
    if simple is not None:
        yield MmdfAddress(simple[1], simple[2] or "")
        return
    for one in _read(_Reader(list(tokens(text)))):
        if not _is_empty_group(one):  # nobody to write to
            yield one


def first_address(text: str) -> MmdfAddress | AddressMistake | None:
    """Return the first address of a list; None when there is none."""
    simple = _SIMPLE.fullmatch(text)
    return next(read_addresses(text), None) if simple is None else MmdfAddress(simple[1], simple[2] or "")


def read_field(text: str) -> Iterator[MmdfAddress | AddressMistake]:
    """Yield what a header field of addresses lists: empty groups, too, and octets above 127 are letters of words."""
    return _read(_Reader(list(tokens(text, eight_bit=True))))


def _read(reader: "_Reader") -> Iterator[MmdfAddress | AddressMistake]:
    while True:
        try:
            yield reader.next_address()
        except MalformedError:
            yield reader.give_up()
        except _EndOfListError:
            return


def _is_empty_group(one: MmdfAddress | AddressMistake) -> bool:
    return isinstance(one, MmdfAddress) and bool(one.groups) and not one.local and not one.hops


def parse_address(text: str) -> MmdfAddress:
    """Read a text in which every address is right, and return the first.  Raises MalformedError."""
    found = list(read_addresses(text))
    if not found:
        raise MalformedError(f"no address in {text!r}")
    for one in found:
        if isinstance(one, AddressMistake):
            raise MalformedError(f"not an address: {text!r}")
    first = found[0]
    assert isinstance(first, MmdfAddress)  # noqa: S101 - shown in the loop above
    return first


class _Draft(Struct):
    """What was read of the address so far."""

    words: list[str] = field(default_factory=list)
    phrase: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    route: list[str] = field(default_factory=list)
    domains: list[str] = field(default_factory=list)  # behind the local part, as written
    is_include: bool = False
    in_route: bool = False  # a comma or a colon goes on with the route
    starts_with_local: bool = True
    comment: str = ""
    is_phrase_over: bool = False  # the words are known to be a local part

    @property
    def has_begun(self) -> bool:
        """Does anything stand before what comes next?"""
        return bool(self.phrase or self.groups or self.route)

    def finished(self) -> MmdfAddress:
        """Return the address, its domains in the order of travel."""
        local = " ".join(self.words)
        route = [*self.route, *reversed(self.domains[1:])]
        phrase = self.phrase
        if len(self.domains) > 1 and not phrase and self.starts_with_local:
            phrase = [local]
        domain = self.domains[0] if self.domains else ""
        return MmdfAddress(
            local, domain, tuple(route), tuple(phrase), tuple(self.groups), self.is_include, self.comment
        )

    def as_mistake(self) -> AddressMistake:
        """Return what there is of it, when it does not become an address."""
        is_first = self.starts_with_local and not self.has_begun
        return AddressMistake(self.finished(), bool(self.words) and (self.is_phrase_over or not is_first))


class _Reader:
    """Walks over the tokens.  Each ``_at_...`` is one state of the grammar and returns when the address is complete."""

    def __init__(self, listed: list[Token]) -> None:
        self._tokens = listed
        self._next = 0
        self._in_groups = 0
        self._in_angles = 0
        self._draft = _Draft()

    def next_address(self) -> MmdfAddress:
        """Read one address.  Raises MalformedError, and _EndOfListError when there is no more."""
        self._draft = draft = _Draft()
        self._at_start(draft)
        return draft.finished()

    def give_up(self) -> AddressMistake:
        """Return what was read of the address, and forget what was open."""
        self._in_groups = self._in_angles = 0
        return self._draft.as_mistake()

    def _take(self) -> Token:
        token = self._tokens[self._next]
        if token.mark is not Mark.END:
            self._next += 1
        return token

    def _at_start(self, draft: _Draft) -> None:  # noqa: C901 - the first token decides between ten things
        while True:
            token = self._take()
            match token.mark:
                case Mark.WORD:
                    draft.words = [token.text]
                    if self._in_phrase(draft):
                        return
                case Mark.AT:
                    draft.starts_with_local = False
                    draft.in_route = True
                    if self._in_domain(draft):
                        return
                case Mark.COLON:
                    self._data_type(draft)
                case Mark.LESS | Mark.INCLUDE:
                    draft.is_include, draft.starts_with_local = True, False
                case Mark.COMMENT:
                    draft.comment = token.text if draft.has_begun else ""
                    draft.starts_with_local = False
                case Mark.COMMA:
                    pass  # an empty address
                case Mark.SEMICOLON:  # an empty group
                    self._end_group(draft)
                    return
                case Mark.END if not self._in_angles and not self._in_groups:
                    raise _EndOfListError
                case _:
                    raise MalformedError("no address can begin here")

    def _in_phrase(self, draft: _Draft) -> bool:
        """Read on after a word.  False: what was read is a name, and the address is still to come."""
        comments: list[str] = []
        while True:
            token = self._take()
            match token.mark:
                case Mark.WORD:
                    draft.words.append(token.text)
                case Mark.COMMENT:
                    comments.append(f"({token.text})")
                    draft.comment = token.text
                case Mark.AT:
                    draft.is_phrase_over = True
                    return self._in_domain(draft)
                case Mark.LESS:
                    draft.phrase = [" ".join(draft.words), *comments]
                    draft.words, draft.in_route, draft.starts_with_local = [], True, False
                    self._in_angles += 1
                    return False
                case Mark.COLON:
                    draft.groups.append(" ".join(draft.words))
                    draft.words, draft.starts_with_local = [], False
                    self._in_groups += 1
                    return False
                case Mark.SEMICOLON:
                    draft.is_phrase_over = True
                    self._end_group(draft)
                    return True
                case Mark.GREATER:
                    self._end_angle(draft)
                    return True
                case Mark.COMMA | Mark.END:
                    return True
                case _:
                    raise MalformedError("a name is followed by what does not belong there")

    def _in_domain(self, draft: _Draft) -> bool:
        """Read what follows an at-sign.  False: it was part of a route, and the mailbox is still to come."""
        while (token := self._take()).mark is Mark.COMMENT:
            pass
        if token.mark is not Mark.WORD:
            raise MalformedError("an at-sign is not followed by a domain")
        (draft.domains if draft.words else draft.route).append(token.text)
        return self._behind_domain(draft)

    def _behind_domain(self, draft: _Draft) -> bool:
        while (token := self._take()).mark is Mark.COMMENT:
            draft.comment = token.text
        match token.mark:
            case Mark.AT:
                return self._in_domain(draft)
            case Mark.SEMICOLON:
                self._end_group(draft)
            case Mark.GREATER:
                self._end_angle(draft)
            case Mark.COMMA if draft.in_route and not draft.words:
                return False
            case Mark.COMMA if not draft.in_route:
                pass
            case Mark.COLON if draft.in_route and not draft.words:
                draft.in_route = False
                return False
            case Mark.END if not draft.in_route and not self._in_angles and not self._in_groups:
                pass
            case _:
                raise MalformedError("a domain is followed by what does not belong there")
        return True

    def _data_type(self, draft: _Draft) -> None:
        """Read ``:include:``; other data types of RFC 733 have no meaning left."""
        name = self._take()
        if name.mark is not Mark.WORD or self._take().mark is not Mark.COLON:
            raise MalformedError("a colon without a data type")
        draft.is_include = name.text.lower() == _INCLUDE
        draft.starts_with_local = False

    def _end_group(self, draft: _Draft) -> None:
        if self._in_groups == 0:
            raise MalformedError("a semicolon ends a group that was never begun")
        self._in_groups -= 1
        self._only_comments(draft)

    def _end_angle(self, draft: _Draft) -> None:
        if self._in_angles == 0:
            raise MalformedError("a > without its <")
        self._in_angles -= 1
        self._only_comments(draft)

    def _only_comments(self, draft: _Draft) -> None:
        """Nothing but comments may stand between the end of an address and the next comma."""
        while (token := self._take()).mark is Mark.COMMENT:
            draft.comment = token.text
        if token.mark is Mark.SEMICOLON and self._in_groups:
            self._end_group(draft)
        elif token.mark not in {Mark.COMMA, Mark.END}:
            raise MalformedError(f"{token.mark.value} after the end of an address")
