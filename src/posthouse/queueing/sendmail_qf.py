"""Control files of sendmail's queue, version 8: ``qf`` files, as values and as lines.

Text is octet text (ISO 8859-1).  In fields and macros sendmail keeps ``$x`` as the octet 0x81 and the name; shown is
a dollar sign.  Sendmail Installation and Operation Guide, appendix B.
"""

import re
from collections.abc import Callable, Iterator
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from posthouse.mail.errors import MalformedError

VERSION: Final = 8
_ONCE: Final = "TKNPIBFSAZdq!"  # lines of one text
MAX_OCTETS: Final = 16 * 1024 * 1024  # of one control file
MACRO_OCTET: Final = "\x81"  # stands for the dollar sign of a macro that is not expanded yet
_NUMBER: Final = re.compile(r"-?[0-9]{1,18}")
_OF_MAILERS: Final = frozenset({"return-path", "full-name", "content-length"})
_KEPT_MACRO: Final = re.compile(f"{MACRO_OCTET}(\\{{[^{{}}]*\\}}|.)", re.DOTALL)
_FIELD: Final = re.compile(r"(?:\?([^?]*)\?)?([^\x00-\x20:\x7f-\xff]+)[ \t]*:(.*)", re.DOTALL)
_MACRO: Final = re.compile(r"(\{[^{}]*\}|.)(.*)", re.DOTALL)


class ControlRecipient(Struct, frozen=True):
    """One R line and what stands before it.

    ``flags``: P is one that the sender gave, N that NOTIFY was given, S F D for success, failure and delay, A that
    the controller comes from an alias, B that it is a blind copy.  ``controller`` is ``name:uid:gid:alias``,
    or ``:alias`` for nobody; "" where there is no alias.
    """

    address: str
    flags: str = ""
    controller: str = ""
    original: str = ""  # ORCPT
    final: str = ""  # rfc822; address
    message: str = ""  # what the last attempt said of it


class ControlField(Struct, frozen=True):
    """One H line: a header field; ``condition`` are the mailer flags between question marks that it depends on."""

    name: str
    value: str  # as written behind the colon, with its blank; continuation lines after a line feed
    condition: str = ""


class ControlFile(Struct, frozen=True):
    """One control file.  Times are seconds since 1970; "" and () where a line is missing."""

    created: int
    sender: str
    recipients: tuple[ControlRecipient, ...] = ()
    fields: tuple[ControlField, ...] = ()
    last_attempt: int = 0
    attempts: int = 0
    priority: int = 0
    data_directory: str = ""
    inode: str = ""
    body: str = ""  # 7BIT, 8BITMIME
    quarantine: str = ""
    message: str = ""
    flags: str = ""
    macros: tuple[tuple[str, str], ...] = ()  # by their names as written: _, r, {daemon_flags}
    envelope_id: str = ""
    authenticated: str = ""  # AUTH=
    error_addresses: tuple[str, ...] = ()
    deliver_by: str = ""


def control_lines(control: ControlFile) -> list[str]:
    """Return the lines, in the order in which sendmail writes them; continuation lines are lines of their own."""
    lines = [
        f"V{VERSION}",
        f"T{control.created}",
        f"K{control.last_attempt}",
        f"N{control.attempts}",
        f"P{control.priority}",
    ]
    optional = (
        ("!", control.deliver_by),
        ("d", control.data_directory),
        ("I", control.inode),
        ("B", control.body),
        ("q", control.quarantine),
        ("M", control.message),
        ("F", control.flags),
    )
    lines += [letter + text for letter, text in optional if text]
    lines += [f"${name}{value}" for name, value in control.macros]
    lines.append(f"S{control.sender}")
    lines += [letter + text for letter, text in (("Z", control.envelope_id), ("A", control.authenticated)) if text]
    lines += _recipient_lines(control.recipients)
    lines += [f"E{address}" for address in control.error_addresses]
    for field in control.fields:
        lines += f"H?{field.condition}?{field.name}:{field.value}".split("\n")
    return [*lines, "."]


def _recipient_lines(recipients: tuple[ControlRecipient, ...]) -> Iterator[str]:
    controller = ""
    for one in recipients:
        if one.controller != controller:
            # Without a controller of its own a recipient would have the one before.
            yield f"C{one.controller}"
            controller = one.controller
        optional = (("Q", one.original), ("M", one.message), ("r", one.final))
        yield from (letter + text for letter, text in optional if text)
        yield f"R{one.flags}:{one.address}"


def read_control(octets: bytes) -> ControlFile:
    """Read a control file.  Raises MalformedError, with the line, for whatever is not whole and understood."""
    if len(octets) > MAX_OCTETS:
        raise MalformedError(f"the control file is larger than {MAX_OCTETS} octets")
    if b"\0" in octets:
        raise MalformedError("the control file holds a NUL octet")
    reading = _Reading()
    for number, line in _logical_lines(octets.decode("latin-1")):
        if reading.is_over:
            raise MalformedError(f"line {number}: something follows the line with the dot")
        try:
            reading.take(line)
        except MalformedError as error:
            raise MalformedError(f"line {number}: {error}") from error
    return reading.finish()


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield each line with its continuation lines, and its number."""
    if text and not text.endswith("\n"):
        raise MalformedError("the last line has no end")
    started, parts = 0, list[str]()
    for number, line in enumerate(text.split("\n")[:-1], start=1):
        if line[:1] in (" ", "\t") and parts:
            parts.append(line)
            continue
        if parts:
            yield started, "\n".join(parts)
        started, parts = number, [line]
    if parts:
        yield started, "\n".join(parts)


class _Reading:
    """One control file, while its lines come."""

    def __init__(self) -> None:
        self.is_over = False
        self._version = 0
        self._texts: dict[str, str] = {}
        self._macros: list[tuple[str, str]] = []
        self._errors: list[str] = []
        self._fields: list[ControlField] = []
        self._recipients: list[ControlRecipient] = []
        self._next = ControlRecipient("")
        self._holds_next = False

    def take(self, line: str) -> None:
        """Take one line."""
        letter, text = line[:1], line[1:]
        if not self._version and letter != "V":
            raise MalformedError("a control file begins with its version, V8")
        if letter and letter in _ONCE:
            self._texts[letter] = text
        else:
            self._takers.get(letter, self._refuse)(text)

    @property
    def _takers(self) -> dict[str, Callable[[str], None]]:
        return {
            "V": self._take_version,
            "$": self._take_macro,
            "E": self._errors.append,
            "H": self._take_field,
            "M": self._take_message,
            "C": self._take_controller,
            "Q": self._take_original,
            "r": self._take_final,
            "R": self._take_recipient,
            ".": self._take_end,
        }

    def _refuse(self, text: str) -> None:
        raise MalformedError(f"a line of no known kind, with {text[:40]!r}")

    def _take_end(self, _: str) -> None:
        self.is_over = True

    def _take_macro(self, text: str) -> None:
        found = _MACRO.fullmatch(text)
        if found is None:
            raise MalformedError("a macro without a name")
        self._macros.append((found[1], found[2]))

    def _take_version(self, text: str) -> None:
        if not text.isascii() or not text.isdigit() or not 0 < int(text[:4]) <= VERSION:
            raise MalformedError(f"version {text[:20]!r}; known are those up to {VERSION}")
        self._version = int(text)

    def _take_field(self, text: str) -> None:
        found = _FIELD.fullmatch(text)
        if found is None:
            raise MalformedError(f"no header field: {text[:40]!r}")
        self._fields.append(ControlField(found[2], found[3], found[1] or ""))

    def _take_message(self, text: str) -> None:
        """A message before the sender is the envelope's, one behind it that of the next recipient."""
        if "S" in self._texts:
            self._next = replace(self._next, message=text)
            self._holds_next = True
        else:
            self._texts["M"] = text

    def _take_controller(self, text: str) -> None:
        self._next = replace(self._next, controller="" if text == ":" else text)

    def _take_original(self, text: str) -> None:
        self._next = replace(self._next, original=text)
        self._holds_next = True

    def _take_final(self, text: str) -> None:
        self._next = replace(self._next, final=text)
        self._holds_next = True

    def _take_recipient(self, text: str) -> None:
        flags, colon, address = text.partition(":")
        if not colon or (flags and not flags.isalpha()):
            flags, address = "", text
        if not address:
            raise MalformedError("a recipient without an address")
        self._recipients.append(replace(self._next, address=address, flags=flags))
        self._next = ControlRecipient("", controller=self._next.controller)
        self._holds_next = False

    def finish(self) -> ControlFile:
        """Return what was read."""
        if not self.is_over:
            raise MalformedError("the line with the dot is missing: the file was not written to its end")
        if "S" not in self._texts:
            raise MalformedError("there is no sender")
        if self._holds_next:
            raise MalformedError("what stands last belongs to a recipient that is not there")
        texts = self._texts
        return ControlFile(
            created=self._number("T"),
            sender=texts["S"],
            recipients=tuple(self._recipients),
            fields=tuple(self._fields),
            last_attempt=self._number("K"),
            attempts=self._number("N"),
            priority=self._number("P"),
            data_directory=texts.get("d", ""),
            inode=texts.get("I", ""),
            body=texts.get("B", ""),
            quarantine=texts.get("q", ""),
            message=texts.get("M", ""),
            flags=texts.get("F", ""),
            macros=tuple(self._macros),
            envelope_id=texts.get("Z", ""),
            authenticated=texts.get("A", ""),
            error_addresses=tuple(self._errors),
            deliver_by=texts.get("!", ""),
        )

    def _number(self, letter: str) -> int:
        text = self._texts.get(letter, "0")
        if not _NUMBER.fullmatch(text):
            raise MalformedError(f"{letter} must be a number, not {text[:20]!r}")
        return int(text)


def field_lines(control: ControlFile) -> list[str]:
    """Return the header of the message as it can be sent: what only a mailer's flags bring in is left out.

    Macros that were kept for later are replaced by the values that the file gives, or by nothing.
    """
    macros = dict(control.macros)
    macros["g"] = macros["f"] = control.sender.removeprefix("<").removesuffix(">")
    lines: list[str] = []
    for field in control.fields:
        if not (field.condition and field.name.lower() in _OF_MAILERS):
            lines += f"{field.name}:{_expanded(field.value, macros)}".split("\n")
    return lines


def _expanded(text: str, macros: dict[str, str]) -> str:
    return _KEPT_MACRO.sub(lambda found: macros.get(found[1], ""), text)
