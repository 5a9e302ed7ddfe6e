"""Logs and programs in a tailor file: ``MMSGLOG "msg.log", level=FST`` and ``MSUBMIT name=submit, path=submit``."""

from collections.abc import Callable
from typing import TypeVar, cast

from msgspec.structs import replace

from posthouse.mail.mmdf_fields import Field
from posthouse.site.tailor import kinds
from posthouse.site.tailor.complaints import Entry, one_of, shown
from posthouse.site.tailor.entries import LogSpec, LogStatus, ProgramSpec
from posthouse.site.tailor.kinds import WrongValueError

_LOG_KEYS = ("level", "size", "stat", "hdr", "timer")
_PROGRAM_KEYS = ("name", "path")

_Value = TypeVar("_Value")


def read_value(entry: Entry, field: Field, kind: Callable[[str], _Value], before: _Value) -> _Value:
    """Return the value of a field, or what holds instead, with a complaint."""
    try:
        return kind(field.text)
    except WrongValueError as error:
        entry.complain(field, f"{field.key or entry.keyword}: {error.wrong}", error.right)
        # A kind that names something to use instead names a value of its own type.
        return before if error.instead is None else cast("_Value", error.instead)


def read_log(entry: Entry, log: LogSpec) -> LogSpec:
    """Return a log after one record about it: what the record does not say stays as it was."""
    for number, field in enumerate(entry.fields):
        is_file = field.key is None
        log = _log_file(entry, field, log, is_first=number == 0) if is_file else _log_key(entry, field, log)
    return replace(log, origin=entry.origin)


def _log_file(entry: Entry, field: Field, log: LogSpec, *, is_first: bool) -> LogSpec:
    if is_first and field.text:
        return replace(log, file=field.text)
    if field.text:
        entry.complain(field, f"{shown(field.text)} stands alone", "the file is the first parameter, in quotes")
    return log


def _log_key(entry: Entry, field: Field, log: LogSpec) -> LogSpec:
    def status(text: str) -> LogStatus:
        return kinds.log_status(text, log.status)

    match (field.key or "").lower():
        case "level":
            return replace(log, level=read_value(entry, field, kinds.level, log.level))
        case "size":
            return replace(log, size=read_value(entry, field, kinds.count, log.size))
        case "timer":
            return replace(log, timer=read_value(entry, field, kinds.count, log.timer))
        case "hdr":
            return replace(log, header=field.text)
        case "stat":
            return replace(log, status=read_value(entry, field, status, log.status))
    entry.complain(field, f"a log has no key {shown(field.key or '')}", one_of(_LOG_KEYS))
    return log


def read_program(entry: Entry, program: ProgramSpec) -> ProgramSpec:
    """Return a program after one record about it; a bare word sets both its name and its path."""
    for field in entry.fields:
        match None if field.key is None else field.key.lower():
            case None:
                program = ProgramSpec(field.text, field.text) if field.text else program
            case "name":
                program = replace(program, name=field.text)
            case "path":
                program = replace(program, path=field.text)
            case unknown:
                entry.complain(field, f"a program has no key {shown(unknown)}", one_of(_PROGRAM_KEYS))
    return replace(program, origin=entry.origin)
