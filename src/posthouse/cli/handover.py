"""What a command hands in, and what became of it: the values between sendmail and its two ways in.

Plain values, so that the socket way starts fast.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from posthouse.cli.errors import CommandError


@dataclass(frozen=True, slots=True)
class Letter:
    """A message on its way in.  Addresses are as the wire has them, without angle brackets."""

    reverse_path: str
    recipients: tuple[str, ...]
    text: Iterator[bytes]  # header, empty line and body, CRLF line ends; read once
    notify: str = ""  # NOTIFY for each recipient, "" for none
    ret: str = ""
    envid: str = ""
    body: str = ""

    @property
    def needs_smtputf8(self) -> bool:
        """Is there an address that cannot travel without SMTPUTF8?  RFC 6531 section 3.4."""
        return not (self.reverse_path.isascii() and all(recipient.isascii() for recipient in self.recipients))

    def mail_command(self) -> bytes:
        """Return MAIL with its parameters, without the line end."""
        words = [f"MAIL FROM:<{self.reverse_path}>"]
        words += [f"BODY={self.body}"] if self.body else []
        words += [f"RET={self.ret}"] if self.ret else []
        words += [f"ENVID={self.envid}"] if self.envid else []
        words += ["SMTPUTF8"] if self.needs_smtputf8 else []
        return " ".join(words).encode()

    def rcpt_command(self, recipient: str) -> bytes:
        """Return RCPT with its parameters, without the line end."""
        notify = f" NOTIFY={self.notify}" if self.notify else ""
        return f"RCPT TO:<{recipient}>{notify}".encode()


@dataclass(frozen=True, slots=True)
class Refused:
    """One recipient that was not taken, and why."""

    recipient: str
    code: int
    text: str


@dataclass(frozen=True, slots=True)
class Handover:
    """The message was taken: ``reply`` names it.  ``refused`` were left out."""

    reply: str
    refused: tuple[Refused, ...] = ()


class HandoverError(CommandError):
    """The message was not taken.  ``refused`` says so per recipient when that is the reason."""

    def __init__(self, message: str, code: int, refused: tuple[Refused, ...] = ()) -> None:
        super().__init__(message, code)
        self.refused = refused


class Dialogue(Protocol):
    """Shown the conversation, for ``-v``."""

    def sent(self, line: bytes) -> None: ...

    def received(self, line: bytes) -> None: ...
