"""A real ``posthouse serve`` on a temporary site, for end-to-end tests.

    with running_daemon(tmp_path, SITE) as daemon:
        daemon.smtp() ...            # an smtplib.SMTP connected to the first listener
        daemon.wait_event("delivered", recipient="joe@localhost")
        daemon.wait_messages("joe", 1)

The site's text may use ``{home}``.  Its listeners should ask for port 0: the real ones are in the
``started`` event, which is also how readiness is known.
"""

import os
import signal
import smtplib
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from posthouse.cli.log_files import parse_event
from support.processes import has_ended
from support.waiting import LONG, until


@dataclass
class Daemon:
    """One running daemon and the files it writes."""

    home: Path
    site_file: Path
    process: "subprocess.Popen[bytes] | None" = None
    addresses: list[str] = field(default_factory=list)

    # Starting and stopping.

    def start(self) -> "Daemon":
        """Start, and wait until it says that it accepts mail."""
        before = self._log_octets()
        with (self.home / "stderr").open("ab") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "posthouse", "serve", "--site", str(self.site_file)],
                stdin=subprocess.DEVNULL,
                stdout=errors,
                stderr=errors,
                start_new_session=True,
            )
        started = until(lambda: self._started(before), "the daemon to start")
        self.addresses = list(started["addresses"])
        return self

    def _started(self, before: int) -> dict[str, Any] | None:
        assert self.process is not None
        if self.process.poll() is not None:
            raise AssertionError(f"serve ended with {self.process.returncode}: {self.stderr()}")
        started = [event for event in self.each_event(before) if event["event"] == "started"]
        return started[-1] if started else None

    def _log_octets(self) -> int:
        path = self.home / "log"
        return path.stat().st_size if path.exists() else 0

    def signal(self, number: signal.Signals) -> None:
        """Send the supervisor a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def stop(self, seconds: float = LONG) -> int:
        """Stop gracefully and return the exit status."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)

    def kill(self) -> None:
        """Kill the supervisor and all of its children at once, as a power cut would."""
        assert self.process is not None
        children = self.children()
        try:
            os.killpg(self.process.pid, signal.SIGKILL)  # a session of its own: only its processes
        except ProcessLookupError:
            return
        self.process.wait(LONG)
        until(lambda: all(map(has_ended, children)), "its children to die")  # they hold what a successor needs

    def reload(self) -> None:
        """Ask for a reload and wait until it is done or refused."""
        before = len(self.events("reloaded")) + len(self.events("reload-refused"))
        self.signal(signal.SIGHUP)
        until(lambda: len(self.events("reloaded")) + len(self.events("reload-refused")) > before, "the reload")

    # Talking to it.

    @property
    def port(self) -> int:
        """The port of the first TCP listener."""
        return self.ports[0]

    @property
    def ports(self) -> list[int]:
        """The ports of the TCP listeners."""
        return [int(address.rpartition(":")[2]) for address in self.addresses if not address.startswith("unix:")]

    def smtp(self, listener: int = 0, timeout: float = LONG) -> smtplib.SMTP:
        """Connect to the listener of this number."""
        host, _, port = self.addresses[listener].rpartition(":")
        return smtplib.SMTP(host, int(port), local_hostname="client.example", timeout=timeout)

    def send(
        self,
        sender: str,
        recipients: list[str] | str,
        text: str | bytes = "Subject: a test\r\n\r\nbody\r\n",
        options: tuple[str, ...] = (),
    ) -> None:
        """Hand in one message; raises smtplib's exceptions for refusals, for one of several recipients, too."""
        with self.smtp() as client:
            refused = client.sendmail(sender, recipients, text, rcpt_options=options)
        if refused:
            raise smtplib.SMTPRecipientsRefused(refused)

    def run(self, *command: str, text: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
        """Run a posthouse command on this site."""
        arguments = [sys.executable, "-m", "posthouse", *command, "--site", str(self.site_file)]
        return subprocess.run(arguments, input=text, capture_output=True, timeout=LONG, check=False)

    def pid_of(self, role: str) -> int:
        """The process of a role, as its latest event says; waits for its first one."""
        pids: list[int] = until(lambda: [event["pid"] for event in self.events() if event["role"] == role], role)
        return pids[-1]

    # What it wrote.

    def stderr(self) -> str:
        """Everything it printed."""
        path = self.home / "stderr"
        return path.read_text(errors="replace") if path.exists() else ""

    def events(self, name: str | None = None, /, **match: object) -> list[dict[str, Any]]:
        """The logged events of a name whose fields have these values."""
        return [
            event
            for event in self.each_event()
            if (name is None or event["event"] == name) and all(event.get(key) == value for key, value in match.items())
        ]

    def each_event(self, offset: int = 0) -> Iterator[dict[str, Any]]:
        """Stream the events in the log from this octet on; a line that is still being written is none yet."""
        path = self.home / "log"
        if not path.exists():
            return
        with path.open("rb") as lines:
            lines.seek(offset)
            for line in lines:
                if line.endswith(b"\n"):
                    yield _event(line)

    def wait_event(self, name: str, /, *, seconds: float = LONG, **match: object) -> dict[str, Any]:
        """Wait for an event and return the first."""
        return until(lambda: self.events(name, **match), f"{name} {match}; log: {self.home / 'log'}", seconds)[0]

    def messages(self, user: str) -> list[bytes]:
        """The messages in a user's Maildir, oldest first."""
        new = self.home / "mail" / user / "new"
        return [path.read_bytes() for path in sorted(new.glob("*"))] if new.exists() else []

    def wait_messages(self, user: str, count: int, seconds: float = LONG) -> list[bytes]:
        """Wait until a user has at least this many messages."""

        def enough() -> list[bytes] | None:
            messages = self.messages(user)
            return messages if len(messages) >= count else None

        return until(enough, f"{count} messages for {user}", seconds)

    def children(self) -> list[int]:
        """The process ids of the supervisor's children."""
        assert self.process is not None
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(word) for word in path.read_text().split()] if path.exists() else []


def make_site(home: Path, site: str) -> Daemon:
    """Write a site file without starting anything.  ``log`` and ``mail/<user>`` are expected under ``home``."""
    home.mkdir(parents=True, exist_ok=True)
    site_file = home / "site.toml"
    site_file.write_text(site.replace("{home}", str(home)))
    site_file.chmod(0o644)  # whatever the umask of who runs the tests
    return Daemon(home, site_file)


@contextmanager
def running_daemon(home: Path, site: str) -> Iterator[Daemon]:
    """Start a daemon and stop it at the end, whatever happened."""
    daemon = make_site(home, site)
    try:
        yield daemon.start()
    finally:
        daemon.kill()


def _event(line: bytes) -> dict[str, Any]:
    """Read an event in either format; in text a list is its items between commas."""
    parsed = parse_event(line)
    assert parsed is not None, line
    if isinstance(parsed.get("addresses"), str):
        parsed["addresses"] = str(parsed["addresses"]).split(",")
    return parsed
