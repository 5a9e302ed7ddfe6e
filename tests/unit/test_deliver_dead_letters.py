"""The mailbox of last resort: whole letters, locked, synced."""

import asyncio
import errno
import mailbox
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from posthouse.adapters.clock_manual import ManualClock
from posthouse.adapters.dead_letters_mbox import MboxDeadLetters
from posthouse.mail.errors import SpoolError, SpoolFullError
from support.reports import LetterInPieces

LETTER = b"From: MAILER-DAEMON@x\r\nSubject: lost\r\n\r\nFrom here on\r\n>From there\r\n\r\nend\r\n"


def letters(path: Path) -> list[mailbox.mboxMessage]:
    box = mailbox.mbox(path, create=False)
    found = list(box)
    box.close()
    return found


def store(path: Path, text: bytes = LETTER, reason: str = "nobody is left", piece_octets: int = 7) -> None:
    asyncio.run(MboxDeadLetters(path, ManualClock()).store(LetterInPieces(text, piece_octets), reason))


def test_letters_are_read_back_by_another_program(tmp_path: Path):
    path = tmp_path / "spool" / "dead-letters"
    store(path)
    store(path, reason="forged\r\nSubject: other\x00")

    first, second = letters(path)
    assert first["Subject"] == "lost"
    assert first["X-Posthouse-Dead-Letter"] == "nobody is left"
    assert first.get_payload() == ">From here on\n>>From there\n\nend\n"
    assert second["X-Posthouse-Dead-Letter"] == "forged Subject: other"
    assert path.stat().st_mode & 0o777 == 0o600


def test_letters_stored_at_once_stay_whole(tmp_path: Path):
    path = tmp_path / "dead-letters"

    async def many() -> None:
        box = MboxDeadLetters(path, ManualClock())
        await asyncio.gather(
            *(box.store(LetterInPieces(LETTER + b"x" * 50_000, 999), str(number)) for number in range(20))
        )

    asyncio.run(many())

    assert sorted(int(letter["X-Posthouse-Dead-Letter"]) for letter in letters(path)) == list(range(20))


def test_what_a_crash_left_does_not_swallow_the_next_letter(tmp_path: Path):
    path = tmp_path / "dead-letters"
    store(path)
    with path.open("ab") as file:
        file.write(b"From MAILER-DAEMON Thu Jan  1 12:00:00 2026\nSubject: half a let")
    store(path)

    assert [letter["Subject"] for letter in letters(path)] == ["lost", "half a let", "lost"]


@pytest.mark.parametrize(
    ("number", "kind"),
    [pytest.param(errno.ENOSPC, SpoolFullError, id="disk full"), pytest.param(errno.EIO, SpoolError, id="broken disk")],
)
def test_a_letter_that_is_not_on_the_disk_was_not_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, kind: type[SpoolError]
):
    path = tmp_path / "dead-letters"
    store(path)
    before = path.read_bytes()

    def broken(_descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(kind):
        store(path)
    assert path.read_bytes() == before


def test_a_mailbox_that_cannot_be_opened_is_spool_trouble(tmp_path: Path):
    (tmp_path / "dead-letters").mkdir()
    with pytest.raises(SpoolError):
        store(tmp_path / "dead-letters")


class HalfALetter(LetterInPieces):
    """Its message can no longer be read."""

    async def chunks(self) -> AsyncIterator[bytes]:
        async for piece in super().chunks():
            yield piece
            raise SpoolError("gone")


def test_of_a_letter_whose_message_cannot_be_read_to_its_end_nothing_stays(tmp_path: Path):
    path = tmp_path / "dead-letters"
    store(path)
    before = path.read_bytes()

    with pytest.raises(SpoolError):
        asyncio.run(MboxDeadLetters(path, ManualClock()).store(HalfALetter(LETTER, 20), "lost"))

    assert path.read_bytes() == before


class LongLetter(LetterInPieces):
    """Says when some of it has been taken."""

    def __init__(self) -> None:
        super().__init__(LETTER * 10_000, 7)
        self.has_begun = asyncio.Event()

    async def chunks(self) -> AsyncIterator[bytes]:
        async for piece in super().chunks():
            yield piece
            self.has_begun.set()


def test_of_a_letter_that_is_told_to_leave_off_nothing_stays(tmp_path: Path):
    path = tmp_path / "dead-letters"
    store(path)
    before = path.read_bytes()

    async def leave_off() -> None:
        letter = LongLetter()
        storing = asyncio.ensure_future(MboxDeadLetters(path, ManualClock()).store(letter, "lost"))
        await letter.has_begun.wait()
        storing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await storing

    asyncio.run(leave_off())

    assert path.read_bytes() == before
