r"""The classic aliases file: ``name: address, address``.  aliases(5).

- A line that begins with a blank continues the one before, and stays behind it as it is; so does a line after a
  backslash at the end of one.
- Empty lines and lines that begin with ``#`` are skipped.
- Of several lines with one name the first counts.  Names compare without case.

Whether a name may be an alias only rewriting can say: ``index_aliases`` is a generator that yields a NameQuestion for
each and is sent an AliasName, or None when the name cannot be understood.  Text is octet text.
"""

from collections.abc import Generator, Iterable, Iterator
from typing import Final

from msgspec import Struct

from posthouse.mail.lookup import Origin
from posthouse.mail.map_arguments import fold_octets
from posthouse.mail.problem import Problem
from posthouse.tables.syntax import Entry

MAX_ALIAS_OCTETS: Final = 1024 * 1024  # one alias with all its lines
_BLANKS: Final = " \t"
_SPACE: Final = " \t\n\v\f\r"
_SHOWN: Final = 40  # characters of a line, in a message about it


class AliasLine(Struct, frozen=True):
    """One alias as written; ``line`` is the number of its last line."""

    name: str
    value: str
    line: int
    text: str  # all of it


class AliasTrouble(Struct, frozen=True):
    """Something wrong in an aliases file."""

    line: int
    text: str
    is_error: bool = True


class NameQuestion(Struct, frozen=True):
    """What is this left side, as an address?"""

    text: str


class AliasName(Struct, frozen=True):
    """A left side, understood."""

    user: str  # of the address's mailer, host, user: what look-ups will ask for
    printed: str  # the address for people
    is_aliasable: bool  # by the mailer that it goes to


class AliasEntry(Struct, frozen=True):
    """One entry of the index."""

    key: str
    value: str
    line: int


class AliasReport(Struct, frozen=True):
    """A whole aliases file."""

    entries: tuple[AliasEntry, ...]
    troubles: tuple[AliasTrouble, ...]
    aliases: int  # with those whose names came twice
    longest: int  # octets of a value
    total: int  # octets of all names and values

    @property
    def has_errors(self) -> bool:
        """Is anything worse than a warning?"""
        return any(trouble.is_error for trouble in self.troubles)

    def summary(self, file: str) -> str:
        """Return the line that newaliases prints at the end."""
        return f"{file}: {self.aliases} aliases, longest {self.longest} bytes, {self.total} bytes total"


def read_aliases(lines: Iterable[bytes]) -> Iterator[AliasLine | AliasTrouble]:
    """Read an aliases file without asking what its names are; ``lines`` may have their line ends."""
    for text, number in _logical_lines(lines):
        if text[0] in _BLANKS:
            yield AliasTrouble(number, "Non-continuation line starts with space")
        elif len(text) > MAX_ALIAS_OCTETS:
            yield AliasTrouble(number, "alias too long")
        elif ":" not in text:
            yield AliasTrouble(number, "missing colon")
        else:
            name, _, value = text.partition(":")
            yield AliasLine(name, value.lstrip(_SPACE), number, text)


def plain_key(name: str) -> str:
    """Return the key of a left side where no rules can be asked: without blanks around and quotes, in lower case."""
    return fold_octets(name.strip(_SPACE).replace('"', ""))


def alias_entries(lines: Iterable[bytes], file: str) -> Iterator[Entry | Problem]:
    """Read an aliases file as a table, where no rules can be asked what its names are."""
    seen: set[str] = set()
    for element in read_aliases(lines):
        if isinstance(element, AliasTrouble):
            yield Problem(Origin(file, element.line), element.text, "write name: address, address")
            continue
        key = plain_key(element.name)
        if not element.value.strip(_SPACE):
            yield Problem(Origin(file, element.line), f"missing value for alias {key[:_SHOWN]}", "name an address")
        elif key not in seen:
            seen.add(key)
            yield Entry(key, element.value, element.line)


def index_aliases(lines: Iterable[bytes]) -> Generator[NameQuestion, AliasName | None, AliasReport]:
    """Read an aliases file into its index."""
    entries: dict[str, AliasEntry] = {}
    troubles: list[AliasTrouble] = []
    lengths: list[tuple[int, int]] = []
    for element in read_aliases(lines):
        if isinstance(element, AliasTrouble):
            troubles.append(element)
            continue
        name = yield NameQuestion(element.name)
        wrong = _wrong(element, name)
        if wrong:
            troubles.append(AliasTrouble(element.line, wrong))
        elif name is not None:
            lengths.append((len(name.user), len(element.value)))
            key = fold_octets(name.user)
            if key in entries:
                warning = f"{name.printed}... Warning: duplicate alias name {name.user}"
                troubles.append(AliasTrouble(element.line, warning, is_error=False))
            entries.setdefault(key, AliasEntry(key, element.value, element.line))
    return AliasReport(
        entries=tuple(entries.values()),
        troubles=tuple(troubles),
        aliases=len(lengths),
        longest=max((right for _, right in lengths), default=0),
        total=sum(left + right for left, right in lengths),
    )


def _wrong(line: AliasLine, name: AliasName | None) -> str:
    """Say what is wrong with an alias; "" for nothing."""
    if name is None:
        return f"{line.text[:_SHOWN]}... illegal alias name"
    if not name.is_aliasable:
        return f"{name.printed}... cannot alias non-local names"
    if not line.value.strip(_SPACE):
        return f"{line.text[:_SHOWN]}... missing value for alias"
    return ""


def _logical_lines(lines: Iterable[bytes]) -> Iterator[tuple[str, int]]:
    """Join continued lines, and leave comments and empty lines out; with the number of the last line of each."""
    pieces: list[str] = []
    octets, last, is_escaped = 0, 0, False
    is_comment = False  # the line before was one: what continues it is none the less
    for number, line in enumerate(lines, start=1):
        text = line.removesuffix(b"\n").decode("latin-1")
        is_comment = text.startswith("#") or (is_comment and text[:1] in (" ", "\t"))
        if is_comment and not pieces and not is_escaped:
            continue
        continues = is_escaped or (bool(pieces) and text[:1] in (" ", "\t"))
        if not continues:
            if pieces:
                yield "".join(pieces), last
            pieces, octets = [], 0
        is_escaped = text.endswith("\\")
        kept = text.removesuffix("\\")
        if continues or (text and not text.startswith("#")):
            octets += len(kept)
            # What is too long is complained about once, and not kept.
            pieces.append(kept if octets <= MAX_ALIAS_OCTETS else kept[: MAX_ALIAS_OCTETS + 1])
            pieces = ["".join(pieces)[: MAX_ALIAS_OCTETS + 1]] if octets > MAX_ALIAS_OCTETS else pieces
            last = number
        else:
            is_escaped = False
    if pieces:
        yield "".join(pieces), last
