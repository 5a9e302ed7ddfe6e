"""One message on its way into the embedded spool, whoever does the work.

All that an intake needs of the spool, and no more: the ``sendmail`` command imports this while the daemon is down.
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from posthouse.adapters.spool_sqlite.commit import Runner, Step
from posthouse.adapters.spool_sqlite.rows import prepare_message
from posthouse.adapters.spool_sqlite.texts import TextFile
from posthouse.mail.envelope import Envelope
from posthouse.mail.errors import SpoolError
from posthouse.mail.queued import QueueId, Settlement, WarningMark
from posthouse.queueing.texts import PIECE_OCTETS

IN_ROW_OCTETS = 64 * 1024  # larger texts lie in files


class SqliteDraft:
    """One message being written: in memory while it is small, then in a file."""

    def __init__(self, folder: Path, runner: Runner, step: Step, min_free_octets: int) -> None:
        self._folder = folder
        self._runner = runner
        self._step = step
        self._min_free_octets = min_free_octets
        self._chunks: list[bytes] = []
        self._waiting = 0  # octets in _chunks
        self._octets = 0
        self._file: TextFile | None = None
        self._open = True

    async def write(self, chunk: bytes) -> None:
        """Append text; waits for the disk once the text is large."""
        self._require_open()
        self._chunks.append(chunk)
        self._waiting += len(chunk)
        self._octets += len(chunk)
        if self._octets > IN_ROW_OCTETS and self._waiting >= PIECE_OCTETS:
            await self._spill()

    async def _spill(self) -> None:
        if self._file is None:
            self._file = TextFile(self._folder, self._step, self._min_free_octets)
        file, chunks = self._file, self._chunks
        self._chunks, self._waiting = [], 0
        await self._runner.file(lambda: file.append(b"".join(chunks)))

    async def commit(
        self,
        envelope: Envelope,
        accepted: datetime,
        settlements: Sequence[Settlement] = (),
        warnings: Sequence[WarningMark] = (),
    ) -> QueueId:
        """Make the message durable."""
        self._require_open()
        if self._octets > IN_ROW_OCTETS:
            return await self._commit_file(envelope, accepted, settlements, warnings)
        self._open = False
        text = b"".join(self._chunks)
        self._chunks = []
        prepared = prepare_message(envelope, accepted, octets=len(text), text=text, text_file=None)
        if settlements or warnings:
            return await self._runner.write(lambda store: store.commit_report(prepared, settlements, warnings))
        return await self._runner.write(lambda store: store.insert(prepared))

    async def _commit_file(
        self,
        envelope: Envelope,
        accepted: datetime,
        settlements: Sequence[Settlement],
        warnings: Sequence[WarningMark],
    ) -> QueueId:
        if self._waiting or self._file is None:
            await self._spill()
        # From here on the file belongs to the transaction: if we are cancelled, the row may yet be committed.
        file, self._file, self._open = self._file, None, False
        assert file is not None  # noqa: S101 - _spill has made it
        prepared = prepare_message(envelope, accepted, octets=self._octets, text=None, text_file=file.name)
        try:
            await self._runner.file(file.sync)
            return await self._runner.write(lambda store: store.commit_report(prepared, settlements, warnings))
        except SpoolError:
            await self._runner.file(file.discard)
            raise
        finally:
            file.release()

    async def abandon(self) -> None:
        """Forget the draft."""
        self._open = False
        self._chunks = []
        file, self._file = self._file, None
        if file is not None:
            await self._runner.file(file.discard)

    def _require_open(self) -> None:
        if not self._open:
            raise SpoolError("this draft was committed or abandoned")
