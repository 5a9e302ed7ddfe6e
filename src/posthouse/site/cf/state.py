"""What has been read so far: macros, classes, rule sets, mailers and the rest, as the lines come."""

import hashlib
from typing import Final

from posthouse.mail.lookup import Origin
from posthouse.rewriting.macros import bare_name, expand, parse_name
from posthouse.rewriting.program import MapDeclaration
from posthouse.rewriting.symbols import IN_CLASS
from posthouse.rewriting.tokens import fold
from posthouse.site.cf.complaints import Complaints
from posthouse.site.cf.declared import (
    FileRead,
    HeaderDeclaration,
    MailerDeclaration,
    Milter,
    QueueGroup,
    Setting,
)
from posthouse.site.cf.machine import SENDMAIL_VERSION, Surroundings
from posthouse.site.cf.rule_sets import RuleSetTable

MAX_CLASS_WORDS: Final = 1_000_000  # in all classes together


class Reading:
    """One configuration while it is read."""

    def __init__(self, surroundings: Surroundings) -> None:
        self.surroundings = surroundings
        self.complaints = Complaints()
        self.level = 0
        self.vendor = ""
        self.macros: dict[str, str] = {}
        self.classes: dict[str, dict[str, None]] = {}
        self.spellings: dict[str, str] = {}
        self.rule_sets = RuleSetTable(self.complaints)
        self.maps: dict[str, MapDeclaration] = {}
        self.mailers: dict[str, MailerDeclaration] = {}
        self.headers: list[HeaderDeclaration] = []
        self.settings: dict[str, list[Setting]] = {}
        self.priorities: dict[str, int] = {}
        self.queue_groups: dict[str, QueueGroup] = {}
        self.environment: dict[str, str | None] = {}
        self.milters: list[Milter] = []
        self.files: dict[str, str] = {}  # path: digest
        self.is_cacheable = True
        self._words = 0
        self._define_predefined()

    @property
    def origin(self) -> Origin:
        """Where the line that is being read stands."""
        return self.complaints.origin

    def syntax(self, wrong: str) -> None:
        """Complain of the line with a hint that fits all of them."""
        self.complaints.error(wrong, "correct the line, or take it out")

    def expand(self, text: str) -> str:
        """Return text with the macros that are defined now."""
        return expand(text, self.macros, self.syntax)

    def name_of(self, text: str) -> tuple[str, str]:
        """Return the name of a macro or class at the start of text, and what follows it."""
        name, end = parse_name(text, 0, self.syntax)
        return name, text[end:]

    def add_words(self, class_name: str, words: list[str]) -> None:
        """Put words into a class; ``$=x`` stands for all that class x holds now."""
        members = self.classes.setdefault(class_name, {})
        for word in words:
            if word.startswith(IN_CLASS):
                added = self.classes.get(bare_name(word[1:]), {})
            else:
                folded = fold(word)
                self.spellings.setdefault(folded, word)
                added = {folded: None}
            # What is copied counts, too: classes that hold each other would grow without end.
            self._words += len(added)
            if self._words > MAX_CLASS_WORDS:
                self.complaints.error(
                    f"the classes hold more than {MAX_CLASS_WORDS} words", "keep lists of this size in a map"
                )
                return
            members.update(added)

    def read_file(self, path: str, most: int) -> bytes:
        """Read a file and remember its contents.  Raises OSError, ValueError."""
        self.files.setdefault(path, "")
        octets = self.surroundings.read(path, most)
        self.files[path] = hashlib.sha256(octets).hexdigest()
        return octets

    def files_read(self) -> tuple[FileRead, ...]:
        """Return every file that was asked for."""
        return tuple(FileRead(path, digest) for path, digest in self.files.items())

    def _define_predefined(self) -> None:
        machine = self.surroundings.machine
        name = machine.official_name
        self.macros.update(w=name, j=name, k=machine.host_name, n="MAILER-DAEMON", v=SENDMAIL_VERSION)
        self.macros.update(self.surroundings.macros)
        if machine.domain:
            self.macros["m"] = machine.domain
            self.add_words("m", [machine.domain])
        self.add_words("w", list(machine.own_names()))
        self.add_words("k", [machine.host_name])
        for class_name, words in _PREDEFINED_CLASSES.items():
            self.add_words(class_name, list(words))


# What messages and their conversion to 7 bits go by; the file may add to them.
_PREDEFINED_CLASSES: Final[dict[str, tuple[str, ...]]] = {
    "n": ("multipart/signed",),
    "s": ("rfc822",),
    "e": ("7bit", "8bit", "binary"),
    "checkMIMEFieldHeaders": ("content-disposition", "content-type"),
    "checkMIMETextHeaders": ("content-description",),
    "checkMIMEHeaders": (
        "content-disposition",
        "content-id",
        "content-transfer-encoding",
        "content-type",
        "mime-version",
    ),
    "persistentMacros": ("r", "s", "_", "{if_addr}", "{daemon_flags}"),
}
