"""What a configuration file of sendmail says, as values: everything but the Site that comes of it.

Text is octet text (rewriting/symbols.py); templates and arguments are kept unexpanded.
"""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Final

from msgspec import Struct, field

from posthouse.mail.lookup import BUILTIN, Origin
from posthouse.rewriting.mailers import MailerTraits
from posthouse.rewriting.program import RewritingProgram
from posthouse.site.cf.complaints import Complaint
from posthouse.site.model import OldConfiguration

_FORMER_MACROS = {"SmtpGreetingMessage": "e", "UnixFromLine": "l", "OperatorChars": "o"}
ACCOUNTS_FILE: Final = "pw:"  # MailboxDatabase=pw:/path/to/passwd
OptionValue = bool | int | str | tuple[str, ...]


class MailerDeclaration(Struct, frozen=True):
    """One M line with every field, defaults filled in.  The four rule sets are numbers; 0 means none."""

    name: str
    number: int  # the order in which ``=M`` prints them
    path: str  # P=: a program, [IPC] or [FILE]
    argv: tuple[str, ...]  # A=: split, unexpanded
    flags: str = ""  # F=: each once, in ASCII order
    sender_envelope: int = 0  # S=
    sender_header: int = 0
    recipient_envelope: int = 0  # R=
    recipient_header: int = 0
    end_of_line: str = "\n"  # E=
    longest_line: int = 0  # L=: 0 is no limit
    largest_message: int = 0  # M=: octets; 0 is no limit
    messages_per_connection: int = 0  # m=: 0 is no limit
    recipients_per_envelope: int = 100  # r=
    directories: str = ""  # D=: the first that works, separated by colons, unexpanded
    user: str = ""  # U=: as written
    uid: int = -1
    gid: int = -1
    niceness: int = 0  # N=
    charset: str = ""  # C=
    mta_type: str = ""  # T=: "" when undefined
    address_type: str = ""
    diagnostic_type: str = ""
    wait_seconds: int = 0  # W=
    queue_group: str = ""  # Q=
    root: str = ""  # /=
    origin: Origin = BUILTIN

    def has(self, flag: str) -> bool:
        """Does F= hold the flag?"""
        return flag in self.flags

    @property
    def is_local(self) -> bool:
        """May its triple come without a host?"""
        return "l" in self.flags

    @property
    def traits(self) -> MailerTraits:
        """What rewriting must know of it."""
        return MailerTraits(
            self.name,
            self.flags,
            self.sender_envelope,
            self.sender_header,
            self.recipient_envelope,
            self.recipient_header,
        )


class HeaderDeclaration(Struct, frozen=True):
    """One H line: a default field, or (with ``rule_set``) a check of a field.

    ``flags``: any of them in the mailer's F= lets the field in; ``macro``: the field is in when it is defined and
    not empty.  The name ``*`` is for fields without a check of their own.
    """

    name: str
    template: str = ""
    flags: str = ""
    macro: str = ""
    rule_set: str = ""
    keeps_comments: bool = False  # $>+
    origin: Origin = BUILTIN


class Setting(Struct, frozen=True):
    """One option that the file sets: its full name, its value, and the text as written."""

    name: str
    value: OptionValue
    text: str
    origin: Origin = BUILTIN


class QueueGroup(Struct, frozen=True):
    """One Q line."""

    name: str
    path: str = ""
    flags: str = ""
    interval_seconds: int = 0
    jobs: int = 0
    niceness: int = 0
    recipients: int = 0
    runners: int = 0
    origin: Origin = BUILTIN


class Milter(Struct, frozen=True):
    """One X line.  ``timeouts`` is the text of T=."""

    name: str
    socket: str
    flags: str = ""
    timeouts: str = ""
    origin: Origin = BUILTIN


class RuleExample(Struct, frozen=True):
    """What a rule set makes of something, as a site.toml says; ``rule_set`` is "" for an address: sets 3 and 0.

    Both texts are octet text, ``given`` as a rule set is given it and ``expected`` with metasymbols.
    """

    rule_set: str
    given: str
    expected: str
    origin: Origin = BUILTIN


class FileRead(Struct, frozen=True):
    """A file that the configuration was made of.  ``digest`` is "" when it could not be read."""

    path: str
    digest: str


class CfConfiguration(OldConfiguration, frozen=True):
    """A configuration file that was read, and what is wrong with it."""

    file: Path
    program: RewritingProgram = field(default_factory=RewritingProgram)
    vendor: str = ""
    mailers: Mapping[str, MailerDeclaration] = field(default_factory=dict)  # by lower-case name, in order
    headers: tuple[HeaderDeclaration, ...] = ()
    settings: Mapping[str, tuple[Setting, ...]] = field(default_factory=dict)  # by full name, in the file's order
    priorities: Mapping[str, int] = field(default_factory=dict)  # P lines, by lower-case name
    queue_groups: Mapping[str, QueueGroup] = field(default_factory=dict)
    environment: Mapping[str, str | None] = field(default_factory=dict)  # E lines; None: taken from ours
    milters: tuple[Milter, ...] = ()
    spellings: Mapping[str, str] = field(default_factory=dict)  # class words, as first written
    files: tuple[FileRead, ...] = ()
    is_cacheable: bool = True  # no program was asked, no map
    complaints: tuple[Complaint, ...] = ()
    examples: tuple[RuleExample, ...] = ()  # of a site.toml; `posthouse check` runs them

    @property
    def errors(self) -> tuple[Complaint, ...]:
        """What keeps it from being used."""
        return tuple(complaint for complaint in self.complaints if complaint.is_error)

    @property
    def trusted_users(self) -> frozenset[str]:
        """Who may name another sender with ``-f``: class t, in lower case."""
        return self.program.classes.get("t", frozenset())

    def option(self, name: str) -> OptionValue:
        """Return the value of an option, by its full name; what is set last counts.  KeyError: no such option."""
        from posthouse.site.cf.options.table import OPTIONS

        settings = self.settings.get(name)
        if not settings:
            return self._default_of_level(name, OPTIONS[name].default)
        last = settings[-1].value
        if isinstance(last, tuple):
            return tuple(word for setting in settings if isinstance(setting.value, tuple) for word in setting.value)
        return last

    def _default_of_level(self, name: str, usual: OptionValue) -> OptionValue:
        """Return what an option is when the file does not set it: old levels had macros in place of some."""
        level = self.program.level
        if name == "ColonOkInAddr":
            return level < 6
        if name == "UseErrorsTo":
            return level < 3
        if level < 7 and name in _FORMER_MACROS:
            return self.program.macros.get(_FORMER_MACROS[name]) or usual
        return usual

    def is_set(self, name: str) -> bool:
        """Does the file set the option?"""
        return name in self.settings

    def flag(self, name: str) -> bool:
        """Return the value of a boolean option."""
        return self.option(name) is True

    def number(self, name: str) -> int:
        """Return the value of an option that is a number, a size or a time in seconds."""
        value = self.option(name)
        return value if isinstance(value, int) else 0

    def duration(self, name: str) -> timedelta:
        """Return the value of an option that is a time."""
        return timedelta(seconds=self.number(name))

    def text(self, name: str) -> str:
        """Return the value of an option that is a text or a choice."""
        value = self.option(name)
        return value if isinstance(value, str) else ""

    @property
    def passwd_file(self) -> Path | None:
        """The passwd(5) file that MailboxDatabase names; None where users are those of the machine."""
        database = self.text("MailboxDatabase")
        return self.file.parent / database.removeprefix(ACCOUNTS_FILE) if database.startswith(ACCOUNTS_FILE) else None

    def words(self, name: str) -> tuple[str, ...]:
        """Return every value of an option that may be set more than once."""
        value = self.option(name)
        return value if isinstance(value, tuple) else ()
