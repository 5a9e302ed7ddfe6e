"""SMTP dialogs as files: read, and played against anything that speaks SMTP.

A dialog is a text file, one line per line of the wire:

    # a comment; "# limits: errors=3" sets Limits for this dialog
    C: MAIL FROM:<a@example.org>     sent with CRLF
    R: half a line\\n                 sent raw: \\r \\n \\t \\\\ \\xNN are escapes, nothing is appended
    S: 250 2.1.0 *                   expected; * and ? are wildcards
    S: (closed)                      the connection ends

Sent lines up to the next S: go out together.  The example world of the dialogs: example.net is local with the
users alice, bob and postmaster; nobody else exists there; other domains are not relayed for the client.
"""

import fnmatch
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from posthouse.mail.limits import Limits
from posthouse.mail.reply import Reply, reply
from posthouse.smtp.server import (
    DataAsked,
    ExpandAsked,
    MailGiven,
    RcptGiven,
    ServerEvent,
    ServerSession,
    SessionEnded,
    TextChunk,
    TextEnded,
    VerifyAsked,
)

DIALOGS = Path(__file__).parent.parent / "dialogs"
CLOSED = "(closed)"
USERS = frozenset({"alice", "bob", "postmaster"})

_ESCAPE = re.compile(rb"\\(x[0-9a-fA-F]{2}|[rnt\\])")
_ESCAPES = {b"r": b"\r", b"n": b"\n", b"t": b"\t", b"\\": b"\\"}


class Wire(Protocol):
    """A connection to a server, the greeting not yet read."""

    def send(self, octets: bytes) -> None: ...

    def read_line(self) -> bytes:
        """Return the next line with its CRLF, or b"" when the server has closed."""


@dataclass
class Step:
    """What the client sends, and the lines that the server must then say."""

    sent: bytes = b""
    expected: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Dialog:
    """A dialog file, read."""

    name: str
    steps: tuple[Step, ...]
    limits: Limits


def read_dialog(path: Path) -> Dialog:
    """Read a dialog file."""
    steps = [Step()]
    limits: dict[str, int] = {}
    for line in path.read_bytes().splitlines():
        kind, rest = line[:3], line[3:]
        if line.startswith(b"# limits:"):
            limits = {name: int(value) for name, value in re.findall(r"(\w+)=([0-9]+)", line.decode())}
        elif kind == b"S: ":
            steps[-1].expected.append(rest.decode())
        elif kind in (b"C: ", b"R: ", b"C:"):
            if steps[-1].expected:
                steps.append(Step())
            steps[-1].sent += rest + b"\r\n" if kind != b"R: " else _ESCAPE.sub(_unescape, rest)
        elif line and not line.startswith(b"#"):
            raise ValueError(f"{path.name}: cannot read {line!r}")
    return Dialog(path.stem, tuple(steps), Limits(**limits))


def _unescape(match: re.Match[bytes]) -> bytes:
    return bytes.fromhex(match[1][1:].decode()) if match[1][:1] == b"x" else _ESCAPES[match[1]]


def whole(octets: bytes) -> Iterable[bytes]:
    """Cut nothing."""
    return (octets,) if octets else ()


def byte_by_byte(octets: bytes) -> Iterable[bytes]:
    """Cut between any two octets."""
    return (octets[at : at + 1] for at in range(len(octets)))


def play(dialog: Dialog, wire: Wire, cut: Callable[[bytes], Iterable[bytes]] = whole) -> None:
    """Play the dialog; AssertionError where the server says something else."""
    for step in dialog.steps:
        for piece in cut(step.sent):
            wire.send(piece)
        _expect(dialog, step.expected, wire)


def play_at_once(dialog: Dialog, wire: Wire, trailing: bytes = b"") -> None:
    """Send everything in one piece, and something after it; the replies must be the same, in the same order."""
    wire.send(b"".join(step.sent for step in dialog.steps) + trailing)
    for step in dialog.steps:
        _expect(dialog, step.expected, wire)


def _expect(dialog: Dialog, expected: list[str], wire: Wire) -> None:
    for pattern in expected:
        line = wire.read_line()
        if pattern == CLOSED:
            assert line == b"", f"{dialog.name}: the server goes on with {line!r}"
            continue
        assert line.endswith(b"\r\n"), f"{dialog.name}: expected {pattern!r}, the server said {line!r}"
        said = line[:-2].decode("ascii")
        assert fnmatch.fnmatchcase(said, pattern), f"{dialog.name}: expected {pattern!r}, the server said {said!r}"


def world_answer(event: ServerEvent) -> Reply:
    """Answer an event as the dialogs' example world does."""
    match event:
        case MailGiven():
            return reply(250, "2.1.0", "sender ok")
        case RcptGiven(path, _) if path.address is not None:
            domain = path.address.domain.lower()
            if domain not in ("", "example.net"):
                return reply(550, "5.7.1", "relaying denied")
            known = path.address.local_part.lower() in USERS
            return reply(250, "2.1.5", "recipient ok") if known else reply(550, "5.1.1", "no such user")
        case DataAsked():
            return reply(354, "", "go on")
        case TextEnded():
            return reply(250, "2.0.0", "queued")
        case VerifyAsked() | ExpandAsked():
            return reply(252, "2.1.5", "perhaps")
    raise AssertionError(event)


class MemoryWire:
    """A wire to a ServerSession in memory, which lives in the example world.  ``texts`` are the accepted messages."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.session = ServerSession("mx.example.net", limits or Limits())
        self.events: list[ServerEvent] = []
        self.texts: list[bytes] = []
        self._text = b""
        self._said = b""
        self.session.greet()
        self._run()

    def send(self, octets: bytes) -> None:
        self.session.receive(octets)
        self._run()

    def read_line(self) -> bytes:
        line, found, rest = self._said.partition(b"\r\n")
        if not found:
            assert isinstance(self.events[-1], SessionEnded), f"no reply; left over: {line!r}"
            return b""
        self._said = rest
        return line + found

    def read_rest(self) -> bytes:
        """Return everything that the server has said and nobody has read."""
        said, self._said = self._said, b""
        return said

    def _run(self) -> None:
        while (event := self.session.next_event()) is not None:
            self.events.append(event)
            if isinstance(event, TextChunk):
                self._text += event.text
            elif isinstance(event, TextEnded):
                self.texts.append(self._text + event.last)
            if self.session.is_waiting:
                self.session.answer(world_answer(event))
            if isinstance(event, DataAsked):
                self._text = b""
        self._said += self.session.take_outgoing()
