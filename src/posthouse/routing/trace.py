"""A trace in the forms that people and programs read: lines, dicts, and one short line for the log.

The rule: every form has every step in its order; only ``as_via`` leaves out what
found nothing, and says where it was cut.
"""

from posthouse.mail.lookup import BUILTIN, Asked, Decision, Origin, Trace

_VALUES_SHOWN = 5
_VIA_MAXIMUM = 400


def as_lines(trace: Trace) -> list[str]:
    """Return one line per step, each with the file and line that decided."""
    return [_line(step) for step in trace]


def as_dicts(trace: Trace) -> list[dict[str, object]]:
    """Return the steps as values that JSON can write."""
    return [_as_dict(step) for step in trace]


def as_via(trace: Trace) -> str:
    """Return the steps that decided on one line: ``aliases[joe] (aliases:3) > route * sends ... (site.toml:9)``."""
    decided = [_short(step) for step in trace if _decides(step)]
    via = " > ".join(decided)
    return via if len(via) <= _VIA_MAXIMUM else f"{via[:_VIA_MAXIMUM]}..."


def _decides(step: Decision | Asked) -> bool:
    return step.answer.found if isinstance(step, Asked) else step.origin != BUILTIN


def _short(step: Decision | Asked) -> str:
    if isinstance(step, Asked):
        return f"{step.lookup.table}[{step.lookup.key}]{_at(step.answer.origin)}"
    return f"{step.text}{_at(step.origin)}"


def _line(step: Decision | Asked) -> str:
    if isinstance(step, Decision):
        return f"{step.text}{_at(step.origin)}"
    return f"{step.lookup.table}[{step.lookup.key}]: {_answer(step)}"


def _answer(step: Asked) -> str:
    answer = step.answer
    if answer.unavailable:
        return f"unavailable: {answer.unavailable}"
    if not answer.found:
        return "not found"
    shown = ", ".join(answer.values[:_VALUES_SHOWN])
    more = len(answer.values) - _VALUES_SHOWN
    return f"{shown}{f' and {more} more' if more > 0 else ''}{_at(answer.origin)}"


def _as_dict(step: Decision | Asked) -> dict[str, object]:
    if isinstance(step, Decision):
        return {"step": "decision", "text": step.text, **_place(step.origin)}
    entry: dict[str, object] = {"step": "lookup", "table": step.lookup.table, "key": step.lookup.key}
    if step.answer.unavailable:
        return entry | {"unavailable": step.answer.unavailable}
    return entry | {"found": step.answer.found, "values": list(step.answer.values), **_place(step.answer.origin)}


def _place(origin: Origin) -> dict[str, object]:
    return {} if origin == BUILTIN else {"file": origin.file, "line": origin.line}


def _at(origin: Origin) -> str:
    return "" if origin == BUILTIN else f" ({origin})"
