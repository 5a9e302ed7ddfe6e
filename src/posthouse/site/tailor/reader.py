"""Reads a tailor file: octets to records, records to a TailorConfiguration.

Nothing in a tailor file stops the reading; what MMDF would warn of or swallow becomes a
complaint.  Only a file that can't be read at all raises SiteError.
"""

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final, cast

from posthouse.mail.lookup import Origin
from posthouse.mail.mmdf_fields import DOCUMENTS, SNAPSHOT, Fields, split_fields
from posthouse.site.problems import Problem, SiteError
from posthouse.site.tailor import kinds, model
from posthouse.site.tailor.channel import read_channel
from posthouse.site.tailor.complaints import Complaints, Entry, shown
from posthouse.site.tailor.entries import LogSpec, ProgramSpec, TailorAlias, TailorChannel, TailorDomain
from posthouse.site.tailor.keywords import KEYWORDS, Keyword
from posthouse.site.tailor.lists import Tables, read_alias, read_domain, read_table
from posthouse.site.tailor.model import Compatibility, TailorConfiguration
from posthouse.site.tailor.records import Record, read_records
from posthouse.site.tailor.specs import read_log, read_program, read_value

MAX_OCTETS: Final = 10 * 1024 * 1024
MMDF_FIELDS: Final = 100  # more in a record are a fatal error to MMDF

_GROUPS: Final[dict[str, Callable[..., object]]] = {
    "names": model.TailorNames,
    "folders": model.TailorFolders,
    "people": model.TailorPeople,
    "mailboxes": model.TailorMailboxes,
    "limits": model.TailorLimits,
    "switches": model.TailorSwitches,
    "programs": model.TailorPrograms,
    "logs": model.TailorLogs,
}


def read_tailor_file(path: Path, compatibility: Compatibility = Compatibility.DOCUMENTS) -> TailorConfiguration:
    """Read a tailor file.  Raises SiteError when it can't be read or is larger than MAX_OCTETS."""
    return parse_tailor(_octets(path).decode("latin-1"), path, compatibility)


def parse_tailor(text: str, path: Path, compatibility: Compatibility = Compatibility.DOCUMENTS) -> TailorConfiguration:
    """Read the octet text of a tailor file; ``path`` is where it stands.  COMPAT in it overrides ``compatibility``."""
    reading = _Reading(path, compatibility)
    for record in read_records(text):
        reading.take(record)
    return reading.finish()


def _octets(path: Path) -> bytes:
    try:
        with open(path, "rb", opener=_open_without_waiting) as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                raise _unusable(path, "this is no plain file", "name the tailor file itself")
            octets = stream.read(MAX_OCTETS + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise _unusable(path, f"the file can't be read: {reason}", "name a tailor file that can be read") from error
    if len(octets) > MAX_OCTETS:
        raise _unusable(path, f"the file is larger than {MAX_OCTETS} octets", "keep entries in tables of their own")
    return octets


def _open_without_waiting(path: str, flags: int) -> int:
    # A pipe to which nobody writes must not hold up a start or a reload for ever.
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)


def _unusable(path: Path, wrong: str, right: str) -> SiteError:
    return SiteError([Problem(Origin(str(path)), wrong, right)])


class _Reading:
    """A tailor file as far as it has been read."""

    def __init__(self, path: Path, compatibility: Compatibility) -> None:
        self._path = path
        self._complaints = Complaints(str(path))
        self._compatibility = compatibility
        self._values: dict[str, object] = {}  # by group.field
        self._origins: dict[str, Origin] = {}
        self._tables = Tables()
        self._domains: list[TailorDomain] = []
        self._channels: dict[str, TailorChannel] = {}  # a second one takes the place of the first
        self._aliases: list[TailorAlias] = []

    def take(self, record: Record) -> None:
        """Read one record."""
        lexing = SNAPSHOT if self._compatibility is Compatibility.SNAPSHOT else DOCUMENTS
        fields = split_fields(record.text, lexing)
        if fields.comment >= 0:
            self._swallowed(record, fields)
        if not fields.fields:
            return
        first = fields.fields[0]
        origin = record.place(first.offset, self._complaints.file)
        name = first.text.upper() if first.key is None else (first.key + "=").upper()
        entry = Entry(name, record, fields.fields[1:], self._complaints, origin)
        keyword = KEYWORDS.get(name)
        if keyword is None:
            wrong = f"{shown(first.text if first.key is None else first.key + '=')} is no keyword; it is left out"
            entry.complain(None, wrong, "a line that goes on with the one before begins with a blank")
            return
        self._check(entry, fields)
        if entry.fields:
            self._origins[name] = origin
            self._read(entry, keyword)
        else:
            entry.complain(None, f"{name} without a value", f"write {name} {keyword.parameters}")

    def _check(self, entry: Entry, fields: Fields) -> None:
        """Complain about what MMDF would read otherwise."""
        if len(fields.fields) > MMDF_FIELDS:
            entry.complain(None, f"{len(fields.fields)} fields", f"MMDF stops at more than {MMDF_FIELDS} in a record")
        for field in entry.fields:
            if field.is_odd:
                wrong = f"{shown(field.key or '')} and its value do not touch the =, or the value has one of its own"
                entry.complain(field, wrong, "write key=value, with the value in quotes")

    def _swallowed(self, record: Record, fields: Fields) -> None:
        """Complain about lines that look like more than a comment but belong to one."""
        for start, line in record.lines_after(fields.comment):
            word = line.strip(" \t").partition(" ")[0].partition("\t")[0].upper()
            if (fields.fields and word and word[0] not in ";#") or word in KEYWORDS:
                origin = record.place(start, self._complaints.file)
                wrong = "this line belongs to the comment above it, and is left out"
                self._complaints.note(Problem(origin, wrong, "begin a record at the first column"))

    def _read(self, entry: Entry, keyword: Keyword) -> None:
        if keyword.idle:
            self._complaints.note_idle(entry.origin, keyword.name, keyword.idle)
        match keyword.name:
            case "MTBL":
                self._table(entry)
            case "MDMN":
                domain = read_domain(entry, self._tables)
                self._domains += [domain] if domain else []
            case "MCHN":
                self._channel(entry)
            case "ALIAS":
                alias = read_alias(entry, self._tables)
                self._aliases += [alias] if alias else []
            case "MMAXMBSZ":
                self._quota(entry)
            case "COMPAT":
                self._compatibility = read_value(entry, entry.fields[0], kinds.compatibility, self._compatibility)
            case _:
                self._single(entry, keyword)

    def _single(self, entry: Entry, keyword: Keyword) -> None:
        group, _, field = keyword.target.partition(".")
        before = self._values.get(keyword.target, getattr(_GROUPS[group](), field)) if group else None
        if isinstance(before, LogSpec):
            self._values[keyword.target] = read_log(entry, before)
        elif isinstance(before, ProgramSpec):
            self._values[keyword.target] = read_program(entry, before)
        elif keyword.target:
            self._values[keyword.target] = self._value(entry, keyword, before)

    def _value(self, entry: Entry, keyword: Keyword, before: object) -> object:
        values = entry.values()
        if not values:
            entry.complain(None, f"{keyword.name} without a value", f"write {keyword.name} {keyword.parameters}")
            return before
        takes_more = keyword.kind in (kinds.locks, kinds.words)
        first = values[0]
        if takes_more:
            first = type(first)(",".join(value.text for value in values), offset=first.offset)
        for field in entry.fields:
            if field.key is not None or (field is not values[0] and field.text and not takes_more):
                wrong = f"{keyword.name} takes one value; {shown(field.text)} is left out"
                entry.complain(field, wrong, "put a value with separators in it into quotes")
        return read_value(entry, first, keyword.kind, before)

    def _quota(self, entry: Entry) -> None:
        for target, field in zip(("soft_quota", "hard_quota"), entry.values(), strict=False):
            target = f"mailboxes.{target}"  # noqa: PLW2901 - the same thing, spelled whole
            self._values[target] = read_value(entry, field, kinds.size, cast("int", self._values.get(target, -1)))

    def _table(self, entry: Entry) -> None:
        table = read_table(entry)
        first = self._tables.add(table) if table else None
        if table and first:
            wrong = f"the table {shown(table.name)} is defined twice"
            entry.complain(None, wrong, f"the first, in line {first.origin.line}, is the one that is found")

    def _channel(self, entry: Entry) -> None:
        log = cast("LogSpec", self._values.get("logs.channel", LogSpec("chan.log")))
        channel = read_channel(
            entry,
            self._tables,
            lname=str(self._values.get("names.local", "")),
            ldomain=str(self._values.get("names.domain", "")),
            log=log,
        )
        if channel is None:
            return
        first = self._channels.get(channel.name.lower())
        if first is not None:
            wrong = f"the channel {shown(channel.name)} is defined twice"
            entry.complain(None, wrong, f"it takes the place of the one in line {first.origin.line}")
        self._channels[channel.name.lower()] = channel

    def finish(self) -> TailorConfiguration:
        """Put the configuration together."""
        groups = {name: make(**self._of_group(name)) for name, make in _GROUPS.items()}
        return TailorConfiguration(
            self._path.absolute(),
            **groups,  # type: ignore[arg-type]  # _GROUPS names what the fields are
            tables=tuple(self._tables.all),
            domains=tuple(self._domains),
            channels=tuple(self._channels.values()),
            aliases=tuple(self._aliases),
            compatibility=self._compatibility,
            origins=self._origins,
            complaints=tuple(self._complaints.wrong),
            without_effect=tuple(self._complaints.idle),
        )

    def _of_group(self, group: str) -> dict[str, object]:
        prefix = group + "."
        return {key.removeprefix(prefix): value for key, value in self._values.items() if key.startswith(prefix)}
