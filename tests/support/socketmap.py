"""A server of the socketmap protocol on a Unix socket, in a thread; it can be told to misbehave."""

import socket
import threading
from pathlib import Path


class SocketmapServer:
    """Answers each question with what ``answer(question)`` returns, as it is; None: says nothing at all."""

    def __init__(self, path: Path, answer) -> None:
        self.questions: list[bytes] = []
        self.connections = 0
        self.closes_after_answer = False
        self._answer = answer
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(path))
        self._socket.listen(8)
        self._open: list[socket.socket] = []

    def __enter__(self):
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for connection in self._open:
            connection.close()

    def _serve(self):
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection):
        try:
            while question := connection.recv(4096):
                self.questions.append(question)
                closes = self.closes_after_answer  # as it was when the question came
                answer = self._answer(question)
                if answer is not None:
                    connection.sendall(answer)
                    if closes:
                        connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            return


def netstring(content: bytes) -> bytes:
    return b"%d:%s," % (len(content), content)
