"""A drop with a Pickup over it: the spool in memory, a clock that stands still, files on the disk."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from posthouse.adapters.clock_manual import ManualClock
from posthouse.adapters.drop_folder import FolderOfDrops
from posthouse.adapters.event_log_memory import MemoryEventLog
from posthouse.adapters.meter_none import NoMeter
from posthouse.adapters.spool_drop import DROP, DropSpool
from posthouse.adapters.spool_memory import MemorySpool
from posthouse.mail.envelope import Envelope
from posthouse.mail.limits import Limits
from posthouse.mail.queued import QueueRow
from posthouse.smtpd.peer import login_name
from posthouse.submit.dropped import longest_line
from posthouse.submit.eager import run
from posthouse.submit.pickup import Pickup
from posthouse.wiring.accepting import build_intake
from support.reception import Silent, small_site
from support.spool_letters import envelope, rows

JOE = "joe@example.org"
LINE = b'{"drop":1,"mail":"FROM:<ann@example.net>","rcpt":["TO:<joe@example.org>"]}\n'
TEXT = b"Subject: dropped\r\n\r\nbody\r\n"


@dataclass
class Drop:
    """The folders of one spool."""

    home: Path
    limits: Limits = field(default_factory=lambda: Limits(spool_free_octets=0))
    spool: Any = field(default_factory=MemorySpool)
    log: MemoryEventLog = field(default_factory=MemoryEventLog)
    changes: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True)
        # Files have the real time, which cannot be chosen.
        self.clock = ManualClock(datetime.now(UTC))
        self.site = small_site(self.home, limits=self.limits, **self.changes)
        self.pickup = self.new_pickup()

    @property
    def folder(self) -> Path:
        return self.home / "spool" / DROP

    @property
    def bad(self) -> Path:
        return self.home / "spool" / "drop-bad"

    def new_pickup(self, folder: Any = None) -> Pickup:
        """What another process would look with."""
        parts: dict[str, Any] = {"clock": self.clock, "log": self.log, "meter": NoMeter(), "wakeup": Silent()}
        intake = build_intake(self.site, self.spool, **parts)
        return Pickup(intake, folder or self.reader())

    def reader(self) -> FolderOfDrops:
        most = longest_line(self.limits) + self.limits.text_octets
        return FolderOfDrops(self.home / "spool", most, login_name)

    def writer(self) -> DropSpool:
        return DropSpool(self.home / "spool", self.limits)

    def leave(self, what: Envelope | None = None, text: bytes = TEXT) -> str:
        """Drop a message as a command does, and return the name of its file."""
        draft = self.writer().begin()
        try:
            run(draft.write(text))
            return run(draft.commit(what or envelope(JOE), self.clock.now())) + ".mail"
        finally:
            run(draft.abandon())

    def put(self, name: str, content: bytes) -> Path:
        """Put a file there by hand."""
        path = self.folder / name
        path.write_bytes(content)
        return path

    def look(self, pickup: Pickup | None = None) -> None:
        asyncio.run((pickup or self.pickup).look())

    def queued(self) -> Sequence[QueueRow]:
        return asyncio.run(rows(self.spool))

    def names(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir())

    def aside(self) -> list[str]:
        """What was put aside, by its first name."""
        return sorted(path.name.rpartition(".")[0] for path in self.bad.iterdir()) if self.bad.exists() else []
