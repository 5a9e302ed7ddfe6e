"""Our own name server on loopback, UDP and TCP, for tests that need DNS.

``with DnsServer({"example.org": {"MX": ["10 mx.example.org."]}, ...}) as server: server.address``

A zone maps names to records by type.  Instead of the records a name may have
``SERVFAIL`` or ``SILENT``.  What is not in the zone does not exist (NXDOMAIN).
Answers too large for UDP are truncated, so that the client comes back by TCP.
"""

import select
import socket
import struct
import threading
from collections.abc import Mapping

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

from support.waiting import LONG

SERVFAIL = "SERVFAIL"
SILENT = "SILENT"
Zone = Mapping[str, Mapping[str, list[str]] | str]
_MOST_CNAMES = 8


class DnsServer:
    """Answers from ``zone`` until the ``with`` block ends.  ``questions`` are (name, type) as they came."""

    def __init__(self, zone: Zone, *, ttl: int = 300) -> None:
        self.zone = {name.lower().removesuffix("."): records for name, records in zone.items()}
        self.ttl = ttl
        self.questions: list[tuple[str, str]] = []
        self.over_tcp = 0
        self._tcp, self._udp = _sockets()
        self._stop_here, self._stop_there = socket.socketpair()
        self._thread = threading.Thread(target=self._serve, name="dns-server", daemon=True)

    @property
    def address(self) -> str:
        """``host:port``, as a site's nameservers want it."""
        host, port = self._udp.getsockname()
        return f"{host}:{port}"

    def __enter__(self) -> "DnsServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop_there.send(b"x")
        self._thread.join(LONG)
        for one in (self._tcp, self._udp, self._stop_here, self._stop_there):
            one.close()

    def _serve(self) -> None:
        while True:
            ready, _, _ = select.select([self._udp, self._tcp, self._stop_here], [], [])
            if self._stop_here in ready:
                return
            if self._udp in ready:
                wire, client = self._udp.recvfrom(4096)
                answer = self._answer(wire, most_octets=1232)
                if answer:
                    self._udp.sendto(answer, client)
            if self._tcp in ready:
                self._serve_tcp()

    def _serve_tcp(self) -> None:
        connection, _ = self._tcp.accept()
        with connection:
            connection.settimeout(LONG)
            stream = connection.makefile("rb")
            (length,) = struct.unpack("!H", stream.read(2))
            answer = self._answer(stream.read(length), most_octets=65535)
            self.over_tcp += 1
            if answer:
                connection.sendall(struct.pack("!H", len(answer)) + answer)
            stream.close()

    def _answer(self, wire: bytes, most_octets: int) -> bytes:
        query = dns.message.from_wire(wire)
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        kind = dns.rdatatype.to_text(question.rdtype)
        self.questions.append((name, kind))
        reply = dns.message.make_response(query, recursion_available=True)
        records = self.zone.get(name)
        if records == SILENT:
            return b""
        if records == SERVFAIL:
            reply.set_rcode(dns.rcode.SERVFAIL)
        else:
            self._fill(reply, name, kind)
        answer = reply.to_wire(max_size=65535)
        if len(answer) <= most_octets:
            return answer
        reply.answer.clear()
        reply.flags |= dns.flags.TC
        return reply.to_wire()

    def _fill(self, reply: dns.message.Message, name: str, kind: str) -> None:
        for _ in range(_MOST_CNAMES):
            records = self.zone.get(name)
            if not isinstance(records, Mapping):
                reply.set_rcode(dns.rcode.NXDOMAIN)
                return
            wanted = kind if kind in records else "CNAME"
            if wanted not in records:
                return
            values = [_absolute(value) for value in records[wanted]] if wanted in ("MX", "CNAME") else records[wanted]
            reply.answer.append(dns.rrset.from_text_list(f"{name}.", self.ttl, "IN", wanted, values))
            if wanted == kind:
                return
            name = records["CNAME"][0].lower().removesuffix(".")


def _absolute(value: str) -> str:
    return value if value.endswith(".") else f"{value}."


def _sockets() -> tuple[socket.socket, socket.socket]:
    """Return TCP and UDP sockets on one port, which another program may take between the two steps: try again."""
    for _ in range(20):
        tcp = socket.create_server(("127.0.0.1", 0))
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            udp.bind(tcp.getsockname())
        except OSError:
            tcp.close()
            udp.close()
            continue
        return tcp, udp
    raise RuntimeError("no port free for both UDP and TCP")
