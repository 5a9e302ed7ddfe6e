"""The part of a report that people read.

Plain English, says for each recipient what happened and what will happen next;
the numbers stand in the part for programs.  Text from outside is made one
line before it comes here, and stands indented, so that it can't pass for ours.
"""

import textwrap
from collections.abc import Iterator

from posthouse.dsn.fields import one_line
from posthouse.dsn.report import Action, RecipientReport, Report
from posthouse.mail.dates import format_date

_WIDTH = 72
_MOST_SHOWN = 100  # recipients told in words; the rest stand in the second part

SUBJECTS = {
    Action.FAILED: "Undelivered mail returned to sender",
    Action.DELAYED: "Delayed mail (still being retried)",
    Action.DELIVERED: "Successful mail delivery report",
    Action.RELAYED: "Successful mail delivery report",
    Action.EXPANDED: "Successful mail delivery report",
}

# "{The}" is "Your", but where somebody else than the sender reads it.
_OPENINGS = {
    Action.FAILED: "{The} message could not be delivered to the recipients below, and will not be tried again.",
    Action.DELAYED: (
        "{The} message has not been delivered to the recipients below yet. "
        "This is only a warning: you need not send it again."
    ),
    Action.DELIVERED: "You asked to be told: your message has arrived.",
    Action.RELAYED: "You asked to be told: your message has been passed on.",
    Action.EXPANDED: "You asked to be told: your message has been passed on.",
}

_SENTENCES = {
    Action.FAILED: "was not delivered",
    Action.DELAYED: "has not been delivered so far",
    Action.DELIVERED: "was delivered",
    Action.RELAYED: "was passed on to a system that does not report deliveries, so this is the last report",
    Action.EXPANDED: "was passed on to several addresses",
}


def leading_action(report: Report) -> Action:
    """Return the action that names the report: the gravest one in it."""
    actions = {recipient.action for recipient in report.recipients}
    return next(action for action in Action if action in actions)


def human_text(report: Report) -> str:
    """Return the text, lines ending in CRLF."""
    lines = [f"This is the mail system at {one_line(report.reporting_mta)}.", ""]
    if report.note:
        lines += [*_wrapped(report.note), ""]
    opening = _OPENINGS[leading_action(report)].format(The="The" if report.note else "Your")
    lines += [*_wrapped(opening), ""]
    for recipient in report.recipients[:_MOST_SHOWN]:
        lines += [*_about(recipient), ""]
    if (more := len(report.recipients) - _MOST_SHOWN) > 0:
        lines += [f"... and {more} more, listed in the second part of this message.", ""]
    lines += _wrapped(f"If you ask your postmaster for help, please enclose this report (queue id {report.queue_id}).")
    return "\r\n".join(lines) + "\r\n"


def _about(recipient: RecipientReport) -> Iterator[str]:
    final, given = one_line(str(recipient.final)), one_line(str(recipient.given))
    # The sender knows the address that he wrote, not what an alias made of it.
    alias = f" (sent on to <{final}>)" if final.lower() != given.lower() else ""
    yield from _wrapped(f"<{given}>{alias} {_SENTENCES[recipient.action]}.")
    yield from _indented(_whose_words(recipient))
    yield from _indented(f"  {_reply(recipient)}")
    if recipient.action is Action.DELAYED and recipient.retry_until is not None:
        yield from _indented(f"It will be tried again until {format_date(recipient.retry_until)}.")


def _whose_words(recipient: RecipientReport) -> str:
    """Introduce the diagnostic.  Without a reply the words are ours, even when they are about a host."""
    host = one_line(recipient.remote)
    if host:
        return f"The host {host} said:" if recipient.code else f"Trying the host {host}:"
    return "The reason:" if recipient.action in {Action.FAILED, Action.DELAYED} else "In detail:"


def _reply(recipient: RecipientReport) -> str:
    code = f"{recipient.code} " if recipient.code else ""
    diagnostic = one_line(recipient.diagnostic)
    return diagnostic if code and diagnostic.startswith(code) else f"{code}{diagnostic}"


def _wrapped(text: str) -> list[str]:
    # Addresses and host names stay whole however long they are, up to what a line may hold.
    return [
        piece
        for line in textwrap.wrap(text, _WIDTH, break_long_words=False, break_on_hyphens=False)
        for piece in textwrap.wrap(line, 200, break_on_hyphens=False)
    ]


def _indented(text: str) -> list[str]:
    indent = 4 + len(text) - len(text.lstrip())
    return [" " * indent + line for line in _wrapped(text.strip())]
