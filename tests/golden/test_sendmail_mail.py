"""What a real sendmail says of addresses with deliver.cf, beside ours."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.sendmail_mail import mail_corpus, recorded, verify


@pytest.fixture(scope="module")
def cf() -> Iterator[Path]:
    with mail_corpus() as cf:
        yield cf


@pytest.mark.parametrize("case", recorded("verify"), ids=lambda case: " ".join([*case.get("opts", ()), *case["args"]]))
def test_an_address_is_verified_as_recorded(cf: Path, case: dict) -> None:
    status, lines = verify(cf, case["args"], case.get("opts", []))

    assert lines == case["stdout"]
    assert status == case["rc"]
