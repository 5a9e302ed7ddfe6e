"""A scripted SMTP or LMTP peer on loopback, in a thread: says what the test wants and keeps what it heard.

Written with blocking sockets, so that it shares no code with what it tests.
"""

import socket
import ssl
import threading
from contextlib import suppress
from dataclasses import dataclass, field

from support.waiting import LONG


@dataclass
class Script:
    """What the peer says; every field may be changed by a test.

    ``replies`` gives the reply to a command line by its beginning, the longest that fits;
    a list is used up one by one, its last reply again and again.  ``text_replies`` follow the final dot.
    """

    greeting: bytes = b"220 peer.example ESMTP\r\n"
    extensions: tuple[str, ...] = ("PIPELINING", "SIZE 10000000", "8BITMIME", "ENHANCEDSTATUSCODES")
    replies: dict[str, bytes | list[bytes]] = field(default_factory=dict)
    text_replies: tuple[bytes, ...] = (b"250 2.0.0 queued\r\n",)
    drop_at: str = ""  # the connection is cut when this begins a command; "." is the final dot
    drop_from_transaction: int = 1  # counted in MAILs of one connection
    silent_at: str = ""  # nothing is ever said to this command
    close_with_reply: bool = False  # the reply to the text and the end of the connection come together
    tls: ssl.SSLContext | None = None
    break_handshake: bool = False
    text_reply_in_mid_text: bytes = b""
    hold_reading: threading.Event | None = None  # text is read only once this is set
    unix_path: str = ""


DEFAULTS = {
    "HELO": b"250 peer.example\r\n",
    "MAIL": b"250 2.1.0 ok\r\n",
    "RCPT": b"250 2.1.5 ok\r\n",
    "DATA": b"354 go on\r\n",
    "RSET": b"250 2.0.0 ok\r\n",
    "QUIT": b"221 2.0.0 bye\r\n",
    "STARTTLS": b"220 2.0.0 go on\r\n",
}


@dataclass
class Heard:
    """One connection as the peer heard it."""

    commands: list[str] = field(default_factory=list)
    texts: list[bytes] = field(default_factory=list)  # as on the wire, with the final dot
    encrypted: bool = False
    ended: threading.Event = field(default_factory=threading.Event)


class ScriptedPeer:
    """``with ScriptedPeer(Script(...)) as peer: peer.port``; ``peer.heard`` has one entry per connection."""

    def __init__(self, script: Script | None = None, *, address: str = "127.0.0.1", port: int = 0) -> None:
        self.script = script or Script()
        self.heard: list[Heard] = []
        if self.script.unix_path:
            self._listener = socket.socket(socket.AF_UNIX)
            self._listener.bind(self.script.unix_path)
            self._listener.listen()
        else:
            self._listener = socket.create_server((address, port))
        self._threads: list[threading.Thread] = []
        self._connections: list[socket.socket] = []
        self._stopping = False

    @property
    def port(self) -> int:
        return self._listener.getsockname()[1]

    @property
    def commands(self) -> list[str]:
        """Everything said to the peer, over all connections."""
        return [command for heard in self.heard for command in heard.commands]

    def __enter__(self) -> "ScriptedPeer":
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping = True
        _shut(self._listener)
        for connection in self._connections:
            _shut(connection)
        for thread in self._threads:
            thread.join(LONG)

    def close_connections(self) -> None:
        """End every connection, as a server does to idle clients, and wait until that is done."""
        for connection in self._connections:
            _shut(connection)
        for heard in self.heard:
            assert heard.ended.wait(LONG)

    def _start(self, work, *arguments) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._stopping:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                break
            self._connections.append(connection)
            heard = Heard()
            self.heard.append(heard)
            self._start(self._converse, connection, heard)
        self._listener.close()

    def _converse(self, connection: socket.socket, heard: Heard) -> None:
        conversation = _Conversation(self.script, connection, heard)
        try:
            with suppress(OSError):  # the other side went away, as some tests want it
                conversation.run()
        finally:
            _shut(conversation.connection)  # under TLS not the socket that was accepted
            conversation.connection.close()
            heard.ended.set()


class _Conversation:
    def __init__(self, script: Script, connection: socket.socket, heard: Heard) -> None:
        self.script = script
        self.connection = connection
        self.heard = heard
        self.buffer = b""
        self.transactions = 0
        self.used: dict[str, int] = {}

    def run(self) -> None:
        if self.script.silent_at == "greeting":
            self._read_more()
            return
        self.connection.sendall(self.script.greeting)
        while (line := self._line()) is not None:
            command = line.decode()
            self.heard.commands.append(command)
            if command.startswith("MAIL"):
                self.transactions += 1
            if self._drops(command):
                return
            if self.script.silent_at and command.startswith(self.script.silent_at):
                continue
            if not self._answer(command):
                return

    def _drops(self, command: str) -> bool:
        due = max(1, self.transactions) >= self.script.drop_from_transaction
        return bool(self.script.drop_at) and due and command.startswith(self.script.drop_at)

    def _answer(self, command: str) -> bool:
        verb = command.split(" ", maxsplit=1)[0].upper()
        answer = self._reply(command, verb)
        self.connection.sendall(answer)
        if verb == "STARTTLS" and answer.startswith(b"220"):
            return self._encrypt()
        if verb == "DATA" and answer.startswith(b"354"):
            return self._take_text()
        return verb != "QUIT" and not answer.startswith(b"421")

    def _reply(self, command: str, verb: str) -> bytes:
        fitting = max((key for key in self.script.replies if command.startswith(key)), key=len, default=None)
        if fitting is None:
            return self._extensions() if verb in ("EHLO", "LHLO") else DEFAULTS.get(verb, b"500 5.5.1 what?\r\n")
        replies = self.script.replies[fitting]
        if isinstance(replies, bytes):
            return replies
        turn = self.used.get(fitting, 0)
        self.used[fitting] = turn + 1
        return replies[min(turn, len(replies) - 1)]

    def _extensions(self) -> bytes:
        offered = list(self.script.extensions)
        if self.script.tls is not None and not self.heard.encrypted:
            offered.append("STARTTLS")
        lines = ["peer.example", *offered]
        return "".join(
            f"250{' ' if number == len(lines) else '-'}{line}\r\n" for number, line in enumerate(lines, 1)
        ).encode()

    def _encrypt(self) -> bool:
        if self.script.break_handshake or self.script.tls is None:
            self._read_more()
            self.connection.sendall(b"this is not TLS\r\n" * 10)
            return False
        self.connection = self.script.tls.wrap_socket(self.connection, server_side=True)
        self.heard.encrypted = True
        return True

    def _take_text(self) -> bool:
        if self.script.text_reply_in_mid_text:
            self._read_more()
            self.connection.sendall(self.script.text_reply_in_mid_text)
            return False
        if self.script.hold_reading is not None:
            self.script.hold_reading.wait(LONG)
        end = b"\r\n.\r\n"
        while not (end in self.buffer or self.buffer.startswith(b".\r\n")):
            if not self._read_more():
                return False
        head, found, self.buffer = self.buffer.partition(end)
        self.heard.texts.append(head + found)
        if self._drops("."):
            return False
        if self.script.silent_at == ".":
            return True
        self.connection.sendall(b"".join(self.script.text_replies))
        return not self.script.close_with_reply

    def _line(self) -> bytes | None:
        while b"\r\n" not in self.buffer:
            if not self._read_more():
                return None
        line, _, self.buffer = self.buffer.partition(b"\r\n")
        return line

    def _read_more(self) -> bool:
        chunk = self.connection.recv(65536)
        self.buffer += chunk
        return bool(chunk)


def _shut(one: socket.socket) -> None:
    with suppress(OSError):  # already closed
        one.shutdown(socket.SHUT_RDWR)
