"""Hand a message to the running daemon over its Unix socket.

A blocking SMTP client for one message, small because it starts with every
``sendmail``.  The one rule: success is only what the daemon's reply to the final
dot says.  Whatever goes wrong before it means that nothing was accepted.
"""

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from posthouse.cli.submission.handover import (
    Dialogue,
    Handover,
    HandoverError,
    Letter,
    Refused,
    raise_if_all_refused,
    raise_unless_positive,
)
from posthouse.mail.reply import Reply
from posthouse.mail.status import Status
from posthouse.smtp.parameters import format_mail, format_rcpt

_CONNECT_SECONDS = 10.0
# RFC 5321 section 4.5.3.2: five minutes for a command, ten for the final dot.
_REPLY_SECONDS = 300.0
_FINAL_SECONDS = 600.0
_REPLY_LINE_OCTETS = 4096
_REPLY_LINES = 100
# A group of 50 commands stays far below what a socket buffers, so that neither side blocks on the other.
_PIPELINED = 50


class DaemonDownError(HandoverError):
    """Nobody listens: the caller writes into the spool itself."""

    def __init__(self) -> None:
        super().__init__("the daemon does not run", os.EX_TEMPFAIL)


def connect(path: Path) -> socket.socket:
    """Connect to the daemon.  Raises DaemonDownError or HandoverError."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(_CONNECT_SECONDS)
    try:
        connection.connect(os.fspath(path))
    except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
        connection.close()
        raise DaemonDownError from None
    except OSError as error:
        connection.close()
        raise HandoverError(f"{path}: {error.strerror or error}", os.EX_TEMPFAIL) from error
    return connection


class SubmitConnection:
    """One conversation with the daemon."""

    def __init__(self, path: Path, dialogue: Dialogue | None = None) -> None:
        """Connect.  Raises DaemonDownError or HandoverError."""
        self._socket = connect(path)
        self._socket.settimeout(_REPLY_SECONDS)
        self._replies = self._socket.makefile("rb")
        self._dialogue = dialogue
        self._text_ended = False

    def submit(self, letter: Letter) -> Handover:
        """Hand one message in and close.  Raises HandoverError when it was not taken."""
        try:
            return self._submit(letter)
        except (OSError, EOFError) as error:
            reason = str(error) or type(error).__name__
            # RFC 1047: once the final dot is sent, only its reply could have told.
            fate = "whether it kept the message is not known" if self._text_ended else "the message was NOT accepted"
            message = f"the daemon broke off ({reason}): {fate}"
            raise HandoverError(message, os.EX_TEMPFAIL) from error
        finally:
            self._replies.close()
            self._socket.close()

    def _submit(self, letter: Letter) -> Handover:
        raise_unless_positive(self._reply())
        raise_unless_positive(self._command(b"EHLO localhost\r\n"))
        raise_unless_positive(self._command(format_mail(letter.reverse_path, letter.mail)))
        refused = tuple(self._offer_recipients(letter))
        raise_if_all_refused(letter, refused)
        raise_unless_positive(self._command(b"DATA\r\n"))
        self._send_text(letter.text)
        self._socket.settimeout(_FINAL_SECONDS)
        reply = self._reply()
        raise_unless_positive(reply)
        self._send_command(b"QUIT\r\n")
        if self._dialogue:
            self._take_leave()
        return Handover(reply, refused)

    def _take_leave(self) -> None:
        """Show the answer to QUIT to whoever watches; the message is kept, whatever happens now."""
        with contextlib.suppress(OSError, EOFError):
            self._reply()

    def _offer_recipients(self, letter: Letter) -> Iterator[Refused]:
        """Send RCPT commands in pipelined groups and yield those refused.  RFC 2920."""
        for start in range(0, len(letter.recipients), _PIPELINED):
            group = letter.recipients[start : start + _PIPELINED]
            self._send_command(*(format_rcpt(recipient, letter.rcpt) for recipient in group))
            for recipient in group:
                reply = self._reply()
                if not reply.is_positive:
                    yield Refused(recipient, reply)

    def _send_text(self, chunks: Iterator[bytes]) -> None:
        at_line_start = True
        for chunk in chunks:
            # RFC 5321 section 4.5.2: a line's own first dot is doubled.
            stuffed = chunk.replace(b"\r\n.", b"\r\n..")
            if at_line_start and chunk.startswith(b"."):
                stuffed = b"." + stuffed
            self._socket.sendall(stuffed)
            at_line_start = chunk.endswith(b"\r\n") if chunk else at_line_start
        self._text_ended = True
        self._socket.sendall(b".\r\n" if at_line_start else b"\r\n.\r\n")

    def _command(self, command: bytes) -> Reply:
        self._send_command(command)
        return self._reply()

    def _send_command(self, *commands: bytes) -> None:
        if self._dialogue:
            for command in commands:
                self._dialogue.sent(command.rstrip())
        self._socket.sendall(b"".join(commands))

    def _reply(self) -> Reply:
        """Read one reply, multiline ones whole.  Raises EOFError when the daemon leaves or talks nonsense."""
        texts: list[str] = []
        while len(texts) < _REPLY_LINES:
            line = self._replies.readline(_REPLY_LINE_OCTETS)
            if not line.endswith(b"\n"):
                raise EOFError("connection closed")
            line = line.rstrip(b"\r\n")
            if self._dialogue:
                self._dialogue.received(line)
            if line[:1] not in b"2345" or not line[:3].isdigit() or line[3:4] not in {b"", b" ", b"-"}:
                break
            texts.append(line[4:].decode("utf-8", "replace"))
            if line[3:4] != b"-":
                return _made_reply(int(line[:3]), texts)
        raise EOFError("its reply is not SMTP")


def _made_reply(code: int, texts: list[str]) -> Reply:
    status = Status.leading(texts[0])
    if status is not None:
        # Each line repeats the status (RFC 2034 section 4); the Reply has it once.
        texts = [text.removeprefix(str(status)).lstrip() for text in texts]
    return Reply(code, tuple(texts), status)
