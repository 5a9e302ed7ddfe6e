"""What a real sendmail says of addresses with deliver.cf, beside ours."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from posthouse.cli.classic.command import run
from support.sendmail_corpus import PLACE
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


@pytest.mark.parametrize("case", recorded("newaliases"), ids=lambda case: " ".join(case["opts"]))
def test_aliases_are_rebuilt_as_recorded(cf: Path, case: dict, capsys: pytest.CaptureFixture[str]) -> None:
    options = [option.replace(PLACE, str(cf.parent)) for option in case["opts"]]

    status = run("sendmail", ["--users", str(cf.parent / "maps/passwd"), "-C", str(cf), "-bi", *options])

    printed = capsys.readouterr().out.replace(str(cf.parent), PLACE)
    assert as_where_it_was_recorded(printed, cf.parent).splitlines() == case["stdout"]
    assert status == case["rc"]


def as_where_it_was_recorded(printed: str, corpus: Path) -> str:
    """Put the lengths of aliases right: four name the folder, which had a name of four characters."""
    longest = len(f":include:{corpus}/maps/deliver/nolist")
    more = 4 * (len(str(corpus)) - 4)
    shown = re.sub(r"(\d+)(?= bytes total)", lambda found: str(int(found[0]) - more), printed)
    return shown.replace(f"longest {longest} bytes", "longest 54 bytes") if "46 aliases" in printed else printed


def test_the_command_verifies_by_the_index_that_newaliases_wrote(cf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    site = ["--users", str(cf.parent / "maps/passwd"), "-C", str(cf)]
    run("newaliases", site)
    capsys.readouterr()

    status = run("sendmail", [*site, "-bv", "-OMaxAliasRecursion=5", "mixed", "nobodyhere"])

    assert capsys.readouterr().out.splitlines() == [
        "nobodyhere... User unknown",
        "alice... deliverable: mailer local, user alice",
        "other@b.multi.mailer... deliverable: mailer multi, host b.multi.mailer, user other@b.multi.mailer",
        "someone@single.mailer... deliverable: mailer single, host single.mailer, user someone@single.mailer",
    ]
    assert status == 67
