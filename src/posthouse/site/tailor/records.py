"""The records of a tailor file, mmdftailor(5).

A record is a line, and the lines after it that begin with a blank or a tab.  That holds for comments,
too: a line that begins with a blank below a comment belongs to the comment.
"""

from bisect import bisect_right
from collections.abc import Iterator

from msgspec import Struct

from posthouse.mail.lookup import Origin


class Record(Struct, frozen=True):
    """One record: its lines joined with blanks, and where each begins in it (offset, line number from 1)."""

    text: str
    lines: tuple[tuple[int, int], ...]

    def place(self, offset: int, file: str) -> Origin:
        """Return where an offset of the text stands in the file."""
        start, line = self.lines[bisect_right(self.lines, offset, key=lambda each: each[0]) - 1]
        return Origin(file, line, offset - start + 1)

    def lines_after(self, offset: int) -> Iterator[tuple[int, str]]:
        """Yield the lines that begin after an offset: where they begin, and what they say."""
        starts = [start for start, _ in self.lines]
        for number, start in enumerate(starts):
            if start > offset:
                end = starts[number + 1] - 1 if number + 1 < len(starts) else len(self.text)
                yield start, self.text[start:end]


def read_records(text: str) -> Iterator[Record]:
    """Yield the records of a file that say something; comments among them, blank ones not."""
    pieces: list[str] = []
    lines: list[tuple[int, int]] = []
    length = 0
    for number, raw in enumerate(text.split("\n"), start=1):
        line = raw.removesuffix("\r")
        if pieces and raw[:1] not in {" ", "\t"}:
            yield from _record(pieces, lines)
            pieces, lines, length = [], [], 0
        pieces.append(line)
        lines.append((length, number))
        length += len(line) + 1
    yield from _record(pieces, lines)


def _record(pieces: list[str], lines: list[tuple[int, int]]) -> Iterator[Record]:
    text = " ".join(pieces)
    if text.strip(" \t\r\v\f"):
        yield Record(text, tuple(lines))
