"""A trace in the forms that people and programs read: lines, dicts, and one short line for the log."""

from posthouse.mail.lookup import Trace


def as_lines(trace: Trace) -> list[str]:
    """Return one line per step, each with the file and line that decided."""
    raise NotImplementedError


def as_dicts(trace: Trace) -> list[dict[str, object]]:
    """Return the steps as values that JSON can write."""
    raise NotImplementedError


def as_via(trace: Trace) -> str:
    """Return the steps that found something on one line, for the log's ``via``."""
    raise NotImplementedError
