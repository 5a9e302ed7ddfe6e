"""Recorded messages of the real MMDF II, through a living site: in by SMTP, out to another MTA's sink."""

import re
import shutil

import pytest

from support.daemon import Daemon
from support.mmdf import DATA, recorded
from support.mmdf_headers import queued_line, recorded_sending
from support.sinks import running_sink

CHANNELS = ("smtp", "badhosts")
# What each of the two adds by itself, and what was replaced in the recording.
OWN_FIELDS = ("received", "message-id", "date", "x-authentication-warning")
CASES = [
    case
    for case in recorded("headers")
    if "config" not in case and "@" in case["input"]["recipient"] and queued_line(case)[0] in CHANNELS
]


@pytest.fixture(scope="module")
def sink(tmp_path_factory):
    with running_sink(tmp_path_factory.mktemp("sink")) as running:
        yield running


@pytest.fixture(scope="module")
def daemon(tmp_path_factory, sink):
    home = tmp_path_factory.mktemp("delta")
    shutil.copytree(DATA / "sites" / "delta" / "tables", home / "mmdf" / "table")
    tailor = (DATA / "sites" / "delta" / "mmdftailor").read_text().replace("@ROOT@", str(home))
    lines = [line for line in tailor.split("\n") if not line.startswith(("MMSGLOG", "MLOGDIR"))]
    relay = f'host="[127.0.0.1]:{sink.port}"'
    tailor = "\n".join(lines).replace("ap=822, ap=try", f"ap=822, ap=try, {relay}")
    tailor = tailor.replace('host="ocean.example"', relay)
    (home / "mmdf" / "lock" / "home").mkdir(parents=True)
    site = home / "mmdftailor"
    site.write_text(f'COMPAT "2.44"\n{tailor}\nMLOGDIR "{home}"\nMMSGLOG "log"\nLISTEN "127.0.0.1:0"\n')
    running = Daemon(home, site).start()
    try:
        yield running
    finally:
        running.stop()


def fields(text):
    """The fields that both must have alike, in their order, folded as they are."""
    header = text.partition("\n\n")[0]
    found = re.findall(r"^[^ \t\n][^\n]*(?:\n[ \t][^\n]*)*", header, re.MULTILINE)
    return [field for field in found if field.partition(":")[0].lower() not in OWN_FIELDS]


def test_what_leaves_is_what_left_the_real_program(daemon, sink):
    assert len(CASES) > 20
    expected = {}
    for number, case in enumerate(CASES):
        given = case["input"]
        path = re.fullmatch(r"(?:(@.*):)?(.*)", given["return_line"])
        mark = f"X-Case: {number}\n"
        text = (mark + given["message"]).replace("\n", "\r\n")
        daemon.send(f"{path[1]}:{path[2]}" if path[1] else path[2], given["recipient"], text)
        expected[f"X-Case: {number}"] = (case["id"], recorded_sending(case))

    seen = {}
    for message in sink.wait_messages(len(CASES)):
        lines = message.decode("latin-1").replace("\r\n", "\n")
        envelope, _, text = lines.partition("\nReceived: ")
        sender, recipient = re.search(r"X-Mail-Args: <(.*?)>", envelope), re.search(r"X-Rcpt-Args: <(.*?)>", envelope)
        mark, *rest = fields(f"Received: {text}")
        seen[mark] = (sender[1], recipient[1], rest)

    assert sorted(seen) == sorted(expected)
    for mark, (name, sent) in expected.items():
        assert (name, *seen[mark]) == (name, sent.sender, sent.recipient, fields(sent.text))
