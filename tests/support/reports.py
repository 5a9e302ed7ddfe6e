"""Reports as tests look at them: in one piece."""

from collections.abc import AsyncIterator, Sequence

from posthouse.dsn.compose import compose as compose_around
from posthouse.dsn.report import Report
from posthouse.dsn.survey import Survey


class ReturningReport(Report, frozen=True):
    """A report together with the message that comes back whole."""

    text: bytes = b""


def returning(text: bytes, report: Report, cuts: Sequence[int] = ()) -> ReturningReport:
    """Let a report bring all of this back; the survey sees it cut at these places."""
    survey = Survey(report.token)
    ends = sorted(min(cut, len(text)) for cut in cuts)
    for start, end in zip([0, *ends], [*ends, len(text)], strict=True):
        survey.look(text[start:end])
    header = text[: text.find(b"\r\n\r\n") + 4] if b"\r\n\r\n" in text else text
    about = {name: getattr(report, name) for name in Report.__struct_fields__}
    return ReturningReport(**about | {"header": header, "whole": survey.seen}, text=text)


def compose(report: Report) -> bytes:
    """Return the report with what it returns, as it would be sent."""
    composed = compose_around(report)
    text = report.text if composed.has_whole and isinstance(report, ReturningReport) else b""
    whole = composed.before + text + composed.after
    assert whole.isascii() == composed.is_ascii
    return whole


class LetterInPieces:
    """Port Letter over a text at hand, in pieces of this size."""

    def __init__(self, text: bytes, piece_octets: int = 65536) -> None:
        self._text = text
        self._piece_octets = piece_octets
        self.octets = len(text)
        self.is_ascii = text.isascii()

    async def chunks(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self._text), self._piece_octets):
            yield self._text[start : start + self._piece_octets]
