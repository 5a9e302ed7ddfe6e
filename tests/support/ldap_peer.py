"""A small LDAP directory on loopback: it lets everybody in, and answers searches for one attribute.  RFC 4511.

``with LdapPeer({"ann": ["ann@example.org"]}) as peer: peer.port``.  The filter is (anything=KEY).
"""

import socket
import threading
from collections.abc import Iterator, Mapping, Sequence

from support.waiting import LONG

BIND, UNBIND, SEARCH = 0x60, 0x42, 0x63
SUCCESS, INVALID_CREDENTIALS, BUSY = 0, 49, 51


class LdapPeer:
    """Answers from ``people`` until the block ends; ``result`` is what it says at the end of each search.

    With ``password`` it lets in only who says it.
    """

    def __init__(self, people: Mapping[str, Sequence[str]], *, result: int = SUCCESS, password: str = "") -> None:
        self.people = people
        self.result = result
        self.keys: list[str] = []
        self.names: list[str] = []  # as whom it was asked
        self._password = password
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._connections: list[socket.socket] = []

    def __enter__(self) -> "LdapPeer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._connections:
            connection.close()
        self._thread.join(LONG)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._connections.append(connection)
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        received = b""
        while True:
            try:
                chunk = connection.recv(65536)
            except OSError:
                return
            if not chunk:
                return
            received += chunk
            while len(received) >= 2 and len(received) >= sum(_length(received)):
                size, begin = _length(received)
                message, received = received[begin : begin + size], received[begin + size :]
                (_, number), (operation, body) = list(_values(message))[:2]
                if operation == UNBIND:
                    return
                for answer in self._answers(operation, body):
                    connection.sendall(_value(0x30, _value(0x02, number) + answer))

    def _answers(self, operation: int, body: bytes) -> Iterator[bytes]:
        if operation == BIND:
            _, (_, name), (_, password) = _values(body)
            self.names.append(name.decode())
            is_in = not self._password or password.decode() == self._password
            yield _value(0x61, _result(SUCCESS if is_in else INVALID_CREDENTIALS))
        elif operation == SEARCH:
            parts = list(_values(body))
            key = list(_values(parts[6][1]))[1][1].decode()
            attribute = next(_values(parts[7][1]))[1]
            self.keys.append(key)
            if self.result == SUCCESS and key in self.people:
                values = b"".join(_value(0x04, each.encode()) for each in self.people[key])
                named = _value(0x30, _value(0x04, attribute) + _value(0x31, values))
                yield _value(0x64, _value(0x04, b"uid=x,o=example") + _value(0x30, named))
            yield _value(0x65, _result(self.result))


def _result(code: int) -> bytes:
    return _value(0x0A, bytes([code])) + _value(0x04, b"") + _value(0x04, b"")


def _value(tag: int, content: bytes) -> bytes:
    size = len(content)
    length = bytes([size]) if size < 128 else b"\x82" + size.to_bytes(2, "big")
    return bytes([tag]) + length + content


def _length(received: bytes) -> tuple[int, int]:
    """Return how long the first value is, and where it begins."""
    if received[1] < 128:
        return received[1], 2
    octets = received[1] & 0x7F
    return int.from_bytes(received[2 : 2 + octets], "big"), 2 + octets


def _values(content: bytes) -> Iterator[tuple[int, bytes]]:
    while content:
        size, begin = _length(content)
        yield content[0], content[begin : begin + size]
        content = content[begin + size :]
