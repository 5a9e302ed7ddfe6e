"""Other configurations: what a real sendmail did with messages, addresses, dialogues and alias files, and ours does.

Each case is deliver.cf with mailers or rules of its own, and with files of its own; recorded in
tests/data/sendmail/more-mail.jsonl as those of mail.jsonl were.
"""

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from support.sendmail_deliveries import Case, arrange, difference, further_cases, make_place, run_case
from support.sendmail_smtp import run_dialogue

CASES = further_cases()


def test_all_that_was_recorded_is_compared() -> None:
    assert len(CASES) == 83


@pytest.mark.skipif(os.geteuid() != 0, reason="files of the recorded users can only be made by root")
@pytest.mark.parametrize(
    "case",
    CASES,
    ids=lambda case: " ".join(
        [case.get("lines", "")[:30], *case["opts"], *case["args"], *map(str, case.get("says", ()))]
    )[:90],
)
def test_another_configuration_does_alike(case: Case) -> None:
    with TemporaryDirectory(prefix="posthouse-further-") as folder:
        Path(folder).chmod(0o755)  # mailers run as the users who are told of
        corpus = make_place(Path(folder))
        arrange(case, corpus)
        seen = run_dialogue(case, corpus) if case["op"] == "smtp" else run_case(case, corpus)

    assert difference(without_queues(case), without_queues(seen)) == ""


def without_queues(case: Case) -> Case:
    """Leave out what is in the queue, which is compared elsewhere."""
    steps = [{name: value for name, value in step.items() if name != "queue"} for step in case.get("steps", ())]
    return {**{name: value for name, value in case.items() if name != "queue"}, "steps": steps}
