"""Ask the kernel who is at the other end of a connection.

Known limits: where users come from a directory, its name service may keep the process waiting for a moment.
"""

import asyncio
import pwd
import socket
import struct

from posthouse.smtpd.admission import Peer
from posthouse.submit.client import Client, Welcome

_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid: struct ucred of unix(7)


def identify(transport: asyncio.BaseTransport) -> Peer:
    """Return the peer of a new connection."""
    name = transport.get_extra_info("peername")
    if name and isinstance(name, tuple):
        return Peer(address=str(name[0]), port=int(name[1]))
    connected = transport.get_extra_info("socket")
    if connected is not None and connected.family == socket.AF_UNIX:
        raw = connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        return Peer(user=login_name(_CREDENTIALS.unpack(raw)[1]), is_local=True)
    return Peer()  # gone already


def arrival_of(peer: Peer, transport: asyncio.BaseTransport, listener: str) -> Client:
    """Return who has connected, and to which end of ours, as far as one can know before it speaks."""
    ours = transport.get_extra_info("sockname")
    reached = (str(ours[0]), int(ours[1])) if ours and isinstance(ours, tuple) else ("", 0)
    return Client(address=peer.address, port=peer.port, reached=reached, listener=listener)


def client_of(peer: Peer, name: str, *, esmtp: bool, may_relay: bool, welcome: Welcome | None = None) -> Client:
    """Return who hands mail in, once it has said its name."""
    return Client(
        name=name,
        address=peer.address,
        protocol="ESMTP" if esmtp else "SMTP",
        may_relay=may_relay,
        user=peer.user,
        local_submission=peer.is_local,
        welcome=welcome,
    )


def login_name(uid: int) -> str:
    """Return the login name of a user id, or the number when it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
