"""Serve the metrics on an inherited socket, to whoever can reach it.

The rule: one request per connection, a bound on what is read, a deadline on the whole.
"""

import asyncio
import socket
from http import HTTPStatus

from posthouse.adapters.meter_prometheus import CONTENT_TYPE, expose

_DEADLINE_SECONDS = 10
_MOST_REQUEST_OCTETS = 16 * 1024


async def serve_metrics(bound: socket.socket) -> asyncio.Server:
    """Answer ``GET /metrics``."""
    return await asyncio.start_server(_serve, sock=bound, limit=_MOST_REQUEST_OCTETS)


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        async with asyncio.timeout(_DEADLINE_SECONDS):
            request = await reader.readuntil(b"\r\n\r\n")
            writer.write(_respond(request))
            await writer.drain()
    except (TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
        writer.transport.abort()
        return
    writer.close()


def _respond(request: bytes) -> bytes:
    words = request.split(b"\r\n", 1)[0].split(b" ")
    if words[0] != b"GET":
        return _response(HTTPStatus.METHOD_NOT_ALLOWED, b"")
    if len(words) < 2 or words[1].partition(b"?")[0] != b"/metrics":
        return _response(HTTPStatus.NOT_FOUND, b"The metrics are at /metrics\n")
    return _response(HTTPStatus.OK, expose())


def _response(status: HTTPStatus, body: bytes) -> bytes:
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: {CONTENT_TYPE}\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode("ascii") + body
