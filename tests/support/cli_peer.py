"""A scripted daemon on a Unix socket: answers SMTP from a table and remembers what it was told."""

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from support.waiting import LONG

DEFAULTS = {
    "greeting": b"220 test ESMTP",
    "EHLO": b"250-test\r\n250-PIPELINING\r\n250 DSN",
    "MAIL": b"250 2.1.0 Ok",
    "RCPT": b"250 2.1.5 Ok",
    "DATA": b"354 Go on",
    "text": b"250 2.0.0 Kept as 1QjK2m0aBcDeF",
    "QUIT": b"221 2.0.0 Bye",
}


@dataclass
class ScriptedDaemon:
    """``replies`` by verb, by whole command, ``greeting`` or ``text``; None hangs up."""

    path: Path
    replies: Mapping[str, bytes | None]
    commands: list[str] = field(default_factory=list)
    texts: list[bytes] = field(default_factory=list)

    def _reply(self, *keys: str) -> bytes | None:
        for key in keys:
            if key in self.replies:
                return self.replies[key]
        return DEFAULTS[keys[-1]]

    def serve(self, listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection, connection.makefile("rwb") as stream:
            reply = self._reply("greeting")
            while reply is not None:
                stream.write(reply + b"\r\n")
                stream.flush()
                if reply.startswith(b"354"):
                    reply = self._take_text(stream)
                    continue
                line = stream.readline()
                if not line:
                    return
                command = line.decode().rstrip("\r\n")
                self.commands.append(command)
                reply = self._reply(command, command.partition(" ")[0])

    def _take_text(self, stream) -> bytes | None:
        lines = []
        while (line := stream.readline()) not in (b".\r\n", b""):
            lines.append(line)
        self.texts.append(b"".join(lines))
        return self._reply("text")


@contextmanager
def scripted_daemon(path: Path, replies: Mapping[str, bytes | None] | None = None) -> Iterator[ScriptedDaemon]:
    """Listen for one client."""
    daemon = ScriptedDaemon(path, replies or {})
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen(1)
        listener.settimeout(LONG)

        def serve() -> None:
            try:
                daemon.serve(listener)
            except OSError:
                return  # the client left in the middle, as some tests want

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield daemon
        thread.join(LONG)
