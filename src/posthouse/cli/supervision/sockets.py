"""The sockets on which mail comes in: bound once by the supervisor, inherited by every generation.

The rule: binding is all or nothing.  ``ListenerSockets.adopt`` first binds what is new and only then
forgets what is gone, so that a reload that cannot have its port changes nothing.
"""

import errno
import os
import socket
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

from posthouse.cli.errors import CommandError
from posthouse.mail.lookup import Origin
from posthouse.mail.problem import Problem
from posthouse.site.model import Listener, Site

_BACKLOG = 1024
_UNIX = "unix:"
_METRICS = "metrics "

_ADVICE = {
    errno.EADDRINUSE: "stop the program that listens there, or write another port",
    errno.EADDRNOTAVAIL: "write an address that this machine has, or 0.0.0.0 or [::] for all of them",
    errno.EACCES: 'start as root, with an account in "user" of [site], or write a port from 1024 on',
}
_OTHER_ADVICE = "write host:port, [v6]:port or unix:/path of this machine"


class ListenerSockets:
    """Open listening sockets by name: the declared address, for the metrics with a word in front."""

    def __init__(self) -> None:
        self._sockets: dict[str, socket.socket] = {}

    def bind_missing(self, wanted: Mapping[str, Origin]) -> list[str]:
        """Bind what is not open yet and return its names; raises CommandError, which says where, and binds nothing."""
        bound: list[str] = []
        try:
            for name, origin in wanted.items():
                if name not in self._sockets:
                    self._sockets[name] = bind(name.removeprefix(_METRICS), origin)
                    bound.append(name)
        except CommandError:
            self.close(bound)
            raise
        return bound

    def close(self, names: Iterable[str]) -> None:
        """Close these, and remove the files of Unix sockets."""
        for name in list(names):
            self._sockets.pop(name).close()
            if name.startswith(_UNIX):
                Path(name.removeprefix(_UNIX)).unlink(missing_ok=True)

    def close_others(self, names: Iterable[str]) -> None:
        """Close what is not in this list."""
        self.close(set(self._sockets) - set(names))

    def not_among(self, kept: Iterable[socket.socket]) -> list[socket.socket]:
        """Return the sockets that a child with these has no business with.

        A listening socket lives as long as any process has it: a child that kept
        one would keep its port open, and let connections wait for nobody.
        """
        ids = {id(one) for one in kept}
        return [one for one in self._sockets.values() if id(one) not in ids]

    def __getitem__(self, name: str) -> socket.socket:
        return self._sockets[name]

    def actual(self, name: str) -> str:
        """Return the address as bound: with the real port where port 0 was asked for."""
        return actual_address(self._sockets[name])


def actual_address(bound: socket.socket) -> str:
    """Write a socket's own address as a site file would."""
    name = bound.getsockname()
    if bound.family == socket.AF_UNIX:
        return f"{_UNIX}{name}"
    host, port = name[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def bind(address: str, origin: Origin) -> socket.socket:
    """Bind and listen on ``host:port``, ``[v6]:port`` or ``unix:/path``.  Raises CommandError naming the origin."""
    try:
        bound = _bind_unix(address.removeprefix(_UNIX)) if address.startswith(_UNIX) else _bind_tcp(address)
    except OSError as error:
        wrong = f"cannot listen on {address}: {error.strerror or error}"
        problem = Problem(origin, wrong, _ADVICE.get(error.errno or 0, _OTHER_ADVICE))
        raise CommandError(str(problem), os.EX_OSERR) from error
    bound.setblocking(False)
    return bound


def _bind_tcp(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, _, _, _, name = found[0]
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.bind(name)
        bound.listen(_BACKLOG)
    except BaseException:
        bound.close()
        raise
    return bound


def _bind_unix(path: str) -> socket.socket:
    # The spool's lock is ours, so that a socket found here belongs to nobody any more.
    if Path(path).exists() and stat.S_ISSOCK(Path(path).stat().st_mode):
        Path(path).unlink()
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        bound.bind(path)
        # Everybody may hand in mail; the kernel tells us who it was (SO_PEERCRED).
        Path(path).chmod(0o666)
        bound.listen(_BACKLOG)
    except BaseException:
        bound.close()
        raise
    return bound


def metrics_name(address: str) -> str:
    """Name the socket of the metrics: its declared address may also be a listener's, where both ask for port 0."""
    return _METRICS + address


def sockets_of(site: Site, listeners: Iterable[Listener]) -> dict[str, Origin]:
    """Return the names of all sockets that a site wants open, and where it says so."""
    file = Origin(str(site.file))
    wanted = {one.address: one.origin if one.origin.line else file for one in listeners}
    return {**wanted, metrics_name(site.metrics): file} if site.metrics else wanted
