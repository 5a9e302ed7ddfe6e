"""The same dialogs, played against the real smtpd on a real socket: submit, routing and tables behind it."""

import asyncio
import socket

import pytest

from posthouse.mail.lookup import BUILTIN
from posthouse.site.model import Domain, DomainKind, TableKind, TableSource
from support.reception import reception
from support.smtp_dialogs import DIALOGS, USERS, byte_by_byte, play, play_at_once, read_dialog, whole
from support.waiting import LONG

DIALOG_FILES = sorted(DIALOGS.glob("*.txt"))
PLAYS = {
    "whole": lambda dialog, wire: play(dialog, wire, whole),
    "byte by byte": lambda dialog, wire: play(dialog, wire, byte_by_byte),
    "at once with trailing bytes": lambda dialog, wire: play_at_once(dialog, wire, b"HALF A COMMAND"),
}
WORLD = {
    "name": "mx.example.net",
    "domains": {"example.net": Domain("example.net", DomainKind.LOCAL, users=("people",))},
    "tables": {
        "people": TableSource("people", TableKind.INLINE, entries=tuple((user, ("",), BUILTIN) for user in USERS))
    },
}


class SocketWire:
    """A wire to a server on a TCP socket, each send a packet of its own."""

    def __init__(self, address):
        self._socket = socket.create_connection(address, timeout=LONG)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._file = self._socket.makefile("rb")

    def send(self, octets):
        self._socket.sendall(octets)

    def read_line(self):
        return self._file.readline()

    def close(self):
        self._file.close()
        self._socket.close()


def play_on_the_wire(address, dialog, how):
    wire = SocketWire(address)
    try:
        how(dialog, wire)
    finally:
        wire.close()


@pytest.mark.parametrize("path", DIALOG_FILES, ids=lambda path: path.stem)
@pytest.mark.parametrize("how", PLAYS.values(), ids=PLAYS)
def test_dialog_on_the_wire(tmp_path, path, how):
    dialog = read_dialog(path)

    async def story():
        async with reception(tmp_path, limits=dialog.limits, **WORLD) as door:
            await asyncio.to_thread(play_on_the_wire, door.address, dialog, how)
            await door.gone()
            assert door.log.named("trouble") == []

    asyncio.run(story())
