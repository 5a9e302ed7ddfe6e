"""A scripted peer for the client session: each command gets the next reply that the script has for its verb."""

from posthouse.smtp.client import ClientEvent, ClientSession, Dialect, TextWanted, TlsReady

EXTENSIONS = b"250-peer\r\n250-PIPELINING\r\n250-SIZE 100000\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 DSN\r\n"
PLAIN = b"250 peer\r\n"
DEFAULTS = {
    "EHLO": EXTENSIONS,
    "LHLO": EXTENSIONS,
    "HELO": b"250 peer\r\n",
    "STARTTLS": b"220 2.0.0 go\r\n",
    "MAIL": b"250 2.1.0 ok\r\n",
    "RCPT": b"250 2.1.5 ok\r\n",
    "DATA": b"354 go\r\n",
    "RSET": b"250 2.0.0 ok\r\n",
    ".": b"250 2.0.0 queued\r\n",
    "QUIT": b"221 2.0.0 bye\r\n",
}


class ScriptedPeer:
    """Plays a session.  ``script`` maps a verb to its replies in order; the last one repeats.

    ``sent`` is every command line, ``bursts`` what left in one piece.
    """

    def __init__(
        self,
        script: dict[str, bytes | list[bytes]] | None = None,
        *,
        dialect: Dialect = Dialect.SMTP,
        greeting: bytes = b"220 peer ESMTP\r\n",
        pieces: int = 10**6,
        text: bytes = b"text\r\n",
    ) -> None:
        self.session = ClientSession("us.example", dialect)
        self.sent: list[str] = []
        self.bursts: list[bytes] = []
        self.events: list[ClientEvent] = []
        self._script = {
            verb: [said] if isinstance(said, bytes) else list(said) for verb, said in (script or {}).items()
        }
        self._pieces = pieces
        self._text = text
        self._in_text = False
        self._said(greeting)

    def run(self) -> list[ClientEvent]:
        """Go on until nothing moves; return the new events."""
        seen = len(self.events)
        moving = True
        while moving:
            moving = self._take_events()
            outgoing = self.session.take_outgoing()
            if outgoing:
                moving = True
                self.bursts.append(outgoing)
                self._answer(outgoing)
        return self.events[seen:]

    def _take_events(self) -> bool:
        moved = False
        while (event := self.session.next_event()) is not None:
            moved = True
            self.events.append(event)
            if isinstance(event, TextWanted):
                self.session.send_text(self._text)
                self.session.end_text()
            elif isinstance(event, TlsReady):
                self.session.tls_started()
        return moved

    def _answer(self, outgoing: bytes) -> None:
        for line in outgoing.decode().split("\r\n")[:-1]:
            if not self._in_text:
                self.sent.append(line)
            elif line == ".":
                self._in_text = False
            else:
                continue
            verb = line.split(" ")[0]
            said = self._next_reply(verb)
            self._in_text = self._in_text or (verb == "DATA" and said.startswith(b"354"))
            self._said(said)

    def _next_reply(self, verb: str) -> bytes:
        replies = self._script.get(verb) or [DEFAULTS[verb]]
        return replies.pop(0) if len(replies) > 1 else replies[0]

    def _said(self, wire: bytes) -> None:
        for at in range(0, len(wire), self._pieces):
            self.session.receive(wire[at : at + self._pieces])
