"""Text in the form of one mailer: line ends, long lines, dots, ``From `` at the beginning of a line, seven bits.

Every byte passes once; a line is held back no longer than until its end is seen or L= is reached.
"""

import re
from typing import Final

from msgspec import Struct

from posthouse.site.cf.declared import MailerDeclaration

_BREAK: Final = b"!"
_SEVEN_BITS: Final = bytes(octet & 0x7F for octet in range(256))
_FROM: Final = b"From "
SMTP_LONGEST: Final = 990  # octets of a line: F=L without L=


class TextForm(Struct, frozen=True):
    """What the flags of a mailer make of its text."""

    end_of_line: bytes = b"\n"
    longest_line: int = 0  # octets; 0 is no limit
    escapes_from: bool = False  # F=E
    doubles_dots: bool = False  # F=X
    seven_bits: bool = False  # F=7
    seven_bit_header: bool = False  # F=6
    blank_at_end: bool = False  # F=b
    drops_nul: bool = False  # F=1


def form_of(mailer: MailerDeclaration, *, is_smtp: bool = False) -> TextForm:
    """Return the form of a mailer; one that speaks SMTP gets CRLF, and its dots where the dialogue is spoken."""
    return TextForm(
        end_of_line=b"\r\n" if is_smtp else mailer.end_of_line.encode("iso8859-1"),
        longest_line=mailer.longest_line or (SMTP_LONGEST if mailer.has("L") else 0),
        escapes_from=mailer.has("E"),
        doubles_dots=mailer.has("X") and not is_smtp,
        seven_bits=mailer.has("7"),
        seven_bit_header=mailer.has("6") or mailer.has("7"),
        blank_at_end=mailer.has("b"),
        drops_nul=mailer.has("1"),
    )


class TextWriter:
    """Writes one message: the header's lines first, then the body as it comes, CRLF or LF."""

    def __init__(self, form: TextForm) -> None:
        self._form = form
        self._held = b""  # the beginning of a line, or a CR whose LF may come
        self._slop = 0  # 1 within a line that was broken
        limit = form.longest_line
        self._long = re.compile(rb"[^\r\n]{%d}" % min(limit, 60_000)) if limit > 2 else None

    def header(self, lines: tuple[str, ...]) -> bytes:
        """Return header lines, and the empty line that ends them."""
        return self.fields(lines) + self._form.end_of_line

    def fields(self, lines: tuple[str, ...]) -> bytes:
        """Return header lines."""
        written = bytearray()
        for line in lines:
            octets = line.encode("iso8859-1", "replace")
            if self._form.seven_bit_header:
                octets = octets.translate(_SEVEN_BITS)
            for number, part in enumerate(octets.split(b"\n")):
                # A continuation that does not begin with a blank would be read as another field.
                folded = part if not number or part[:1] in (b" ", b"\t") else b" " + part
                written += self._whole(folded, self._form.longest_line)
        return bytes(written)

    def line(self, text: str) -> bytes:
        """Return one line as it is: the From_ line."""
        return text.encode("iso8859-1", "replace") + self._form.end_of_line

    def feed(self, chunk: bytes) -> bytes:
        """Return what of the body is certain after this chunk."""
        if self._form.seven_bits:
            chunk = chunk.translate(_SEVEN_BITS)
        if self._form.drops_nul:
            chunk = chunk.replace(b"\0", b"")
        quick = self._quick(chunk)
        if quick is not None:
            return quick
        *lines, self._held = re.split(rb"\r?\n", self._held + chunk)
        limit = self._form.longest_line
        written = b"".join(self._whole(line, limit - 1) for line in lines)
        room = limit - 1 - self._slop
        if limit > 2 and len(self._held) > limit:
            written += self._part(self._held[:room])
            self._held = self._held[room:]
        elif not limit and len(self._held) > 65536 and not self._held.endswith(b"\r"):
            written += self._open(self._held)
            self._slop, self._held = 1, b""
        return written

    def _quick(self, chunk: bytes) -> bytes | None:
        """Return the whole lines at once where nothing but their ends may change; None where each must be looked at."""
        form = self._form
        if form.escapes_from or form.doubles_dots or self._slop:
            return None
        text = self._held + chunk
        end = text.rfind(b"\n") + 1
        if not end or len(text) - end > form.longest_line > 0 or (self._long and self._long.search(text, 0, end)):
            return None
        self._held = text[end:]
        whole = text[:end]
        return whole if form.end_of_line == b"\r\n" else whole.replace(b"\r\n", form.end_of_line)

    def finish(self) -> bytes:
        """Return what was held back, with the line end that it lacks, and the blank line of F=b."""
        rest = self._whole(self._held, self._form.longest_line - 1) if self._held or self._slop else b""
        self._held = b""
        return rest + (self._form.end_of_line if self._form.blank_at_end else b"")

    def _whole(self, line: bytes, most: int) -> bytes:
        """Return a line with its end, broken where longer than ``most``: in the body one less than in a header."""
        written = b""
        limit = self._form.longest_line
        while limit > 2 and len(line) + self._slop > most:
            room = limit - 1 - self._slop
            written += self._part(line[:room])
            line = line[room:]
        written += self._open(line) + self._form.end_of_line
        self._slop = 0
        return written

    def _part(self, part: bytes) -> bytes:
        written = self._open(part) + _BREAK + self._form.end_of_line + b" "
        self._slop = 1
        return written

    def _open(self, line: bytes) -> bytes:
        """Return a line with what its beginning needs."""
        if self._slop:
            return line
        if self._form.doubles_dots and line.startswith(b"."):
            return b"." + line
        if self._form.escapes_from and line.startswith(_FROM):
            return b">" + line
        return line
