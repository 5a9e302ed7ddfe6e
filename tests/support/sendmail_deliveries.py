"""Messages that a real sendmail was given, what it did with them, and what our ``sendmail`` does.

The cases are in tests/data/sendmail/mail.jsonl; each runs in a folder of its own, by the real command, as root: the
.forward files belong to their users.  What differs from run to run is replaced by the placeholders of the recording.
"""

import io
import json
import os
import re
import shutil
import subprocess
import sys
from contextlib import redirect_stdout
from itertools import zip_longest
from pathlib import Path
from typing import Any

from posthouse.cli.queue.export_sendmail import export_queue
from posthouse.mail.queued import QueueFilter

DATA = Path(__file__).parent.parent / "data" / "sendmail"
PLACE = "@CORPUS@"
Case = dict[str, Any]

_DAY = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_ZONE = r"(?:GMT|[+-]\d{4}(?: \(\w+\))?)"
_DATE = rf"{_DAY}, \d{{1,2}} (?!Jan 2023)[A-Z][a-z]{{2}} \d{{4}} \d\d:\d\d:\d\d {_ZONE}"
_REPLACED = (
    (re.compile(rf"\b{_DATE}"), "<DATE>"),
    (re.compile(rf"{_DAY} [A-Z][a-z]{{2}} [ \d]\d \d\d:\d\d:\d\d \d{{4}}"), "<CTIME>"),
    (re.compile(r"\b\d{12}\.(?=[0-9A-Za-x]{8}\d{6}@)"), "<STAMP>."),
    (re.compile(r"\b[0-9A-Za-x]{8}\d{6}\.\d{9,10}/"), "<QID>.<N>/"),
    (re.compile(r"\b[0-9A-Za-x]{8}\d{6}\b"), "<QID>"),
    (re.compile(rf"{_DAY} [A-Z][a-z]{{2}} [ \d]\d \d\d:\d\d(?= )"), "<QTIME>"),
)
_QUEUE_TIME = re.compile(r"^([TK])[0-9]+$")
_LISTED = re.compile(r"(?<=\d )[A-Z][a-z]{2} [ \d]\d \d\d:\d\d(?= )")


def delivery_cases() -> list[Case]:
    """Return the recorded cases of deliveries."""
    cases = [json.loads(line) for line in (DATA / "mail.jsonl").read_text("utf-8").splitlines()]
    return [case for case in cases if case["op"] == "deliver"]


def further_cases() -> list[Case]:
    """Return the recorded cases with configurations of their own."""
    return [json.loads(line) for line in (DATA / "more-mail.jsonl").read_text("utf-8").splitlines()]


def arrange(case: Case, corpus: Path) -> None:
    """Give a corpus what a case has of its own: files (``with``), and of deliver.cf ``changes``, ``lines``, ``more``.

    ``lines`` (mailers) go before the rules, ``more`` behind them.
    """
    cf = corpus / "deliver.cf"
    text = cf.read_text("iso8859-1").replace(str(corpus), PLACE)
    for pattern, replacement in case.get("changes", ()):
        text = re.sub(pattern, replacement.replace("\\", "\\\\"), text, flags=re.MULTILINE)
    text = text.replace("\nScanonify", f"\n{case.get('lines', '')}\nScanonify", 1)
    text += case.get("more", "")
    cf.write_text(text.replace(PLACE, str(corpus)), "iso8859-1")
    for name, content in case.get("with", {}).items():
        words, mode = content if isinstance(content, list) else (content, "755" if name.startswith("bin/") else "644")
        path = corpus / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(words.replace(PLACE, str(corpus)), "utf-8")
        path.chmod(int(mode, 8))
        if name.startswith("home/"):
            uid = _uid_of(corpus, path.parent.name)
            os.chown(path.parent, uid, uid)
            os.chown(path, uid, uid)
    if "aliases" in case:
        (corpus / "maps/deliver/aliases").write_text(case["aliases"].replace(PLACE, str(corpus)), "utf-8")


def _uid_of(corpus: Path, login: str) -> int:
    lines = (line.split(":") for line in (corpus / "maps/passwd").read_text().splitlines())
    return next(int(words[2]) for words in lines if words[0] == login)


def make_place(folder: Path) -> Path:
    """Copy the corpus, its placeholder filled in; return it.  Users own their homes."""
    corpus = folder / "corpus"
    shutil.copytree(DATA, corpus)
    for path in corpus.rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes().replace(PLACE.encode(), str(corpus).encode()))
    for line in (corpus / "maps/passwd").read_text().splitlines():
        _, _, uid, gid, _, home, _ = line.split(":")
        if home.startswith(str(corpus)) and Path(home).is_dir():
            for path in (Path(home), *Path(home).iterdir()):
                os.chown(path, int(uid), int(gid))
                path.chmod(0o755 if path.is_dir() else 0o644)
    for script in (corpus / "bin").iterdir():
        script.chmod(0o755)
    for made in ("out", "mqueue", "files"):
        (corpus / "spool" / made).mkdir(parents=True)
    (corpus / "spool/files").chmod(0o777)
    (corpus / "spool/out").chmod(0o777)
    corpus.chmod(0o755)
    return corpus


def empty_place(corpus: Path) -> None:
    """Take away what a case has left."""
    for made in ("out", "mqueue", "files"):
        for path in (corpus / "spool" / made).iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def run_case(case: Case, corpus: Path) -> Case:
    """Run one case and its later steps; return what was seen, in the form of the recorded ones."""
    empty_place(corpus)
    mode = ["-bv"] if case["op"] == "verify" else []
    seen = _run([*case["opts"], *mode, *case["args"]], case.get("message", ""), corpus)
    steps = [{"args": args, **_run(args, "", corpus)} for args in case.get("then", ())]
    return {**seen, **({"steps": steps} if steps else {})}


def _run(arguments: list[str], message: str, corpus: Path) -> Case:
    start = {path.name for path in (corpus / "spool/out").iterdir()}
    files = _files(corpus)
    done = subprocess.run(
        [
            Path(sys.prefix) / "bin/sendmail",
            "-C",
            corpus / "deliver.cf",
            "--users",
            corpus / "maps/passwd",
            *(argument.encode("utf-8", "surrogateescape") for argument in arguments),
        ],
        input=message.encode("utf-8", "surrogateescape"),
        capture_output=True,
        check=False,
        timeout=300,
        env={**os.environ, "TZ": "UTC", "LOGNAME": "root", "USER": "root"},
    )
    seen: Case = {"rc": done.returncode}
    for name in ("stdout", "stderr"):
        lines = [_plain(line, corpus) for line in getattr(done, name).decode("utf-8", "surrogateescape").splitlines()]
        if any(lines):
            seen[name] = [line for line in lines if line]
    new = sorted(path for path in (corpus / "spool/out").iterdir() if path.name not in start)
    if new:
        seen["deliveries"] = [_delivery(path, corpus) for path in new]
    queue = _queue(corpus)
    if queue:
        seen["queue"] = queue
    written = {name: text for name, text in _files(corpus).items() if files.get(name) != text}
    if written:
        seen["files"] = {name: _plain(text, corpus) for name, text in written.items()}
    return seen


def _queue(corpus: Path) -> list[Case]:
    """Return what is left in the queue, as the files of a queue directory of sendmail's."""
    if not (corpus / "spool/mqueue/posthouse").exists():
        return []
    folder = corpus / "exported"
    try:
        with redirect_stdout(io.StringIO()):
            status = export_queue(corpus / "deliver.cf", folder, QueueFilter(), as_json=False)
        assert status == 0, "something of the queue could not be written"
        return [_queue_file(path, corpus) for path in sorted(folder.iterdir()) if path.name[:2] in ("qf", "Qf", "hf")]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _queue_file(path: Path, corpus: Path) -> Case:
    control = _plain(path.read_bytes().decode("utf-8", "surrogateescape").replace("\udc81", "$"), corpus)
    body = path.with_name(f"df{path.name[2:]}").read_bytes().decode("utf-8", "surrogateescape")
    lines = [_QUEUE_TIME.sub(r"\1<TIME>", line) for line in control.split("\n")[:-1]]
    return {"name": path.name[:2], "control": lines, "body": _plain(body, corpus)}


def _files(corpus: Path) -> dict[str, str]:
    found = [*(corpus / "spool/files").rglob("*"), *(corpus / "home").rglob("*")]
    return {
        str(path.relative_to(corpus)): path.read_bytes().decode("utf-8", "surrogateescape")
        for path in found
        if path.is_file() and not path.name.startswith(".forward")
    }


def _delivery(path: Path, corpus: Path) -> Case:
    text = _plain(path.read_bytes().decode("utf-8", "surrogateescape"), corpus)
    if not text.startswith("argv:"):
        return {"dialogue": text.split("\n")[:-1]}
    head, _, rest = text.partition("----\n")
    return {"argv": [line.removeprefix("argv: ") for line in head.split("\n")[:-1]], "data": rest}


def _plain(text: str, corpus: Path) -> str:
    text = text.replace(str(corpus), PLACE)
    for pattern, placeholder in _REPLACED:
        text = pattern.sub(placeholder, text)
    return text


def difference(wanted: Case, seen: Case, where: str = "") -> str:
    """Return the first difference in words; "" when there is none."""
    for field in ("rc", "stdout", "stderr", "replies", "deliveries", "files"):
        one, other = (_without_times(case.get(field)) for case in (wanted, seen))
        if one == other:
            continue
        if field == "deliveries" and one and other:
            return f"{where}deliveries: {_first(one, other)}"
        return f"{where}{field}: recorded {one!r}\n{' ' * len(field)}  ours     {other!r}"
    found = _queue_difference(wanted, seen)
    if found:
        return f"{where}queue: {found}"
    for number, (one, other) in enumerate(zip(wanted.get("steps", ()), seen.get("steps", ()), strict=True)):
        found = difference(one, other, f"step {number} {one['args']}: ")
        if found:
            return found
    return ""


def _queue_difference(wanted: Case, seen: Case) -> str:
    """Compare what is left in the queue.

    Two things of the recording are not asked for: the control file that the real program leaves, until its next queue
    run takes it away, of a message that it has refused, without a recipient; and the inode of a body.
    """
    left = [one for one in wanted.get("queue", ()) if any(line.startswith("R") for line in one["control"])]
    ours = seen.get("queue", [])
    if len(left) != len(ours):
        return f"{len(left)} recorded, {len(ours)} ours: {ours}"
    for one, other in zip(left, ours, strict=True):
        lines = [line for line in one["control"] if line != "I<INODE>"]
        for line, our_line in zip_longest(lines, other["control"]):
            if line != our_line:
                return f"\n recorded {line!r}\n ours     {our_line!r}\n in {other['control']}"
        for field in ("name", "body"):
            if one[field] != other[field]:
                return f"{field}: recorded {one[field]!r}\n ours     {other[field]!r}"
    return ""


def _without_times(value: Any) -> Any:
    """Take out the times that mailq -v prints, which the recording has kept."""
    return [_LISTED.sub("<QTIME>", one) for one in value] if _is_lines(value) else value


def _is_lines(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _first(wanted: list[Case], seen: list[Case]) -> str:
    if len(wanted) != len(seen):
        return f"{len(wanted)} recorded, {len(seen)} ours: {[one.get('argv') for one in seen]}"
    for one, other in zip(wanted, seen, strict=True):
        for field in ("argv", "dialogue"):
            if one.get(field) != other.get(field):
                return f"{field}\n recorded {one.get(field)}\n ours     {other.get(field)}"
        for line, ours in zip(one.get("data", "").split("\n"), other.get("data", "").split("\n"), strict=False):
            if line != ours:
                return f"data of {one['argv'][0]}\n recorded {line!r}\n ours     {ours!r}"
        if one != other:
            return (
                f"data: {len(one['data'])} characters recorded, {len(other['data'])} ours: ends {other['data'][-80:]!r}"
            )
    return "?"
