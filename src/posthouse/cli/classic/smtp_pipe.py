"""An SMTP session over standard input and output: blocking reads, each answer written before the next read."""

from __future__ import annotations  # so that the session is imported by the type checker alone

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from posthouse.mail.reply import Reply, reply
from posthouse.smtp.server_events import ServerEvent, SessionEnded

if TYPE_CHECKING:
    from posthouse.smtp.server import ServerSession

CHUNK: Final = 64 * 1024
STDIN, STDOUT = 0, 1
_SENSELESS: Final = reply(554, "5.3.5", "the rules of the site make nothing of an address")

Act = Callable[[ServerEvent], Reply | None]  # returns the answer to an event that waits for one


def converse(session: ServerSession, act: Act) -> None:
    """Greet, and serve until QUIT or the end of the input."""
    session.greet()
    ended = _handle_events(session, act)
    while not ended:
        wire = os.read(STDIN, CHUNK)
        if wire:
            session.receive(wire)
        else:
            session.connection_lost()
        ended = _handle_events(session, act) or not wire


def _handle_events(session: ServerSession, act: Act) -> bool:
    """Handle what the session has to say, send its replies, and return whether it is over."""
    ended = False
    while (event := session.next_event()) is not None:
        if isinstance(event, SessionEnded):
            ended = True
            break
        answer = act(event)
        if answer is not None:
            session.answer(answer)
    write_all(session.take_outgoing())
    return ended


def write_all(wire: bytes) -> None:
    """Write to standard output, however little it takes at once."""
    while wire:
        wire = wire[os.write(STDOUT, wire) :]


def blames_the_rules(answer: Reply | None) -> bool:
    """Say whether an answer is that the site's rules make no sense: the command then ends with 70."""
    return answer is not None and (answer.code, answer.status) == (_SENSELESS.code, _SENSELESS.status)
