"""Dialogues that a real ``sendmail -bs`` was recorded in, with what it delivered, and our command in the same ones."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from support.sendmail_deliveries import _delivery as delivery_seen
from support.sendmail_deliveries import _plain as plain
from support.sendmail_deliveries import empty_place

SLOW = 300.0  # seconds
Case = dict[str, Any]


class StandardInput:
    """One run of ``sendmail -bs``, spoken to in lock step."""

    def __init__(self, corpus: Path, options: list[str]) -> None:
        self._corpus = corpus
        command = [Path(sys.prefix) / "bin/sendmail", "-C", corpus / "deliver.cf", "--users", corpus / "maps/passwd"]
        self._process = subprocess.Popen(
            [*command, *options, "-bs"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "TZ": "UTC", "LOGNAME": "root", "USER": "root"},
        )

    def reply(self) -> list[str]:
        """Wait for one reply; its lines."""
        assert self._process.stdout is not None
        lines: list[str] = []
        while not lines or lines[-1][3:4] == "-":
            line = self._process.stdout.readline()
            assert line, f"it has ended: {self._process.communicate()[1].decode()}"
            lines.append(plain(line.decode().rstrip("\r\n"), self._corpus))
        return lines

    def say(self, lines: str | list[str]) -> list[str]:
        """Say a line, or a whole text, and wait for the reply."""
        assert self._process.stdin is not None
        said = [lines] if isinstance(lines, str) else lines
        self._process.stdin.write("".join(f"{line}\r\n" for line in said).encode())
        self._process.stdin.flush()
        return self.reply()

    def end(self) -> int:
        """Close its input and return its exit status."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        status = self._process.wait(SLOW)
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        assert self._process.stderr.read() == b""
        self._process.stdout.close()
        self._process.stderr.close()
        return status


def run_dialogue(case: Case, corpus: Path) -> Case:
    """Have one dialogue; return what was seen, in the form of the recorded ones."""
    empty_place(corpus)
    session = StandardInput(corpus, case.get("opts", []))
    replies = [session.reply(), *(session.say(lines) for lines in case.get("says") or case["lines"])]
    seen: Case = {"rc": session.end(), "replies": replies}
    deliveries = [delivery_seen(path, corpus) for path in sorted((corpus / "spool/out").iterdir())]
    return {**seen, **({"deliveries": deliveries} if deliveries else {})}
