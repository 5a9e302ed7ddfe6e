"""Ports on loopback for peers that cannot choose one themselves."""

import errno
import socket


def free_port(*addresses: str) -> int:
    """Return a port at which nobody listens, and which stays this process's own: the system gives it to nobody else.

    It is free at each of the addresses (127.0.0.1 unless given).  Who asks for it by its number, with SO_REUSEADDR
    as servers do, gets it; before that every connection to it is refused.
    """
    first, *others = addresses or ("127.0.0.1",)
    while True:
        held = [_bound(first, 0)]
        port = int(held[0].getsockname()[1])
        try:
            held += [_bound(address, port) for address in others]
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            for one in held:
                one.close()
            continue
        for one in held:
            one.detach()  # held to the end of the process
        return port


def _bound(address: str, port: int) -> socket.socket:
    """Return a socket that has a port and does not listen."""
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((address, port))
    except OSError:
        bound.close()
        raise
    return bound


def is_listening(port: int) -> bool:
    """Does somebody answer there?"""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
