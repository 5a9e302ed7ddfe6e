"""What sendmail does with a message, ours does: who gets it in which form, what is said, the exit status."""

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from support.sendmail_deliveries import delivery_cases, difference, make_place, run_case

SHOWN = 10  # differences


@pytest.fixture(scope="module")
def corpus() -> Iterator[Path]:
    with TemporaryDirectory(prefix="posthouse-deliveries-") as folder:
        Path(folder).chmod(0o755)  # mailers run as the users who are told of
        yield make_place(Path(folder))


@pytest.mark.skipif(os.geteuid() != 0, reason="files of the recorded users can only be made by root")
def test_every_recorded_message_is_delivered_alike(corpus: Path) -> None:
    cases = delivery_cases()
    wrong = []
    for case in cases:
        found = difference(case, run_case(case, corpus))
        if found:
            wrong.append(f"{case['opts']} {case['args']}: {found}")

    assert not wrong, f"{len(wrong)} of {len(cases)} differ\n" + "\n".join(wrong[:SHOWN])
    assert len(cases) == 105
