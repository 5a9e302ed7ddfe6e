"""Replies of SMTP: a code, an enhanced status, text.  RFC 5321 section 4.2, RFC 2034."""

from msgspec import Struct

from posthouse.mail.status import Status


class Reply(Struct, frozen=True):
    """One reply; several lines of text make a multiline reply.  ``status`` is None where RFC 2034 forbids one."""

    code: int
    lines: tuple[str, ...]
    status: Status | None = None

    def __post_init__(self) -> None:
        if not 200 <= self.code <= 599:
            raise ValueError(f"{self.code} is not a reply code")
        if not self.lines:
            raise ValueError("a reply needs text")

    @property
    def is_positive(self) -> bool:
        """2yz, or the 3yz that asks for the text."""
        return self.code < 400

    @property
    def is_transient(self) -> bool:
        """4yz: the same may succeed later."""
        return 400 <= self.code < 500

    @property
    def text(self) -> str:
        """The lines as one, for logs and diagnostics."""
        return " ".join(self.lines)

    def __str__(self) -> str:
        status = f"{self.status} " if self.status else ""
        return f"{self.code} {status}{self.text}"


def reply(code: int, status: str, *lines: str) -> Reply:
    """Make a reply; status "" for none."""
    return Reply(code, lines, Status.parse(status) if status else None)
