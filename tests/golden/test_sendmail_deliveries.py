"""What sendmail does with a message, ours does: who gets it in which form, what is said, the exit status."""

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from support.sendmail_deliveries import Case, delivery_cases, difference, make_place, run_case

CASES = delivery_cases()


@pytest.fixture(scope="module")
def corpus() -> Iterator[Path]:
    with TemporaryDirectory(prefix="posthouse-deliveries-") as folder:
        Path(folder).chmod(0o755)  # mailers run as the users who are told of
        yield make_place(Path(folder))


def test_all_that_was_recorded_is_compared() -> None:
    assert len(CASES) == 105


@pytest.mark.skipif(os.geteuid() != 0, reason="files of the recorded users can only be made by root")
@pytest.mark.parametrize("case", CASES, ids=lambda case: " ".join([*case["opts"], *case["args"]])[:60])
def test_a_recorded_message_is_delivered_alike(corpus: Path, case: Case) -> None:
    assert difference(case, run_case(case, corpus)) == ""
