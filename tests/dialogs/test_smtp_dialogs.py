"""The dialogs of this directory, played against the server session in memory."""

import pytest

from support.smtp_dialogs import DIALOGS, MemoryWire, byte_by_byte, play, play_at_once, read_dialog, whole

DIALOG_FILES = sorted(DIALOGS.glob("*.txt"))
IDS = [path.stem for path in DIALOG_FILES]


def test_there_are_dialogs():
    assert len(DIALOG_FILES) > 10


@pytest.mark.parametrize("path", DIALOG_FILES, ids=IDS)
@pytest.mark.parametrize("cut", [whole, byte_by_byte])
def test_dialog(path, cut):
    dialog = read_dialog(path)
    wire = MemoryWire(dialog.limits)

    play(dialog, wire, cut)

    assert wire.read_rest() == b""


@pytest.mark.parametrize("path", DIALOG_FILES, ids=IDS)
def test_dialog_sent_at_once_with_trailing_bytes(path):
    dialog = read_dialog(path)
    wire = MemoryWire(dialog.limits)

    play_at_once(dialog, wire, trailing=b"HALF A COMMAND")

    assert wire.read_rest() == b""
