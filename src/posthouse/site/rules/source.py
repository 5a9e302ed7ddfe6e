"""A configuration file of sendmail as its author wrote it: what reading alone would lose.

Macros in rules, classes and maps are kept as macros, class files as files, comments with what they stand above.  Where
a macro had another value when a line was read than at the end of the file, what it meant then is kept instead.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

from msgspec import Struct, field

from posthouse.rewriting.macros import bare_name
from posthouse.rewriting.symbols import IF, IN_CLASS
from posthouse.rewriting.tokens import fold
from posthouse.site.cf.dollars import SPACE, munch, quoted_word
from posthouse.site.cf.lines import Line
from posthouse.site.cf.options.table import BY_LETTER, OPTIONS, names_beginning
from posthouse.site.cf.state import Reading
from posthouse.site.rules.octets import plain_unicode

_MAP: Final = re.compile(
    rf"[{SPACE}]*([A-Za-z0-9][A-Za-z0-9_.]*+)[^A-Za-z0-9_.]?[{SPACE}]*([A-Za-z0-9]++)(.*)", re.DOTALL
)
_OPTION: Final = re.compile(r"[ ]*([^=]*?)[ ]*(?:=[ ]*(.*))?", re.DOTALL)
_MAILER: Final = re.compile(rf"([^,{SPACE}]*)(.*)", re.DOTALL)
_MAILER_FIELD: Final = re.compile(rf"[,{SPACE}]*([^=,]*)=[{SPACE}]*")
_COMMENT: Final = re.compile(r"#+(?:\s+|$)(.*)", re.DOTALL)  # a # right before a word takes a line out of use
_FRAME: Final = re.compile(r"^[#\s]+|[#\s]+$")

Comments = tuple[str, ...]


class Expanded(Struct, frozen=True):
    """Text with its macros, and what it was when it was read."""

    text: str
    then: str

    def now(self, expand: Callable[[str], str]) -> str:
        """Return the text with its macros if they still mean the same."""
        return self.text if expand(self.text) == self.then else self.then


class RuleSource(Struct, frozen=True):
    """One rule: its sides, its own comment, and those above it."""

    left: Expanded
    right: Expanded
    remark: str = ""
    comments: Comments = ()


class RuleSetSource(Struct):
    """One rule set; several names may mean it, the last is what it is printed by."""

    number: int
    names: list[str] = field(default_factory=list)
    rules: list[RuleSource] = field(default_factory=list)
    comments: Comments = ()


class ClassSource(Struct):
    """One class.  ``includes`` are other classes, each with the words it held when it was read."""

    words: list[Expanded] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    includes: list[tuple[str, frozenset[str]]] = field(default_factory=list)
    comments: Comments = ()


class MapSource(Struct, frozen=True):
    """One map."""

    name: str
    kind: str
    arguments: Expanded
    comments: Comments = ()


class Text(Struct, frozen=True):
    """Something that is said on a line, and the comments above it."""

    text: str
    comments: Comments = ()


class Source:
    """A listener of the reader: collects what the lines say."""

    def __init__(self) -> None:
        self.opening: Comments = ()  # what stands above everything
        self.macros: dict[str, Comments] = {}
        self.classes: dict[str, ClassSource] = {}
        self.maps: dict[str, MapSource] = {}
        self.options: dict[str, list[Text]] = {}
        self.rule_sets: dict[int, RuleSetSource] = {}
        self.mailers: dict[str, tuple[str, Mapping[str, str], Comments]] = {}
        self.headers: list[Comments] = []
        self.queue_groups: list[tuple[str, str]] = []
        self.milters: list[tuple[str, str]] = []
        self._pending: list[str] = []
        self._rule_set: RuleSetSource | None = None
        self._has_begun = False
        self._lines: Mapping[str, Callable[[Reading, str], None]] = {
            "C": self._class,
            "D": self._macro,
            "F": self._class_file,
            "H": self._header,
            "K": self._map,
            "M": self._mailer,
            "O": self._option,
            "Q": lambda _, text: self._named(self.queue_groups, text),
            "R": self._rule,
            "S": self._begin_rule_set,
            "T": self._trusted,
            "X": lambda _, text: self._named(self.milters, text),
        }

    def __call__(self, reading: Reading, line: Line, text: str) -> None:
        """Take down one line."""
        if line.text.startswith("#"):
            self._comment(line.text)
            return
        if not self._has_begun:
            self._has_begun = True
            self.opening = self._comments()
        read = self._lines.get(text[:1])
        if read is not None:
            read(reading, text[1:])
        self._pending.clear()

    def needed_files(self) -> frozenset[str]:
        """Return the files of classes that must be there."""
        files = (file for said in self.classes.values() for file in said.files)
        return frozenset(quoted_word(file)[0] for file in files if not file.startswith(("|", "-o")))

    def _comment(self, line: str) -> None:
        match = _COMMENT.fullmatch(line)
        if match is None:  # what stands above a line that is out of use is said of that line
            self._pending.clear()
            return
        said = _FRAME.sub("", match[1])
        if said:
            self._pending += (plain_unicode(" ".join(part.split())) for part in said.split("\n"))

    def _comments(self) -> Comments:
        taken = tuple(self._pending)
        self._pending.clear()
        return taken

    def _macro(self, reading: Reading, text: str) -> None:
        name, _ = reading.name_of(text)
        self.macros[name] = (*self.macros.get(name, ()), *self._comments())

    def _class_of(self, name: str) -> ClassSource:
        found = self.classes.setdefault(name, ClassSource())
        found.comments += self._comments()
        return found

    def _class(self, reading: Reading, text: str) -> None:
        name, rest = reading.name_of(text)
        found = self._class_of(name)
        whole = reading.expand(rest)
        words = whole.split() if IF in rest else rest.split()
        for word in words:
            if word.startswith(IN_CLASS):
                other = bare_name(word[1:])
                found.includes.append((other, frozenset(reading.classes.get(other, ()))))
            else:
                found.words.append(Expanded(word, reading.expand(word)))

    def _trusted(self, reading: Reading, text: str) -> None:
        self._class(reading, f"t{text}")

    def _class_file(self, reading: Reading, text: str) -> None:
        name, rest = reading.name_of(text)
        self._class_of(name).files.append(rest.strip(SPACE))

    def _map(self, reading: Reading, text: str) -> None:
        then = _MAP.fullmatch(reading.expand(text))
        written = _MAP.fullmatch(text)
        if then is None:
            return
        is_plain = written is not None and written.groups()[:2] == then.groups()[:2]
        arguments = written[3] if written is not None and is_plain else then[3]
        comments = self._comments()
        kept = Expanded(_without_separator(arguments), _without_separator(then[3]))
        self.maps[fold(then[1])] = MapSource(then[1], then[2], kept, comments)

    def _option(self, reading: Reading, text: str) -> None:
        if text.startswith(" "):
            match = _OPTION.fullmatch(text)
            name, value = (match[1], match[2] or "") if match else ("", "")
            first, dot, part = name.partition(".")
            meant = names_beginning(first)
            name = f"{meant[0]}{dot}{part}" if len(meant) == 1 else ""
        else:
            letter, value = text[:1], text[1:]
            known = BY_LETTER.get(letter)
            name = known.name if known else {"T": "QueueTimeout", "r": "Timeout"}.get(letter, "")
            if letter == "M":
                self._macro(reading, value)
        if name:
            said = Text(value, self._comments())
            option = OPTIONS.get(name)
            is_single = option is not None and not option.kind.adds_up
            self.options[name] = [said] if is_single else [*self.options.get(name, ()), said]

    def _begin_rule_set(self, reading: Reading, text: str) -> None:
        number, _ = reading.rule_sets.enter(reading.expand(text))
        if number is None:
            return
        self._rule_set = self.rule_sets.setdefault(number, RuleSetSource(number))
        name = reading.rule_sets.printed.get(number, "")
        if name:
            self._rule_set.names = [known for known in self._rule_set.names if known != name] + [name]
        self._rule_set.comments += self._comments()

    def _rule(self, reading: Reading, text: str) -> None:
        if self._rule_set is None:
            return
        left, _, rest = text.partition("\t")
        right, _, remark = rest.lstrip("\t").partition("\t")
        rule = RuleSource(
            Expanded(left.strip(), reading.expand(left).strip()),
            Expanded(right.strip(), reading.expand(right).strip()),
            " ".join(plain_unicode(remark.replace("\n", " ").replace("\t", " ")).split()),
            self._comments(),
        )
        self._rule_set.rules.append(rule)

    def _header(self, _: Reading, __: str) -> None:
        self.headers.append(self._comments())

    def _mailer(self, _: Reading, text: str) -> None:
        match = _MAILER.fullmatch(text)
        if match is None:
            return
        name, rest = match.groups()
        fields: dict[str, str] = {}
        while found := _MAILER_FIELD.match(rest):
            letter = found[1][:1]
            value, rest = munch(rest[found.end() :], ",")
            fields[letter] = fields.get(letter, "") + value if letter == "F" else value
        known = self.mailers.get(fold(name))
        self.mailers[fold(name)] = (name, fields, (*(known[2] if known else ()), *self._comments()))

    def _named(self, found: list[tuple[str, str]], text: str) -> None:
        name, _, fields = text.partition(",")
        found.append((name.strip(SPACE), fields.strip(SPACE)))


def _without_separator(arguments: str) -> str:
    return arguments[1:].lstrip(SPACE) if arguments[:1] else ""
