"""Hand a message to the running daemon over its Unix socket.

A blocking SMTP client for one message, small because it starts with every
``sendmail``.  The one rule: success is only what the daemon's reply to the final
dot says.  Whatever goes wrong before it means that nothing was accepted.
"""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

from posthouse.cli.handover import Dialogue, Handover, HandoverError, Letter, Refused

_CONNECT_SECONDS = 10.0
# RFC 5321 section 4.5.3.2: five minutes for a command, ten for the final dot.
_REPLY_SECONDS = 300.0
_FINAL_SECONDS = 600.0
_REPLY_MOST_OCTETS = 64 * 1024


class DaemonDownError(HandoverError):
    """Nobody listens: the caller writes into the spool itself."""

    def __init__(self) -> None:
        super().__init__("the daemon does not run", os.EX_TEMPFAIL)


class SubmitConnection:
    """One conversation with the daemon."""

    def __init__(self, path: Path, dialogue: Dialogue | None = None) -> None:
        """Connect and read the greeting.  Raises DaemonDownError or HandoverError."""
        self._dialogue = dialogue
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(_CONNECT_SECONDS)
        try:
            self._socket.connect(os.fspath(path))
        except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
            self._socket.close()
            raise DaemonDownError from None
        except OSError as error:
            self._socket.close()
            raise HandoverError(f"{path}: {error.strerror or error}", os.EX_TEMPFAIL) from error
        self._replies = self._socket.makefile("rb")
        self._socket.settimeout(_REPLY_SECONDS)

    def close(self) -> None:
        """Leave, politely when possible."""
        self._replies.close()
        self._socket.close()

    def submit(self, letter: Letter) -> Handover:
        """Hand one message in.  Raises HandoverError when it was not taken."""
        try:
            return self._submit(letter)
        except (OSError, EOFError) as error:
            raise HandoverError(f"the daemon broke off: {error or type(error).__name__}", os.EX_TEMPFAIL) from error
        finally:
            self.close()

    def _submit(self, letter: Letter) -> Handover:
        self._expect(220, b"")
        self._expect(250, b"EHLO localhost")
        self._expect(250, letter.mail_command())
        refused = tuple(self._offer_recipients(letter))
        if len(refused) == len(letter.recipients):
            self._command(b"QUIT")
            raise HandoverError("no recipient was accepted", refusal_code(refused), refused)
        self._expect(354, b"DATA")
        self._send_text(letter.text)
        self._socket.settimeout(_FINAL_SECONDS)
        code, text = self._reply()
        if code != 250:
            raise HandoverError(text, exit_code_for_reply(code))
        self._command(b"QUIT")
        return Handover(text, refused)

    def _offer_recipients(self, letter: Letter) -> Iterator[Refused]:
        """Send RCPT commands in pipelined groups and yield those refused.  RFC 2920."""
        # A group of 50 stays far below what a socket buffers, so that neither side blocks on the other.
        for start in range(0, len(letter.recipients), 50):
            group = letter.recipients[start : start + 50]
            for recipient in group:
                self._show_sent(letter.rcpt_command(recipient))
            self._socket.sendall(b"".join(letter.rcpt_command(recipient) + b"\r\n" for recipient in group))
            for recipient in group:
                code, text = self._reply()
                if code not in {250, 251}:
                    yield Refused(recipient, code, text)

    def _send_text(self, chunks: Iterator[bytes]) -> None:
        at_line_start = True
        for chunk in chunks:
            if not chunk:
                continue
            # RFC 5321 section 4.5.2: a line's own first dot is doubled.
            stuffed = chunk.replace(b"\r\n.", b"\r\n..")
            if at_line_start and chunk.startswith(b"."):
                stuffed = b"." + stuffed
            self._socket.sendall(stuffed)
            at_line_start = chunk.endswith(b"\r\n")
        self._socket.sendall(b".\r\n" if at_line_start else b"\r\n.\r\n")

    def _expect(self, wanted: int, command: bytes) -> None:
        code, text = self._command(command) if command else self._reply()
        if code != wanted:
            raise HandoverError(text, exit_code_for_reply(code))

    def _command(self, command: bytes) -> tuple[int, str]:
        self._show_sent(command)
        self._socket.sendall(command + b"\r\n")
        return self._reply()

    def _show_sent(self, command: bytes) -> None:
        if self._dialogue:
            self._dialogue.sent(command)

    def _reply(self) -> tuple[int, str]:
        """Read one reply, multiline ones whole, and return its code and text with the code in front."""
        texts: list[str] = []
        for _ in range(100):
            line = self._replies.readline(_REPLY_MOST_OCTETS)
            if not line.endswith(b"\n"):
                raise EOFError("connection closed")
            line = line.rstrip(b"\r\n")
            if self._dialogue:
                self._dialogue.received(line)
            if not (line[:3].isdigit() and line[3:4] in {b"", b" ", b"-"}):
                break
            texts.append(line[4:].decode("utf-8", "replace"))
            if line[3:4] != b"-":
                return int(line[:3]), f"{line[:3].decode('ascii')} {' '.join(texts)}"
        raise EOFError("the daemon's reply is not SMTP")


def refusal_code(refused: tuple[Refused, ...]) -> int:
    """Return the exit code for refused recipients: the gentlest that is true of all of them."""
    if any(one.code < 500 for one in refused):
        return os.EX_TEMPFAIL
    if all("5.1.1" in one.text or "5.1.0" in one.text or "5.1.6" in one.text for one in refused):
        return os.EX_NOUSER
    return os.EX_UNAVAILABLE


def exit_code_for_reply(code: int) -> int:
    """Return the exit code for a message that was refused as a whole."""
    return os.EX_TEMPFAIL if 400 <= code < 500 else os.EX_UNAVAILABLE
