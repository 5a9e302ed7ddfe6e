"""Recorded messages of the real MMDF II on their way out: what a channel sent, and what ours would send."""

import re
from pathlib import Path

from msgspec import Struct

from posthouse.rewriting.mmdf.address import parse_address
from posthouse.routing.mmdf.headers import HeaderDialect
from posthouse.site.tailor.model import Compatibility
from posthouse.submit.eager import run
from posthouse.submit.mmdf import answer_steps
from support.mmdf import DATA, RecordedSite, recorded_site

_CONFIG = re.compile(r"the (\w+) channel has (.+) in place of (.+)")
_QUEUED = re.compile(r"- m - (\w+)(?:, , | (?:\"[^\"]*\"|\S+) )(?:\"(.*)\"|(.*))")
_MAILBOX = re.compile(r"\x01{4}\nReturn-Path: <(.*)>\n +for <.*>; @DATE@\n([\s\S]*)\x01{4}\n")


class Sent(Struct, frozen=True):
    """What leaves: the reverse-path, the address, the text."""

    sender: str
    recipient: str
    text: str


def site_of(case: dict, root: Path, compatibility: Compatibility) -> RecordedSite:
    """Open the site of a case, with the channel that the case changed."""
    change = _CONFIG.fullmatch(case.get("config") or "")
    if change is None:
        return recorded_site(case["site"], root, compatibility=compatibility)
    tailor = (DATA / "sites" / case["site"] / "mmdftailor").read_text()
    line = next(line for line in tailor.split("\n") if re.match(rf"MCHN\s+{change[1]},", line))
    assert change[3] in line
    table = 'MTBL known-few, file="known.few"'
    records = [table, line.replace(change[3], change[2])]
    return recorded_site(case["site"], root, compatibility=compatibility, records=records)


def queued_line(case: dict) -> tuple[str, str]:
    """Return the channel and the address of the one line that was queued."""
    line = _QUEUED.fullmatch(case["queued"][0]["lines"][0])
    assert line is not None, case["queued"]
    return line[1], line[2] or line[3]


def recorded_sending(case: dict) -> Sent:
    """Return what the session or the mailbox of a case shows: each case sent one message to one address."""
    for session in case["output"].get("smtp", []):
        lines = "\n".join(session["session"])
        sender, recipient = re.search(r"MAIL FROM:<(.*)>", lines), re.search(r"RCPT TO:<(.*)>", lines)
        assert sender is not None
        assert recipient is not None
        return Sent(sender[1], recipient[1], session["data"][0])
    (text,) = case["output"]["mailboxes"].values()
    box = _MAILBOX.fullmatch(text)
    assert box is not None
    return Sent(box[1], queued_line(case)[1], box[2])


def our_sending(case: dict, site: RecordedSite) -> Sent:
    """Return what ours makes of the queued message."""
    name, recipient = queued_line(case)
    channel = site.routing.channel(name)
    assert channel is not None
    queued = case["queued"][0]
    header, blank, body = queued["msg"].partition("\n\n")
    edited, _ = run(answer_steps(HeaderDialect(site.routing, channel).header(f"{header}\n"), site.tables))
    sender = parse_address(queued["sender"])
    steps = HeaderDialect(site.routing, channel).sender(sender.local, sender.domain, sender.route)
    return Sent(run(answer_steps(steps, site.tables))[0], recipient, f"{edited}{blank[1:]}{body}")
